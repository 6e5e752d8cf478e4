"""Days: what a line did on each day, counted once, for every window of every family that is made of days.

There are far fewer days with records than records, so one more window costs almost nothing.
"""

from __future__ import annotations

import polars as pl

from linerisk.features import activity, baseline
from linerisk.features.baseline import WEEK
from linerisk.features.stages import OBSERVATION, count


def by_day(prepared: pl.LazyFrame) -> pl.LazyFrame:
    """Grain: one row per line and day with a record; days are counted back from `as_of`."""
    c = pl.col
    out, inn, text = c("is_out"), c("is_in"), c("is_sms_out")
    talk, rung = c("is_talk"), c("is_rung")
    # Whole milliseconds: integer sums are the same in any order, float sums are not.
    ring_ms = (c("ring_s").cast(pl.Float64) * 1000).round().cast(pl.Int64)
    flagged = prepared.with_columns(is_talk=out & c("answered"), is_rung=out & c("ring_s").is_not_null())
    return flagged.group_by("line_key", "day").agg(
        out=count(out),
        inn=count(inn),
        texts=count(text),
        out_1h=count(out & c("h1")),
        texts_1h=count(text & c("h1")),
        forwarded=count(c("is_forwarded")),
        answered_in=count(inn & c("answered")),
        talks=count(talk),
        talk_s=(c("duration_s").cast(pl.Int64) * talk).sum(),
        very_short=count(talk & (c("duration_s") <= activity.VERY_SHORT_CALL_S)),
        short=count(talk & (c("duration_s") <= activity.SHORT_CALL_S)),
        long=count(talk & (c("duration_s") >= activity.LONG_CALL_S)),
        rings=count(rung),
        ring_ms=(ring_ms * out).sum(),
        no_ring=count(rung & ~c("answered") & (c("ring_s") == 0)),
        one_ring=count(c("one_ring")),
        used=(out | text | (inn & c("answered"))).any(),
    )


def _by_line(prepared: pl.LazyFrame) -> pl.LazyFrame:
    days = by_day(prepared).with_columns(
        today=pl.col("day") < 1, week=pl.col("day") < WEEK.days, month=pl.col("day") < OBSERVATION.days
    )
    lines = days.group_by("line_key").agg(**activity.sums(), **baseline.sums())
    return lines.select("line_key", **activity.values(), **baseline.values())


STAGES = (_by_line,)
