"""Activity: how much a line calls and texts, which way, for how long, and how often calls are answered."""

from __future__ import annotations

from functools import partial

import polars as pl

from linerisk.features.stages import NEVER_MISSING, ONE_RING_S, Feature, entries, share, variation

VERY_SHORT_CALL_S = 2
SHORT_CALL_S = 10
LONG_CALL_S = 180

_entry = partial(entries, family="activity")
_counted = partial(_entry, unit="count", null=NEVER_MISSING)
_NO_CALLS = "no incoming or outgoing call in the window"
_NO_TALK = "no answered outgoing call in the window"
_NO_RING = "no outgoing call in the window, or ringing time not recorded"
LONGEST_S = 86_400
"""Longer calls count as this long where durations are squared."""

_SUMS = {
    "out": (1, 7, 28),
    "inn": (1, 7, 28),
    "texts": (1, 7, 28),
    "out_1h": (1,),
    "texts_1h": (1,),
    "forwarded": (7, 28),
    "answered_in": (7, 28),
    "talks": (1, 7, 28),
    "talk_s": (7, 28),
    "very_short": (1, 7),
    "short": (1, 7, 28),
    "long": (7, 28),
    "rings": (1, 7),
    "ring_ms": (1, 7),
    "no_ring": (1, 7),
    "one_ring": (1, 7),
}
"""Counts of `daily.by_day` and the windows that they are summed over."""

FEATURES: tuple[Feature, ...] = (
    *_counted(
        "out_calls_count",
        "1h",
        "24h",
        "7d",
        "28d",
        meaning="outgoing call attempts",
        reason="A01",
        zh="呼出次数",
        en="outgoing calls",
    ),
    *_counted(
        "in_calls_count", "24h", "7d", "28d", meaning="incoming calls", reason="A03", zh="呼入次数", en="incoming calls"
    ),
    *_entry(
        "out_call_share",
        "24h",
        "7d",
        "28d",
        unit="share",
        meaning="outgoing among incoming and outgoing calls",
        null=_NO_CALLS,
        reason="A03",
        zh="呼出占通话比例",
        en="share of calls that are outgoing",
    ),
    *_entry(
        "very_short_call_share",
        "24h",
        "7d",
        unit="share",
        meaning=f"at most {VERY_SHORT_CALL_S} s among answered outgoing calls",
        null=_NO_TALK,
        reason="A04",
        zh=f"{VERY_SHORT_CALL_S}秒内即挂断的通话占比",
        en=f"share of answered calls of at most {VERY_SHORT_CALL_S} s",
    ),
    *_entry(
        "short_call_share",
        "24h",
        "7d",
        "28d",
        unit="share",
        meaning=f"at most {SHORT_CALL_S} s among answered outgoing calls",
        null=_NO_TALK,
        reason="A04",
        zh=f"{SHORT_CALL_S}秒内即挂断的通话占比",
        en=f"share of answered calls of at most {SHORT_CALL_S} s",
    ),
    *_entry(
        "long_call_share",
        "7d",
        "28d",
        unit="share",
        meaning=f"at least {LONG_CALL_S} s among answered outgoing calls",
        null=_NO_TALK,
        reason="A04",
        zh=f"{LONG_CALL_S}秒以上长通话占比",
        en=f"share of answered calls of at least {LONG_CALL_S} s",
    ),
    *_entry(
        "mean_call_duration_s",
        "7d",
        "28d",
        unit="s",
        meaning="mean talk time of answered outgoing calls",
        null=_NO_TALK,
        reason="A04",
        zh="呼出平均通话时长",
        en="mean talk time of outgoing calls",
    ),
    *_entry(
        "median_call_duration_s",
        "7d",
        "28d",
        unit="s",
        meaning="median talk time of answered outgoing calls",
        null=_NO_TALK,
        reason="A04",
        zh="呼出通话时长中位数",
        en="median talk time of outgoing calls",
    ),
    *_entry(
        "call_duration_cv",
        "28d",
        unit="ratio",
        meaning="variation of talk times of answered outgoing calls: standard deviation over mean",
        null="fewer than two answered outgoing calls in the window, or all of them of 0 s",
        reason="A04",
        zh="呼出通话时长的波动程度",
        en="variation of talk times of outgoing calls",
    ),
    *_entry(
        "mean_ring_s",
        "24h",
        "7d",
        unit="s",
        meaning="mean ringing time of outgoing attempts",
        null=_NO_RING,
        reason="A04",
        zh="呼出平均振铃时长",
        en="mean ringing time of outgoing calls",
    ),
    *_entry(
        "no_ring_call_share",
        "24h",
        "7d",
        unit="share",
        meaning="outgoing attempts that never rang and were not answered, as with numbers empty, off or barred, among "
        "those with ringing time recorded",
        null=_NO_RING,
        reason="A04",
        zh="未振铃也未接通的呼出占比（如空号、关机）",
        en="share of outgoing calls that never rang (such as to unused numbers)",
    ),
    *_entry(
        "one_ring_call_share",
        "24h",
        "7d",
        unit="share",
        meaning=f"outgoing attempts given up unanswered within {ONE_RING_S} s of ringing, among those with ringing "
        "time recorded",
        null=_NO_RING,
        reason="A04",
        zh="响一声即挂断的呼出占比",
        en="share of outgoing calls given up after one ring",
    ),
    *_counted(
        "forwarded_calls_count",
        "7d",
        "28d",
        meaning="calls forwarded elsewhere",
        reason="A08",
        zh="呼叫转移次数",
        en="forwarded calls",
    ),
    *_entry(
        "forwarded_call_share",
        "7d",
        "28d",
        unit="share",
        meaning="calls forwarded elsewhere among those and incoming calls",
        null="no incoming or forwarded call in the window",
        reason="A08",
        zh="呼叫转移占来电比例",
        en="share of calls to the line that were forwarded",
    ),
    *_entry(
        "answered_in_call_share",
        "7d",
        "28d",
        unit="share",
        meaning="incoming calls that the line answered",
        null="no incoming call in the window",
        reason="A03",
        zh="来电接听率",
        en="share of incoming calls answered",
    ),
    *_counted(
        "out_texts_count",
        "1h",
        "24h",
        "7d",
        "28d",
        meaning="texts sent",
        reason="A10",
        zh="发出短信条数",
        en="texts sent",
    ),
)


