"""Contacts by attempt: how often each party is called, how many of them once, how many answer.

Redials are merged: calls to one callee that start at most 30 minutes after the call before are one attempt, answered if
one of them was. Twenty calls to one office are not dispersion.
"""

from __future__ import annotations

from functools import partial

import polars as pl

from linerisk.features.stages import Feature, count, entries, evenness, share, weight_log

REDIAL_S = 1800

_entry = partial(entries, family="contacts", unit="share", null="nobody called in the window", reason="A01")

FEATURES: tuple[Feature, ...] = (
    *_entry(
        "calls_per_callee",
        "24h",
        "7d",
        "28d",
        unit="ratio",
        meaning="attempts (redials merged) per party called",
        zh="平均每个号码呼出次数",
        en="calls per number called",
    ),
    *_entry(
        "answered_call_share",
        "24h",
        "7d",
        "28d",
        meaning="attempts (redials merged) that were answered",
        reason="A04",
        zh="呼出接通率",
        en="share of outgoing calls answered",
    ),
    *_entry(
        "one_shot_callee_share",
        "24h",
        "7d",
        "28d",
        meaning="parties with a single attempt (redials merged) among those called",
        zh="只呼叫过一次的号码占比",
        en="share of numbers called only once",
    ),
    *_entry(
        "callee_entropy",
        "24h",
        "7d",
        "28d",
        unit="0-1",
        meaning="evenness of attempts (redials merged) over the parties called: entropy over its maximum",
        null="fewer than two parties called in the window",
        zh="呼出号码离散度",
        en="evenness of calls over the numbers called",
    ),
    *_entry(
        "top_callee_share",
        "24h",
        "7d",
        "28d",
        meaning="attempts (redials merged) to the party with most of them",
        zh="呼叫最多的号码占比",
        en="share of calls to the most called number",
    ),
)


def _attempts(prepared: pl.LazyFrame) -> pl.LazyFrame:
    """Outgoing calls of 28 days. Grain: one row per call.

    Calls are in order, the last one of a party first. `is_attempt` stands at the last call of an attempt and
    `is_answered` at the last one that was answered: an attempt that began before a window counts for it with its calls
    inside it, and the last ones tell whether there are any.
    """
    c = pl.col
    again = (
        (c("line_key") == c("line_key").shift())
        & (c("peer_key") == c("peer_key").shift())
        & (c("age_s") - c("age_s").shift() <= REDIAL_S)
    ).fill_null(value=False)
    answered_before = pl.when(c("answered")).then(c("attempt")).forward_fill().shift()
    return (
        prepared.filter(c("is_out"), c("w28"))
        .select("line_key", "peer_key", "age_s", "w1", "w7", "answered")
        .sort("line_key", "peer_key", "age_s")
        .with_columns(is_attempt=~again)
        .with_columns(attempt=c("is_attempt").cum_sum())
        .with_columns(is_answered=c("answered") & c("attempt").ne_missing(answered_before))
    )


def _by_attempt(prepared: pl.LazyFrame) -> pl.LazyFrame:
    c = pl.col
    parties = (
        _attempts(prepared)
        .group_by("line_key", "peer_key")
        .agg(
            calls_1=count(c("is_attempt") & c("w1")),
            calls_7=count(c("is_attempt") & c("w7")),
            calls_28=count(c("is_attempt")),
            answered_1=count(c("is_answered") & c("w1")),
            answered_7=count(c("is_answered") & c("w7")),
            answered_28=count(c("is_answered")),
        )
    )
    sums: dict[str, pl.Expr] = {}
    values: dict[str, pl.Expr] = {}
    for window, days in (("24h", 1), ("7d", 7), ("28d", 28)):
        calls, answered, callees = f"calls_{days}", f"answered_{days}", f"callees_{days}"
        sums |= {
            calls: c(calls).sum(),
            answered: c(answered).sum(),
            callees: count(c(calls) > 0),
            f"once_{days}": count(c(calls) == 1),
            f"most_{days}": c(calls).max(),
            f"weight_logs_{days}": weight_log(c(calls)).sum(),
        }
        values |= {
            f"calls_per_callee_{window}": share(c(calls), c(callees)),
            f"answered_call_share_{window}": share(c(answered), c(calls)),
            f"one_shot_callee_share_{window}": share(c(f"once_{days}"), c(callees)),
            f"callee_entropy_{window}": evenness(c(f"weight_logs_{days}"), c(calls), c(callees)),
            f"top_callee_share_{window}": share(c(f"most_{days}"), c(calls)),
        }
    return parties.group_by("line_key").agg(**sums).select("line_key", **values)


STAGES = (_by_attempt,)
