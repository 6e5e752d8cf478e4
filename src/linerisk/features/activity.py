"""Activity: how much a line calls and texts, which way, for how long, and how often somebody answers."""

from __future__ import annotations

from functools import partial

import polars as pl

from linerisk.features.stages import NEVER_MISSING, Feature, count, entries, share

SHORT_CALL_S = 10
LONG_CALL_S = 180
BUSY_DAY_CALLS = 10

_entry = partial(entries, family="activity")
_counted = partial(_entry, unit="count", null=NEVER_MISSING)
_NO_CALLS = "no incoming or outgoing call in the window"
_NO_TALK = "no answered outgoing call in the window"

FEATURES: tuple[Feature, ...] = (
    *_counted(
        "out_calls_count",
        "24h",
        "7d",
        "28d",
        meaning="outgoing call attempts",
        reason="A01",
        zh="呼出次数",
        en="outgoing calls",
    ),
    *_counted(
        "in_calls_count", "7d", "28d", meaning="incoming calls", reason="A03", zh="呼入次数", en="incoming calls"
    ),
    *_entry(
        "out_call_share",
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
        "short_call_share",
        "7d",
        unit="share",
        meaning=f"at most {SHORT_CALL_S} s among answered outgoing calls",
        null=_NO_TALK,
        reason="A04",
        zh=f"{SHORT_CALL_S}秒内即挂断的通话占比",
        en=f"share of answered calls of at most {SHORT_CALL_S} s",
    ),
    *_entry(
        "long_call_share",
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
        "mean_ring_s",
        "7d",
        unit="s",
        meaning="mean ringing time of outgoing attempts",
        null="no outgoing call in the window, or ringing time not recorded",
        reason="A04",
        zh="呼出平均振铃时长",
        en="mean ringing time of outgoing calls",
    ),
    *_counted(
        "forwarded_calls_count",
        "7d",
        meaning="calls forwarded elsewhere",
        reason="A08",
        zh="呼叫转移次数",
        en="forwarded calls",
    ),
    *_counted("out_texts_count", "24h", "7d", meaning="texts sent", reason="A10", zh="发出短信条数", en="texts sent"),
)


def _by_line(prepared: pl.LazyFrame) -> pl.LazyFrame:
    c = pl.col
    w1, w7, w28, out, inn, talk = c("w1"), c("w7"), c("w28"), c("is_out"), c("is_in"), c("is_out") & c("answered")
    # Whole milliseconds: integer sums are the same in any order, float sums are not.
    duration, ring_ms = c("duration_s").cast(pl.Int64), (c("ring_s").cast(pl.Float64) * 1000).round().cast(pl.Int64)
    sums = prepared.group_by("line_key").agg(
        out_calls_count_24h=count(out & w1),
        out_calls_count_7d=count(out & w7),
        out_calls_count_28d=count(out & w28),
        in_calls_count_7d=count(inn & w7),
        in_calls_count_28d=count(inn & w28),
        talks_7d=count(talk & w7),
        talks_28d=count(talk & w28),
        short_7d=count(talk & w7 & (c("duration_s") <= SHORT_CALL_S)),
        long_28d=count(talk & w28 & (c("duration_s") >= LONG_CALL_S)),
        talk_s_7d=(duration * (talk & w7)).sum(),
        talk_s_28d=(duration * (talk & w28)).sum(),
        ring_ms_7d=(ring_ms * (out & w7)).sum(),
        rings_7d=count(out & w7 & c("ring_s").is_not_null()),
        forwarded_calls_count_7d=count(c("is_forwarded") & w7),
        out_texts_count_24h=count(c("is_sms_out") & w1),
        out_texts_count_7d=count(c("is_sms_out") & w7),
    )
    return sums.with_columns(
        out_call_share_7d=share(c("out_calls_count_7d"), c("out_calls_count_7d") + c("in_calls_count_7d")),
        out_call_share_28d=share(c("out_calls_count_28d"), c("out_calls_count_28d") + c("in_calls_count_28d")),
        short_call_share_7d=share(c("short_7d"), c("talks_7d")),
        long_call_share_28d=share(c("long_28d"), c("talks_28d")),
        mean_call_duration_s_7d=share(c("talk_s_7d"), c("talks_7d")),
        mean_call_duration_s_28d=share(c("talk_s_28d"), c("talks_28d")),
        mean_ring_s_7d=share(c("ring_ms_7d"), c("rings_7d") * 1000),
    ).select("line_key", *[feature.name for feature in FEATURES])


STAGES = (_by_line,)