def sums() -> dict[str, pl.Expr]:
    """Sums over windows, from `daily.by_day` with the windows that a day is in."""
    c, inside = pl.col, {1: "today", 7: "week", 28: "month"}
    return {f"{name}_{days}": (c(name) * c(inside[days])).sum() for name, of in _SUMS.items() for days in of}


def values() -> dict[str, pl.Expr]:
    """Features, from `sums`."""
    c = pl.col
    made = {"out_calls_count_1h": c("out_1h_1"), "out_texts_count_1h": c("texts_1h_1")}
    for window, days in (("24h", 1), ("7d", 7), ("28d", 28)):
        calls = c(f"out_{days}"), c(f"inn_{days}")
        made |= {f"out_calls_count_{window}": calls[0], f"in_calls_count_{window}": calls[1]}
        made[f"out_texts_count_{window}"] = c(f"texts_{days}")
        made[f"out_call_share_{window}"] = share(calls[0], calls[0] + calls[1])
        made[f"short_call_share_{window}"] = share(c(f"short_{days}"), c(f"talks_{days}"))
    for window, days in (("24h", 1), ("7d", 7)):
        made[f"very_short_call_share_{window}"] = share(c(f"very_short_{days}"), c(f"talks_{days}"))
        made[f"mean_ring_s_{window}"] = share(c(f"ring_ms_{days}"), c(f"rings_{days}") * 1000)
        made[f"no_ring_call_share_{window}"] = share(c(f"no_ring_{days}"), c(f"rings_{days}"))
        made[f"one_ring_call_share_{window}"] = share(c(f"one_ring_{days}"), c(f"rings_{days}"))
    for window, days in (("7d", 7), ("28d", 28)):
        forwarded, inn = c(f"forwarded_{days}"), c(f"inn_{days}")
        made[f"long_call_share_{window}"] = share(c(f"long_{days}"), c(f"talks_{days}"))
        made[f"mean_call_duration_s_{window}"] = share(c(f"talk_s_{days}"), c(f"talks_{days}"))
        made[f"forwarded_calls_count_{window}"] = forwarded
        made[f"forwarded_call_share_{window}"] = share(forwarded, forwarded + inn)
        made[f"answered_in_call_share_{window}"] = share(c(f"answered_in_{days}"), inn)
    return made


def _talks(prepared: pl.LazyFrame) -> pl.LazyFrame:
    """Talk-time features that sums over days cannot give: median and spread."""
    c = pl.col
    # What `variation` multiplies stays below 2^63 up to some 30,000 calls of a day each.
    seconds = c("duration_s").cast(pl.Int64).clip(0, LONGEST_S)
    talks = (
        prepared.filter(c("is_out"), c("answered"), c("w28"))
        .group_by("line_key")
        .agg(
            median_call_duration_s_7d=c("duration_s").filter(c("w7")).median(),
            median_call_duration_s_28d=c("duration_s").median(),
            talks=pl.len().cast(pl.Int64),
            total=seconds.sum(),
            squares=(seconds * seconds).sum(),
        )
    )
    return talks.select(
        "line_key",
        "median_call_duration_s_7d",
        "median_call_duration_s_28d",
        call_duration_cv_28d=variation(c("talks"), c("total"), c("squares")),
    )


STAGES = (_talks,)
