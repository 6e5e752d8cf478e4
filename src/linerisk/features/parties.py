"""Contacts by party: how many a line calls and texts, how many are new, how many call or text back.

For each kind of contact between a line and a party, the first and the last time are kept. They determine, for any
window, whether it happened in or before the window.
"""

from __future__ import annotations

from functools import partial

import polars as pl

from linerisk.features.stages import (
    HISTORY,
    NEVER_MISSING,
    OBSERVATION,
    ONE_RING_S,
    Feature,
    count,
    entries,
    share,
)

BURST_NEW_CALLEES = 20
"""New parties called on a day from which the day is a burst."""

_entry = partial(entries, family="contacts", unit="share", null="nobody called in the window", reason="A01")
_counted = partial(entries, family="contacts", unit="count", null=NEVER_MISSING)

FEATURES: tuple[Feature, ...] = (
    *_counted(
        "distinct_contacts_count",
        "24h",
        "7d",
        "28d",
        meaning="different parties with a call or text either way",
        reason="A01",
        zh="联系过的不同号码数",
        en="different numbers in contact",
    ),
    *_counted(
        "distinct_callees_count",
        "1h",
        "24h",
        "7d",
        "28d",
        meaning="different parties called",
        reason="A01",
        zh="呼出的不同号码数",
        en="different numbers called",
    ),
    *_counted(
        "new_callees_count",
        "1h",
        "24h",
        "7d",
        "28d",
        meaning="parties called without a call or text either way between 56 days ago and the window",
        reason="A01",
        zh="呼出的此前未联系过的号码数",
        en="numbers called with no contact before",
    ),
    *_entry(
        "new_callee_share",
        "24h",
        "7d",
        "28d",
        meaning="parties without a call or text either way between 56 days ago and the window, among those called",
        zh="此前未联系过的号码占呼出号码比例",
        en="share of numbers called with no contact before",
    ),
    *_entry(
        "callees_vs_own_past_ratio",
        "7d",
        unit="ratio",
        meaning="different parties called this week over the weekly mean of the seven weeks before, both plus one",
        null="no call or text either way in 56 days",
        zh="呼出号码数与此前七周周均之比",
        en="numbers called against the line's own weekly mean before",
    ),
    *_entry(
        "reciprocal_callee_share",
        "24h",
        "7d",
        "28d",
        meaning="parties that also called the line in the window, among those called",
        reason="A03",
        zh="有回拨的号码占呼出号码比例",
        en="share of numbers called that also called in",
    ),
    *_entry(
        "virtual_callee_share",
        "7d",
        "28d",
        meaning="privacy numbers of platforms among parties called",
        zh="平台隐私号占呼出号码比例",
        en="share of platform privacy numbers among numbers called",
    ),
    *_entry(
        "international_callee_share",
        "7d",
        "28d",
        meaning="international numbers among parties called",
        reason="A01",
        zh="国际号码占呼出号码比例",
        en="share of international numbers among numbers called",
    ),
    *_entry(
        "grey_callee_share",
        "7d",
        "28d",
        meaning="short codes and numbers of unknown kind among parties called",
        zh="短号及未知类型号码占呼出号码比例",
        en="share of short codes and numbers of unknown kind among numbers called",
    ),
    *_counted(
        "one_ring_call_backs_count",
        "7d",
        meaning=f"parties rung for at most {ONE_RING_S} s, unanswered, who called the line after that",
        reason="A03",
        zh="响一声之后回拨的号码数",
        en="numbers that called back after one ring",
    ),
    *_counted(
        "text_recipients_count",
        "24h",
        "7d",
        "28d",
        meaning="different parties texted",
        reason="A10",
        zh="短信发往的不同号码数",
        en="different numbers texted",
    ),
    *_counted(
        "new_text_recipients_count",
        "24h",
        "7d",
        "28d",
        meaning="parties texted without a call or text either way between 56 days ago and the window",
        reason="A10",
        zh="短信发往的此前未联系过的号码数",
        en="numbers texted with no contact before",
    ),
    *_entry(
        "text_reply_share",
        "24h",
        "7d",
        "28d",
        meaning="parties that also texted the line in the window, among those texted",
        null="nobody texted in the window",
        reason="A10",
        zh="有短信回复的号码占比",
        en="share of numbers texted that texted back",
    ),
)

