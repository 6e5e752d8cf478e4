"""Rhythm: when a line calls, how bursts look, and how regular the gaps are.

Days, hours and ten-minute slots are counted back from `as_of`; only the clock features look at local time.
"""

from __future__ import annotations

from functools import partial

import polars as pl

from linerisk.features.stages import DAY_S, NEVER_MISSING, Feature, count, entries, share, variation

NIGHT_HOURS = (23, 6)
OFFICE_HOURS = (9, 18)
_HOURS_OF_A_DAY = 24

_counted = partial(entries, family="rhythm", unit="count", null=NEVER_MISSING, reason="A01")
_entry = partial(entries, family="rhythm", unit="share", null="no outgoing call in the window", reason="A01")

FEATURES: tuple[Feature, ...] = (
    *_counted(
        "max_out_calls_count_10min",
        "24h",
        "7d",
        meaning="most outgoing attempts in a ten-minute slot",
        zh="单个10分钟内最多呼出次数",
        en="most outgoing calls in ten minutes",
    ),
    *_counted(
        "max_out_calls_count_1h",
        "24h",
        "7d",
        meaning="most outgoing attempts in an hour slot",
        zh="单小时最多呼出次数",
        en="most outgoing calls in an hour",
    ),
    *_counted(
        "max_out_texts_count_1h",
        "24h",
        "7d",
        meaning="most texts sent in an hour slot",
        reason="A10",
        zh="单小时最多发出短信条数",
        en="most texts sent in an hour",
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
        "28d",
        meaning="outgoing calls that start from 23:00 until before 6:00 local time",
        zh="夜间（23点至6点）呼出占比",
        en="share of outgoing calls at night (23 to 6)",
    ),
    *_entry(
        "office_call_share",
        "7d",
        "28d",
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
        "hour_profile_distance",
        "7d",
        unit="0-1",
        meaning="how far this week's outgoing calls are from those of the seven weeks before by local hour of the day: "
        "half the sum of absolute differences of the 24 shares",
        null="no outgoing call this week, or none in the seven weeks before",
        zh="呼出时段与此前七周的差异",
        en="change of the hours of calling against the line's own past",
    ),
    *_entry(
        "min_gap_s",
        "24h",
        "7d",
        unit="s",
        meaning="shortest gap between one outgoing start and the next",
        null="no two outgoing calls in the window at most a day apart",
        zh="相邻两次呼出的最短间隔",
        en="shortest time between outgoing calls",
    ),
    *_entry(
        "mean_gap_s",
        "24h",
        "7d",
        unit="s",
        meaning="mean gap between one outgoing start and the next, gaps of more than a day left out",
        null="no two outgoing calls in the window at most a day apart",
        zh="相邻两次呼出的平均间隔",
        en="mean time between outgoing calls",
    ),
    *_entry(
        "gap_cv",
        "24h",
        "7d",
        unit="ratio",
        meaning="variation of those gaps: standard deviation over mean",
        null="fewer than two such gaps in the window, or all of them 0 s",
        zh="呼出间隔的波动程度",
        en="variation of the time between outgoing calls",
    ),
)


def _bursts(prepared: pl.LazyFrame) -> pl.LazyFrame:
    c = pl.col
    hour, slot, today = c("age_s") // 3600, c("age_s") // 600, c("hour") < _HOURS_OF_A_DAY
    slots = (
        prepared.filter(c("is_out") | c("is_sms_out"), c("w7"))
        .group_by("line_key", hour.alias("hour"), slot.alias("slot"))
        .agg(calls=count(c("is_out")), texts=count(c("is_sms_out")))
    )
    hours = slots.group_by("line_key", "hour").agg(c("calls", "texts").sum(), most=c("calls").max())
    return hours.group_by("line_key").agg(
        max_out_calls_count_10min_24h=(c("most") * today).max(),
        max_out_calls_count_10min_7d=c("most").max(),
        max_out_calls_count_1h_24h=(c("calls") * today).max(),
        max_out_calls_count_1h_7d=c("calls").max(),
        max_out_texts_count_1h_24h=(c("texts") * today).max(),
        max_out_texts_count_1h_7d=c("texts").max(),
    )


