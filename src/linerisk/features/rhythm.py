"""Rhythm: when a line calls, how bursts look, how regular the gaps are, and how this week compares with before.

Days, hours and ten-minute slots are counted back from `as_of`; only the clock features look at local time.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import polars as pl

from linerisk.features.activity import BUSY_DAY_CALLS
from linerisk.features.stages import DAY_S, HISTORY, NEVER_MISSING, OBSERVATION, Feature, count, entries, share

NIGHT_HOURS = (23, 6)
OFFICE_HOURS = (9, 18)
SATURDAY = 6
WEEK = timedelta(days=7)
_DAYS_BEFORE = (HISTORY - WEEK).days

_counted = partial(entries, family="rhythm", unit="count", null=NEVER_MISSING, reason="A01")
_entry = partial(entries, family="rhythm", unit="share", null="no outgoing call in the window", reason="A01")

FEATURES: tuple[Feature, ...] = (
    *_counted(
        "max_out_calls_count_10min",
        "7d",
        meaning="most outgoing attempts in a ten-minute slot",
        zh="单个10分钟内最多呼出次数",
        en="most outgoing calls in ten minutes",
    ),
    *_counted(
        "max_out_calls_count_1h",
        "7d",
        meaning="most outgoing attempts in an hour slot",
        zh="单小时最多呼出次数",
        en="most outgoing calls in an hour",
    ),
    *_counted(
        "max_out_calls_count_1d",
        "28d",
        meaning="most outgoing attempts on a day",
        zh="单日最多呼出次数",
        en="most outgoing calls in a day",
    ),
    *_counted(
        "active_days_count",
        "28d",
        meaning="days with an outgoing or incoming call",
        reason="A06",
        zh="有通话的天数",
        en="days with calls",
    ),
    *_counted(
        "zero_in_days_count",
        "28d",
        meaning=f"days with {BUSY_DAY_CALLS} or more outgoing and no incoming call",
        reason="A03",
        zh=f"呼出不少于{BUSY_DAY_CALLS}次而无呼入的天数",
        en=f"days with {BUSY_DAY_CALLS} or more outgoing calls and no incoming call",
    ),
    *_counted(
        "active_hours_count",
        "7d",
        meaning="different local hours of the day with outgoing calls",
        zh="有呼出的不同钟点数",
        en="different hours of the day with outgoing calls",
    ),
    *_entry(
        "night_call_share",
        "7d",
        meaning="outgoing calls that start from 23:00 until before 6:00 local time",
        zh="夜间（23点至6点）呼出占比",
        en="share of outgoing calls at night (23 to 6)",
    ),
    *_entry(
        "office_call_share",
        "7d",
        meaning="outgoing calls that start from 9:00 until before 18:00 local time, on any day",
        zh="日间（9点至18点）呼出占比",
        en="share of outgoing calls by day (9 to 18)",
    ),
    *_entry(
        "weekend_call_share",
        "28d",
        meaning="outgoing calls that start on a Saturday or Sunday, local time",
        zh="周末呼出占比",
        en="share of outgoing calls at weekends",
    ),
    *_entry(
        "mean_gap_s",
        "7d",
        unit="s",
        meaning="mean gap between one outgoing start and the next, gaps of more than a day left out",
        null="no two outgoing calls in the window at most a day apart",
        zh="相邻两次呼出的平均间隔",
        en="mean time between outgoing calls",
    ),
    *_entry(
        "gap_cv",
        "7d",
        unit="ratio",
        meaning="variation of those gaps: standard deviation over mean",
        null="fewer than two such gaps in the window, or all of them 0 s",
        zh="呼出间隔的波动程度",
        en="variation of the time between outgoing calls",
    ),
    *_entry(
        "out_calls_vs_own_past_ratio",
        "7d",
        unit="ratio",
        meaning="this week's outgoing calls over the weekly mean of the seven weeks before, both plus one",
        null="no record in 56 days",
        zh="呼出次数与此前七周周均之比",
        en="outgoing calls against the line's own weekly mean before",
    ),
    *_entry(
        "silent_days_before",
        "7d",
        unit="days",
        meaning="days without own use (a call out, a call answered, a text sent) before this week's first such day; "
        f"{_DAYS_BEFORE} if there was none in the seven weeks before, as on a line just opened",
        null="no own use this week",
        reason="A07",
        zh="首次使用前的静默天数",
        en="days without use before the first use",
    ),
)


def _bursts(prepared: pl.LazyFrame) -> pl.LazyFrame:
    c = pl.col
    hour, slot = (c("age_s") // 3600).alias("hour"), (c("age_s") // 600).alias("slot")
    slots = prepared.filter(c("is_out"), c("w7")).group_by("line_key", hour, slot).agg(calls=pl.len().cast(pl.Int64))
    hours = slots.group_by("line_key", "hour").agg(calls=c("calls").sum(), most=c("calls").max())
    return hours.group_by("line_key").agg(
        max_out_calls_count_10min_7d=c("most").max(), max_out_calls_count_1h_7d=c("calls").max()
    )


def _days(prepared: pl.LazyFrame) -> pl.LazyFrame:
    c = pl.col
    own_use = c("is_out") | c("is_sms_out") | (c("is_in") & c("answered"))
    days = prepared.group_by("line_key", (c("age_s") // DAY_S).cast(pl.Int16).alias("day")).agg(
        out=count(c("is_out")), inn=count(c("is_in")), used=own_use.any()
    )
    month, week = c("day") < OBSERVATION.days, c("day") < WEEK.days
    lines = days.group_by("line_key").agg(
        max_out_calls_count_1d_28d=(c("out") * month).max(),
        active_days_count_28d=count(month & ((c("out") > 0) | (c("inn") > 0))),
        zero_in_days_count_28d=count(month & (c("out") >= BUSY_DAY_CALLS) & (c("inn") == 0)),
        week_out=(c("out") * week).sum(),
        before_out=(c("out") * ~week).sum(),
        first_use=pl.when(c("used") & week).then(c("day")).max().cast(pl.Int64),
        last_before=pl.when(c("used") & ~week).then(c("day")).min().cast(pl.Int64),
    )
    silent = c("last_before").fill_null(HISTORY.days) - c("first_use") - 1
    return lines.select(
        "line_key",
        "max_out_calls_count_1d_28d",
        "active_days_count_28d",
        "zero_in_days_count_28d",
        out_calls_vs_own_past_ratio_7d=(c("week_out") + 1) / (c("before_out") * WEEK.days / _DAYS_BEFORE + 1),
        silent_days_before_7d=pl.when(c("last_before").is_null() & c("first_use").is_not_null())
        .then(pl.lit(_DAYS_BEFORE, dtype=pl.Int64))
        .otherwise(silent),
    )


def _clock(prepared: pl.LazyFrame) -> pl.LazyFrame:
    c = pl.col
    night_from, night_until = NIGHT_HOURS
    office_from, office_until = OFFICE_HOURS
    hours = (
        prepared.filter(c("is_out"), c("w28"))
        .group_by("line_key", c("started_local").dt.hour().alias("hour"))
        .agg(
            calls_7=count(c("w7")),
            calls_28=pl.len().cast(pl.Int64),
            weekend_28=count(c("started_local").dt.weekday() >= SATURDAY),
        )
    )
    night = (c("hour") >= night_from) | (c("hour") < night_until)
    office = (c("hour") >= office_from) & (c("hour") < office_until)
    return (
        hours.group_by("line_key")
        .agg(
            pl.col("calls_7", "calls_28", "weekend_28").sum(),
            active_hours_count_7d=count(c("calls_7") > 0),
            night_7=(c("calls_7") * night).sum(),
            office_7=(c("calls_7") * office).sum(),
        )
        .select(
            "line_key",
            "active_hours_count_7d",
            night_call_share_7d=share(c("night_7"), c("calls_7")),
            office_call_share_7d=share(c("office_7"), c("calls_7")),
            weekend_call_share_28d=share(c("weekend_28"), c("calls_28")),
        )
    )


def _gaps(prepared: pl.LazyFrame) -> pl.LazyFrame:
    c = pl.col
    same_line = c("line_key") == c("line_key").shift()
    gap = (c("age_s").shift() - c("age_s")).cast(pl.Int64)
    usable = (same_line & (gap <= DAY_S)).fill_null(value=False)
    sums = (
        prepared.filter(c("is_out"), c("w7"))
        .select("line_key", "age_s")
        .sort("line_key", "age_s", descending=[False, True])
        .with_columns(gap=pl.when(usable).then(gap))
        .group_by("line_key")
        .agg(gaps=c("gap").count().cast(pl.Int64), total=c("gap").sum(), squares=(c("gap") * c("gap")).sum())
    )
    # In integers until the root: exact, the same in any order, and 0 for equal gaps. With gaps that sum to at most
    # seven days neither product passes 2^63 before some 10^8 calls.
    spread = (c("gaps") * c("squares") - c("total") * c("total")).cast(pl.Float64).sqrt()
    return sums.select(
        "line_key",
        mean_gap_s_7d=share(c("total"), c("gaps")),
        gap_cv_7d=pl.when(c("gaps") > 1).then(share(spread, c("total"))),
    )


STAGES = (_bursts, _days, _clock, _gaps)
