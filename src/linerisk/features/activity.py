"""Activity: how much a line calls and texts, which way, for how long, and how often somebody answers."""

from __future__ import annotations

import polars as pl

from linerisk.features.stages import Feature, Stage, count, mean_of, share

SHORT_CALL_S = 10
LONG_CALL_S = 180
BUSY_DAY_CALLS = 10

_NONE = "no record in the window"
_NO_CALLS = "no call in the window"

FEATURES = (
    Feature("out_calls_count_24h", "activity", "count", "24h", "outgoing call attempts", _NONE, "A01"),
    Feature("out_calls_count_7d", "activity", "count", "7d", "outgoing call attempts", _NONE, "A01"),
    Feature("out_calls_count_28d", "activity", "count", "28d", "outgoing call attempts", _NONE, "A01"),
    Feature("in_calls_count_7d", "activity", "count", "7d", "incoming calls", _NONE, "A03"),
    Feature("in_calls_count_28d", "activity", "count", "28d", "incoming calls", _NONE, "A03"),
    Feature("out_call_share_7d", "activity", "share", "7d", "outgoing among all calls", _NO_CALLS, "A03"),
    Feature("out_call_share_28d", "activity", "share", "28d", "outgoing among all calls", _NO_CALLS, "A03"),
    Feature(
        "answered_call_share_7d",
        "activity",
        "share",
        "7d",
        "answered among outgoing attempts",
        _NO_CALLS,
        "A04",
    ),
    Feature(
        "answered_call_share_28d",
        "activity",
        "share",
        "28d",
        "answered among outgoing attempts",
        _NO_CALLS,
        "A04",
    ),
    Feature(
        "short_call_share_7d",
        "activity",
        "share",
        "7d",
        "at most 10 s among answered outgoing calls",
        "none answered",
        "A04",
    ),
    Feature(
        "long_call_share_28d",
        "activity",
        "share",
        "28d",
        "at least 180 s among answered outgoing calls",
        "none answered",
        "A03",
    ),
    Feature(
        "mean_call_duration_s_7d",
        "activity",
        "s",
        "7d",
        "mean talk time of answered outgoing calls",
        "none answered",
        "A04",
    ),
    Feature(
        "mean_call_duration_s_28d",
        "activity",
        "s",
        "28d",
        "mean talk time of answered outgoing calls",
        "none answered",
        "A04",
    ),
    Feature(
        "mean_ring_s_7d",
        "activity",
        "s",
        "7d",
        "mean ringing time of outgoing attempts",
        "ringing time not recorded",
        "A04",
    ),
    Feature("forwarded_calls_count_7d", "activity", "count", "7d", "calls forwarded elsewhere", _NONE, "A08"),
    Feature("out_texts_count_24h", "activity", "count", "24h", "texts sent", _NONE, "A10"),
    Feature("out_texts_count_7d", "activity", "count", "7d", "texts sent", _NONE, "A10"),
)


def _by_line(prepared: pl.LazyFrame) -> pl.LazyFrame:
    w1, w7, w28 = pl.col("w1"), pl.col("w7"), pl.col("w28")
    out, inn, talk = pl.col("is_out"), pl.col("is_in"), pl.col("is_out") & pl.col("answered")
    # Whole milliseconds: integer sums are the same in any order, float sums are not.
    duration, ring_ms = pl.col("duration_s").cast(pl.Int64), (pl.col("ring_s") * 1000).round().cast(pl.Int64)
    sums = prepared.group_by("line_key").agg(
        out_calls_count_24h=count(out & w1),
        out_calls_count_7d=count(out & w7),
        out_calls_count_28d=count(out & w28),
        in_calls_count_7d=count(inn & w7),
        in_calls_count_28d=count(inn & w28),
        answered_7d=count(talk & w7),
        answered_28d=count(talk & w28),
        short_7d=count(talk & w7 & (pl.col("duration_s") <= SHORT_CALL_S)),
        long_28d=count(talk & w28 & (pl.col("duration_s") >= LONG_CALL_S)),
        talk_s_7d=(duration * (talk & w7)).sum(),
        talk_s_28d=(duration * (talk & w28)).sum(),
        ring_ms_7d=(ring_ms * (out & w7)).sum(),
        rings_7d=count(out & w7 & pl.col("ring_s").is_not_null()),
        forwarded_calls_count_7d=count(pl.col("is_forwarded") & w7),
        out_texts_count_24h=count(pl.col("is_sms_out") & w1),
        out_texts_count_7d=count(pl.col("is_sms_out") & w7),
    )
    c = pl.col
    return sums.with_columns(
        out_call_share_7d=share(c("out_calls_count_7d"), c("out_calls_count_7d") + c("in_calls_count_7d")),
        out_call_share_28d=share(c("out_calls_count_28d"), c("out_calls_count_28d") + c("in_calls_count_28d")),
        answered_call_share_7d=share(c("answered_7d"), c("out_calls_count_7d")),
        answered_call_share_28d=share(c("answered_28d"), c("out_calls_count_28d")),
        short_call_share_7d=share(c("short_7d"), c("answered_7d")),
        long_call_share_28d=share(c("long_28d"), c("answered_28d")),
        mean_call_duration_s_7d=mean_of(c("talk_s_7d"), c("answered_7d")),
        mean_call_duration_s_28d=mean_of(c("talk_s_28d"), c("answered_28d")),
        mean_ring_s_7d=mean_of(c("ring_ms_7d"), c("rings_7d") * 1000),
    ).select("line_key", *[feature.name for feature in FEATURES])


STAGES = (Stage("line_key", _by_line),)