def _clock(prepared: pl.LazyFrame) -> pl.LazyFrame:
    c = pl.col
    night_from, night_until = NIGHT_HOURS
    office_from, office_until = OFFICE_HOURS
    hours = (
        prepared.filter(c("is_out"))
        .group_by("line_key", "hour")
        .agg(
            calls_7=count(c("w7")),
            calls_28=count(c("w28")),
            before=count(~c("w7")),
            weekend_28=count(c("w28") & c("is_weekend")),
        )
    )
    flagged = hours.with_columns(
        night=(c("hour") >= night_from) | (c("hour") < night_until),
        office=(c("hour") >= office_from) & (c("hour") < office_until),
    )
    night, office = c("night"), c("office")
    # Both profiles over their common denominator: whole numbers until the division.
    apart = (c("calls_7") * c("before").sum() - c("before") * c("calls_7").sum()).abs().sum()
    lines = flagged.group_by("line_key").agg(
        c("calls_7", "calls_28", "before", "weekend_28").sum(),
        active_hours_count_7d=count(c("calls_7") > 0),
        night_7=(c("calls_7") * night).sum(),
        night_28=(c("calls_28") * night).sum(),
        office_7=(c("calls_7") * office).sum(),
        office_28=(c("calls_28") * office).sum(),
        apart=apart,
    )
    return lines.select(
        "line_key",
        "active_hours_count_7d",
        night_call_share_7d=share(c("night_7"), c("calls_7")),
        night_call_share_28d=share(c("night_28"), c("calls_28")),
        office_call_share_7d=share(c("office_7"), c("calls_7")),
        office_call_share_28d=share(c("office_28"), c("calls_28")),
        weekend_call_share_28d=share(c("weekend_28"), c("calls_28")),
        hour_profile_distance_7d=share(c("apart"), 2 * c("calls_7") * c("before")),
    )


def _gaps(prepared: pl.LazyFrame) -> pl.LazyFrame:
    c = pl.col
    # With gaps that sum to at most seven days, what `variation` multiplies stays below 2^63 up to some 10^8 calls.
    same_line = c("line_key") == c("line_key").shift()
    gap = (c("age_s").shift() - c("age_s")).cast(pl.Int64)
    usable = (same_line & (gap <= DAY_S)).fill_null(value=False)
    gaps = (
        prepared.filter(c("is_out"), c("w7"))
        .select("line_key", "age_s")
        .sort("line_key", "age_s", descending=[False, True])
        .with_columns(gap_7=pl.when(usable).then(gap), gap_1=pl.when(usable & (c("age_s").shift() < DAY_S)).then(gap))
    )
    lines = gaps.group_by("line_key").agg(
        gaps_1=c("gap_1").count().cast(pl.Int64),
        gaps_7=c("gap_7").count().cast(pl.Int64),
        total_1=c("gap_1").sum(),
        total_7=c("gap_7").sum(),
        squares_1=(c("gap_1") * c("gap_1")).sum(),
        squares_7=(c("gap_7") * c("gap_7")).sum(),
        min_gap_s_24h=c("gap_1").min(),
        min_gap_s_7d=c("gap_7").min(),
    )
    return lines.select(
        "line_key",
        "min_gap_s_24h",
        "min_gap_s_7d",
        mean_gap_s_24h=share(c("total_1"), c("gaps_1")),
        mean_gap_s_7d=share(c("total_7"), c("gaps_7")),
        gap_cv_24h=variation(c("gaps_1"), c("total_1"), c("squares_1")),
        gap_cv_7d=variation(c("gaps_7"), c("total_7"), c("squares_7")),
    )


STAGES = (_bursts, _clock, _gaps)