_WINDOWS = {"1h": "h1", "24h": "w1", "7d": "w7", "28d": "w28"}
_KINDS = {"virtual": "is_virtual", "international": "is_foreign", "grey": "is_grey"}
_WEEKS_BEFORE = range(1, HISTORY.days // 7)

_EVENTS = ("out", "inn", "text", "text_in", "contact", *_KINDS)
"""What may happen between a line and a party."""
_INSIDE = {
    (event, window): 1 << (len(_WINDOWS) * row + column)
    for row, event in enumerate(_EVENTS)
    for column, window in enumerate(_WINDOWS)
}
"""The bit of `happened` that says that the event happened inside the window."""
_BEFORE = {window: 1 << (len(_INSIDE) + column) for column, window in enumerate(_WINDOWS)}
"""The bit that says that there was contact before the window."""
_WEEK_BITS = 1 << (len(_INSIDE) + len(_BEFORE))
"""Bits from here on say in which of the weeks before the party was called."""


def _happened() -> pl.Expr:
    """Kinds of contact in a record, as bits: one bitwise OR aggregates them over all records."""
    c, every = pl.col, (1 << len(_WINDOWS)) - 1
    inside = pl.sum_horizontal(c(flag).cast(pl.Int64) * (1 << column) for column, flag in enumerate(_WINDOWS.values()))
    contact = ~c("is_forwarded")
    out = c("is_out")
    flags = (out, c("is_in"), c("is_sms_out"), c("is_sms_in"), contact, *(out & c(flag) for flag in _KINDS.values()))
    events = pl.sum_horizontal(
        flag.cast(pl.Int64) * _INSIDE[event, "1h"] for event, flag in zip(_EVENTS, flags, strict=True)
    )
    week = pl.lit(2, dtype=pl.Int64).pow(c("day") // 7) * (out & ~c("w7"))
    return events * inside + contact * (every - inside) * _BEFORE["1h"] + week * (_WEEK_BITS // 2)


def _parties(prepared: pl.LazyFrame) -> pl.LazyFrame:
    """Kinds of contact between a line and a party, with times. Grain: one row per line and party.

    `*_day` are days and `*_s` seconds before `as_of`, null where it never happened in the history.
    """
    c = pl.col
    return (
        prepared.with_columns(happened=_happened())
        .group_by("line_key", "peer_key")
        .agg(
            c("happened").bitwise_or(),
            first_out_day=pl.when("is_out").then("day").max(),
            first_contact_day=pl.when(~c("is_forwarded")).then("day").max(),
            last_in_s=pl.when("is_in").then("age_s").min(),
            first_ring_s=pl.when(c("one_ring") & c("w7")).then("age_s").max(),
        )
    )


def _number(*on: int, off: int = 0) -> pl.Expr:
    """Number of parties with all of some kinds of contact and none of others."""
    return count((pl.col("happened") & (sum(on) | off)) == sum(on))


def _sums() -> dict[str, pl.Expr]:
    """Numbers of parties, from `_parties`."""
    c = pl.col
    sums = {
        "weeks_before": (c("happened") // _WEEK_BITS).bitwise_count_ones().cast(pl.Int64).sum(),
        "called_back": count(c("last_in_s") < c("first_ring_s")),
    }
    for window, before in _BEFORE.items():
        happened = {event: _INSIDE[event, window] for event in _EVENTS}
        out, text = happened["out"], happened["text"]
        sums |= {f"callees_{window}": _number(out), f"new_{window}": _number(out, off=before)}
        if window == "1h":
            continue
        sums |= {
            f"contacts_{window}": _number(happened["contact"]),
            f"mutual_{window}": _number(out, happened["inn"]),
            f"texted_{window}": _number(text),
            f"new_texted_{window}": _number(text, off=before),
            f"replied_{window}": _number(text, happened["text_in"]),
        }
        if window != "24h":
            sums |= {f"{kind}_{window}": _number(happened[kind]) for kind in _KINDS}
    return sums


def _values() -> dict[str, pl.Expr]:
    """Features, from `_sums`."""
    c = pl.col
    values = {
        "callees_vs_own_past_ratio_7d": (c("callees_7d") + 1) / (c("weeks_before") / len(_WEEKS_BEFORE) + 1),
        "one_ring_call_backs_count_7d": c("called_back"),
    }
    for window in _WINDOWS:
        callees, new, texted = c(f"callees_{window}"), c(f"new_{window}"), c(f"texted_{window}")
        values |= {
            f"distinct_contacts_count_{window}": c(f"contacts_{window}"),
            f"distinct_callees_count_{window}": callees,
            f"new_callees_count_{window}": new,
            f"new_callee_share_{window}": share(new, callees),
            f"reciprocal_callee_share_{window}": share(c(f"mutual_{window}"), callees),
            f"text_recipients_count_{window}": texted,
            f"new_text_recipients_count_{window}": c(f"new_texted_{window}"),
            f"text_reply_share_{window}": share(c(f"replied_{window}"), texted),
            **{f"{kind}_callee_share_{window}": share(c(f"{kind}_{window}"), callees) for kind in _KINDS},
        }
    return {feature.name: values[feature.name] for feature in FEATURES}


def _by_party(prepared: pl.LazyFrame) -> pl.LazyFrame:
    """By line and day of first contact before by line, to see the days on which many parties are called first."""
    c, sums = pl.col, _sums()
    met = c("first_contact_day")
    days = (
        _parties(prepared)
        .filter(met.is_not_null())
        .group_by("line_key", met)
        .agg(**sums, called_first=count(c("first_out_day") == met))
    )
    burst = (c("called_first") >= BURST_NEW_CALLEES) & (met < OBSERVATION.days)
    return (
        days.group_by("line_key")
        .agg(c(list(sums)).sum(), first_burst_day=pl.when(burst).then(met).max())
        .select("line_key", "first_burst_day", **_values())
    )


STAGES = (_by_party,)
