"""Contacts: with whom a line speaks, how many are new, how many are called once, how many answer or call back.

Redials are merged: calls to one callee that start at most 30 minutes after the call before are one attempt, answered if
one of them was. Twenty calls to one office are not dispersion.
"""

from __future__ import annotations

from functools import partial

import polars as pl

from linerisk.features.stages import NEVER_MISSING, Feature, count, entries, evenness, share, weight_log

REDIAL_S = 1800

_entry = partial(entries, family="contacts", unit="share", null="nobody called in the window", reason="A01")
_counted = partial(entries, family="contacts", unit="count", null=NEVER_MISSING)

FEATURES: tuple[Feature, ...] = (
    *_counted(
        "distinct_callees_count",
        "24h",
        "7d",
        "28d",
        meaning="different parties called",
        reason="A01",
        zh="呼出的不同号码数",
        en="different numbers called",
    ),
    *_entry(
        "calls_per_callee",
        "7d",
        "28d",
        unit="ratio",
        meaning="attempts (redials merged) per party called",
        zh="平均每个号码呼出次数",
        en="calls per number called",
    ),
    *_entry(
        "answered_call_share",
        "7d",
        "28d",
        meaning="attempts (redials merged) that were answered",
        reason="A04",
        zh="呼出接通率",
        en="share of outgoing calls answered",
    ),
    *_entry(
        "one_shot_callee_share",
        "7d",
        "28d",
        meaning="parties with a single attempt (redials merged) among those called",
        zh="只呼叫过一次的号码占比",
        en="share of numbers called only once",
    ),
    *_counted(
        "new_callees_count",
        "24h",
        "7d",
        meaning="parties called without a call or text either way between 56 days ago and the window",
        reason="A01",
        zh="呼出的此前未联系过的号码数",
        en="numbers called with no contact before",
    ),
    *_entry(
        "new_callee_share",
        "7d",
        meaning="parties without a call or text either way between 56 days ago and the window, among those called",
        zh="此前未联系过的号码占呼出号码比例",
        en="share of numbers called with no contact before",
    ),
    *_entry(
        "reciprocal_callee_share",
        "7d",
        "28d",
        meaning="parties that also called the line in the window, among those called",
        reason="A03",
        zh="有回拨的号码占呼出号码比例",
        en="share of numbers called that also called in",
    ),
    *_entry(
        "callee_entropy",
        "7d",
        unit="0-1",
        meaning="evenness of attempts (redials merged) over the parties called: entropy over its maximum",
        null="fewer than two parties called in the window",
        zh="呼出号码离散度",
        en="evenness of calls over the numbers called",
    ),
    *_entry(
        "top_callee_share",
        "28d",
        meaning="attempts (redials merged) to the party with most of them",
        zh="呼叫最多的号码占比",
        en="share of calls to the most called number",
    ),
    *_entry(
        "virtual_callee_share",
        "7d",
        meaning="privacy numbers of platforms among parties called",
        zh="平台隐私号占呼出号码比例",
        en="share of platform privacy numbers among numbers called",
    ),
    *_counted(
        "text_recipients_count",
        "7d",
        meaning="different parties texted",
        reason="A10",
        zh="短信发往的不同号码数",
        en="different numbers texted",
    ),
    *_entry(
        "text_reply_share",
        "7d",
        meaning="parties that also texted the line in the window, among those texted",
        null="nobody texted in the window",
        reason="A10",
        zh="有短信回复的号码占比",
        en="share of numbers texted that texted back",
    ),
)


def _parties(prepared: pl.LazyFrame) -> pl.LazyFrame:
    """What happened between a line and a party, and when. Grain: one row per line and party."""
    c = pl.col
    w1, w7, out, inn = c("w1"), c("w7"), c("is_out"), c("is_in")
    contact = out | inn | c("is_sms_out") | c("is_sms_in")
    return prepared.group_by("line_key", "peer_key").agg(
        called_1=(out & w1).any(),
        called_7=(out & w7).any(),
        called_28=(out & c("w28")).any(),
        called_in_7=(inn & w7).any(),
        called_in_28=(inn & c("w28")).any(),
        before_1=(contact & ~w1).any(),
        before_7=(contact & ~w7).any(),
        texted_7=(c("is_sms_out") & w7).any(),
        texted_in_7=(c("is_sms_in") & w7).any(),
        virtual_7=(out & w7 & c("is_virtual")).any(),
    )


