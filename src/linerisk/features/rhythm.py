"""Rhythm: when a line calls, how bursts look, how regular the gaps are, and how this week compares with before."""

from __future__ import annotations

import polars as pl

from linerisk.features.activity import BUSY_DAY_CALLS
from linerisk.features.stages import DAY_S, Feature, Stage, count, mean_of, share

NIGHT_HOURS = (23, 6)
OFFICE_HOURS = (9, 18)
SATURDAY = 6
_WEEKS_BEFORE = 7

_NONE = "no record in the window"
_NO_CALLS = "no outgoing call in the window"

FEATURES = (
    Feature(
        "max_out_calls_count_10min_7d",
        "rhythm",
        "count",
        "7d",
        "most outgoing attempts in a ten-minute slot",
        _NONE,
        "A01",
    ),
    Feature(
        "max_out_calls_count_1h_7d",
        "rhythm",
        "count",
        "7d",
        "most outgoing attempts in an hour slot",
        _NONE,
        "A01",
    ),
    Feature(
        "max_out_calls_count_1d_28d",
        "rhythm",
        "count",
        "28d",
        "most outgoing attempts on a day",
        _NONE,
        "A01",
    ),
    Feature(
        "active_days_count_28d",
        "rhythm",
        "days",
        "28d",
        "days with an outgoing or incoming call",
        _NONE,
        "A06",
    ),
    Feature(
        "zero_in_days_count_28d",
        "rhythm",
        "days",
        "28d",
        "days with ten or more outgoing and no incoming call",
        _NONE,
        "A03",
    ),
    Feature(
        "active_hours_count_7d",
        "rhythm",
        "hours",
        "7d",
        "different local hours of day with outgoing calls",
        _NONE,
        "A01",
    ),
    Feature(
        "night_call_share_7d",
        "rhythm",
        "share",
        "7d",
        "outgoing calls between 23 and 6 local time",
        _NO_CALLS,
        "A01",
    ),
    Feature(
        "office_call_share_7d",
        "rhythm",
        "share",
        "7d",
        "outgoing calls between 9 and 18 local time",
        _NO_CALLS,
        "A01",
    ),
    Feature(
        "weekend_call_share_28d",
        "rhythm",
        "share",
        "28d",
        "outgoing calls on Saturday or Sunday local time",
        _NO_CALLS,
        "A01",
    ),
    Feature(
        "mean_gap_s_7d",
        "rhythm",
        "s",
        "7d",
        "mean gap between outgoing starts less than a day apart",
        "fewer than two such calls",
        "A01",
    ),
    Feature(
        "gap_cv_7d",
        "rhythm",
        "ratio",
        "7d",
        "variation of those gaps: standard deviation over mean",
        "fewer than two such calls",
        "A01",
    ),
    Feature(
        "out_calls_vs_own_past_ratio_7d",
        "rhythm",
        "ratio",
        "7d",
        "this week's outgoing calls over the weekly mean of the seven weeks before, both plus one",
        _NONE,
        "A01",
    ),
    Feature(
        "silent_days_before_7d",
        "rhythm",
        "days",
        "56d",
        "days of silence before this week's first activity, 49 at most",
        "no activity this week",
        "A07",
    ),
)


def _bursts(prepared: pl.LazyFrame) -> pl.LazyFrame:
    c = pl.col
    slots = (
        prepared.filter(c("is_out"), c("w7"))
        .group_by("line_key", "ten_minute_slot", "hour_slot")
        .agg(calls=pl.len().cast(pl.Int64))
    )
    hours = slots.group_by("line_key", "hour_slot").agg(calls=c("calls").sum(), most=c("calls").max())
    return hours.group_by("line_key").agg(
        max_out_calls_count_10min_7d=c("most").max(), max_out_calls_count_1h_7d=c("calls").max()
    )


def _days(prepared: pl.LazyFrame) -> pl.LazyFrame:
    c = pl.col
    days = prepared.group_by("line_key", "day").agg(
        out=count(c("is_out")), inn=count(c("is_in")), any_record=pl.len().cast(pl.Int64)
    )
    recent = c("day") < 28
    week = c("day") < 7
    first_active = c("day").filter(week).max()
    last_before = c("day").filter(~week).min()
    lines = days.group_by("line_key").agg(
        max_out_calls_count_1d_28d=c("out").filter(recent).max().fill_null(0),
        active_days_count_28d=count(recent & ((c("out") > 0) | (c("inn") > 0))),
        zero_in_days_count_28d=count(recent & (c("out") >= BUSY_DAY_CALLS) & (c("inn") == 0)),
        week_out=c("out").filter(week).sum(),
        before_out=c("out").filter(~week).sum(),
        silent_days_before_7d=(last_before.fill_null(7 * _WEEKS_BEFORE + 7) - first_active - 1).cast(pl.Int64),
    )
    before = c("before_out") / _WEEKS_BEFORE + 1.0
    return lines.select(
        "line_key",
        "max_out_calls_count_1d_28d",
        "active_days_count_28d",
        "zero_in_days_count_28d",
        pl.min_horizontal(c("silent_days_before_7d"), pl.lit(7 * _WEEKS_BEFORE)).alias("silent_days_before_7d"),
        out_calls_vs_own_past_ratio_7d=(c("week_out") + 1.0) / before,
    )


def _clock(prepared: pl.LazyFrame) -> pl.LazyFrame:
    c = pl.col
    night_from, night_until = NIGHT_HOURS
    night = (c("local_hour") >= night_from) | (c("local_hour") < night_until)
    office = c("local_hour").is_between(OFFICE_HOURS[0], OFFICE_HOURS[1], closed="left")
    hours = (
        prepared.filter(c("is_out"), c("w28"))
        .group_by("line_key", "local_hour")
        .agg(
            calls_7=count(c("w7")),
            calls_28=pl.len().cast(pl.Int64),
            weekend_28=count(c("weekday") >= SATURDAY),
        )
    )
    return (
        hours.group_by("line_key")
        .agg(
            active_hours_count_7d=count(c("calls_7") > 0),
            calls_7=c("calls_7").sum(),
            calls_28=c("calls_28").sum(),
            night_7=c("calls_7").filter(night).sum(),
            office_7=c("calls_7").filter(office).sum(),
            weekend_28=c("weekend_28").sum(),
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
    # Integer sums are exact in any order, so the variation is the same on every runner.
    gap = (c("age_s").shift() - c("age_s")).cast(pl.Int64)
    usable = (same_line & (gap <= DAY_S)).fill_null(value=False)
    sums = (
        prepared.filter(c("is_out"), c("w7"))
        .select("line_key", "age_s")
        .sort("line_key", "age_s", descending=[False, True])
        .with_columns(gap=pl.when(usable).then(gap))
        .group_by("line_key")
        .agg(n=c("gap").count().cast(pl.Int64), total=c("gap").sum(), squares=(c("gap") * c("gap")).sum())
    )
    mean = mean_of(c("total"), c("n"))
    variance = c("squares") / c("n") - mean * mean
    return sums.select(
        "line_key",
        mean_gap_s_7d=mean,
        gap_cv_7d=pl.when((c("n") > 1) & (c("total") > 0)).then(pl.max_horizontal(variance, pl.lit(0.0)).sqrt() / mean),
    )


STAGES = tuple(Stage("line_key", run) for run in (_bursts, _days, _clock, _gaps))