def _by_party(prepared: pl.LazyFrame) -> pl.LazyFrame:
    c = pl.col
    sums = (
        _parties(prepared)
        .group_by("line_key")
        .agg(
            distinct_callees_count_24h=count(c("called_1")),
            distinct_callees_count_7d=count(c("called_7")),
            distinct_callees_count_28d=count(c("called_28")),
            new_callees_count_24h=count(c("called_1") & ~c("before_1")),
            new_callees_count_7d=count(c("called_7") & ~c("before_7")),
            mutual_7=count(c("called_7") & c("called_in_7")),
            mutual_28=count(c("called_28") & c("called_in_28")),
            virtual_7=count(c("virtual_7")),
            text_recipients_count_7d=count(c("texted_7")),
            replied_7=count(c("texted_7") & c("texted_in_7")),
        )
    )
    return sums.select(
        "line_key",
        "distinct_callees_count_24h",
        "distinct_callees_count_7d",
        "distinct_callees_count_28d",
        "new_callees_count_24h",
        "new_callees_count_7d",
        "text_recipients_count_7d",
        new_callee_share_7d=share(c("new_callees_count_7d"), c("distinct_callees_count_7d")),
        reciprocal_callee_share_7d=share(c("mutual_7"), c("distinct_callees_count_7d")),
        reciprocal_callee_share_28d=share(c("mutual_28"), c("distinct_callees_count_28d")),
        virtual_callee_share_7d=share(c("virtual_7"), c("distinct_callees_count_7d")),
        text_reply_share_7d=share(c("replied_7"), c("text_recipients_count_7d")),
    )


def _attempts(prepared: pl.LazyFrame) -> pl.LazyFrame:
    """Outgoing calls of 28 days with redials merged. Grain: one row per line, callee and attempt.

    An attempt that began before the last 7 days counts for them with its calls inside them (`in_7`, `answered_7`).
    """
    c = pl.col
    again = (
        (c("line_key") == c("line_key").shift())
        & (c("peer_key") == c("peer_key").shift())
        & (c("age_s").shift() - c("age_s") <= REDIAL_S)
    ).fill_null(value=False)
    return (
        prepared.filter(c("is_out"), c("w28"))
        .select("line_key", "peer_key", "age_s", "w7", "answered")
        .sort("line_key", "peer_key", "age_s", descending=[False, False, True])
        .with_columns(attempt=(~again).cum_sum())
        .group_by("line_key", "peer_key", "attempt")
        .agg(
            in_7=c("w7").any(),
            answered_7=(c("w7") & c("answered")).any(),
            answered_28=c("answered").any(),
        )
    )


def _by_attempt(prepared: pl.LazyFrame) -> pl.LazyFrame:
    c = pl.col
    return (
        _attempts(prepared)
        .group_by("line_key", "peer_key")
        .agg(
            calls_7=count(c("in_7")),
            calls_28=pl.len().cast(pl.Int64),
            answered_7=count(c("answered_7")),
            answered_28=count(c("answered_28")),
        )
        .group_by("line_key")
        .agg(
            pl.col("calls_7", "calls_28", "answered_7", "answered_28").sum(),
            callees_7=count(c("calls_7") > 0),
            callees_28=pl.len().cast(pl.Int64),
            once_7=count(c("calls_7") == 1),
            once_28=count(c("calls_28") == 1),
            top_28=c("calls_28").max(),
            weight_logs=weight_log(c("calls_7")).sum(),
        )
        .select(
            "line_key",
            calls_per_callee_7d=share(c("calls_7"), c("callees_7")),
            calls_per_callee_28d=share(c("calls_28"), c("callees_28")),
            answered_call_share_7d=share(c("answered_7"), c("calls_7")),
            answered_call_share_28d=share(c("answered_28"), c("calls_28")),
            one_shot_callee_share_7d=share(c("once_7"), c("callees_7")),
            one_shot_callee_share_28d=share(c("once_28"), c("callees_28")),
            callee_entropy_7d=evenness(c("weight_logs"), c("calls_7"), c("callees_7")),
            top_callee_share_28d=share(c("top_28"), c("calls_28")),
        )
    )


STAGES = (_by_party, _by_attempt)
