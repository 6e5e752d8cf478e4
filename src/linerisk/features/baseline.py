"""Own past: busy and silent days, and how this week compares with the line's own weeks before.

Everything here is made of days (`daily.by_day`), counted back from `as_of`.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import polars as pl

from linerisk.features.stages import HISTORY, NEVER_MISSING, Feature, count, entries

BUSY_DAY_CALLS = 10
LONG_SILENCE_DAYS = 30
WEEK = timedelta(days=7)
_DAYS_BEFORE = (HISTORY - WEEK).days

_counted = partial(entries, family="rhythm", unit="count", null=NEVER_MISSING, reason="A01")
_entry = partial(entries, family="rhythm", reason="A01")

FEATURES: tuple[Feature, ...] = (
    *_counted(
        "max_out_calls_count_1d",
        "28d",
        meaning="most outgoing attempts on a day",
        zh="单日最多呼出次数",
        en="most outgoing calls in a day",
    ),
    *_counted(
        "active_days_count",
        "7d",
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
    *_entry(
        "out_calls_vs_own_past_ratio",
        "24h",
        unit="ratio",
        meaning="outgoing calls of this day over the daily mean of the 55 days before, both plus one",
        null="no record in 56 days",
        zh="呼出次数与此前55天日均之比",
        en="outgoing calls against the line's own daily mean before",
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
        "out_texts_vs_own_past_ratio",
        "7d",
        unit="ratio",
        meaning="this week's texts sent over the weekly mean of the seven weeks before, both plus one",
        null="no record in 56 days",
        reason="A10",
        zh="发出短信条数与此前七周周均之比",
        en="texts sent against the line's own weekly mean before",
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
    *_counted(
        "calls_after_silence_count",
        "7d",
        meaning=f"outgoing calls of a week whose first use came after {LONG_SILENCE_DAYS} or more days of silence; 0 "
        "in any other week",
        reason="A07",
        zh=f"静默{LONG_SILENCE_DAYS}天以上之后的呼出次数",
        en=f"outgoing calls after {LONG_SILENCE_DAYS} or more days without use",
    ),
)


def sums() -> dict[str, pl.Expr]:
    """Sums and extremes, from `daily.by_day` with the windows that a day is in."""
    c = pl.col
    month, week, today = c("month"), c("week"), c("today")
    active = (c("out") > 0) | (c("inn") > 0)
    return {
        "busiest": (c("out") * month).max(),
        "active_week": count(week & active),
        "active_month": count(month & active),
        "zero_in": count(month & (c("out") >= BUSY_DAY_CALLS) & (c("inn") == 0)),
        "day_out": (c("out") * today).sum(),
        "days_before_out": (c("out") * ~today).sum(),
        "week_out": (c("out") * week).sum(),
        "weeks_before_out": (c("out") * ~week).sum(),
        "week_texts": (c("texts") * week).sum(),
        "weeks_before_texts": (c("texts") * ~week).sum(),
        "first_use": pl.when(c("used") & week).then(c("day")).max().cast(pl.Int64),
        "last_before": pl.when(c("used") & ~week).then(c("day")).min().cast(pl.Int64),
    }


def values() -> dict[str, pl.Expr]:
    """Features, from `sums`."""
    c = pl.col
    never = c("last_before").is_null() & c("first_use").is_not_null()
    silent = (
        pl.when(never)
        .then(pl.lit(_DAYS_BEFORE, dtype=pl.Int64))
        .otherwise(c("last_before").fill_null(HISTORY.days) - c("first_use") - 1)
    )
    weeks_before = _DAYS_BEFORE / WEEK.days
    return {
        "max_out_calls_count_1d_28d": c("busiest"),
        "active_days_count_7d": c("active_week"),
        "active_days_count_28d": c("active_month"),
        "zero_in_days_count_28d": c("zero_in"),
        "out_calls_vs_own_past_ratio_24h": (c("day_out") + 1) / (c("days_before_out") / (HISTORY.days - 1) + 1),
        "out_calls_vs_own_past_ratio_7d": (c("week_out") + 1) / (c("weeks_before_out") / weeks_before + 1),
        "out_texts_vs_own_past_ratio_7d": (c("week_texts") + 1) / (c("weeks_before_texts") / weeks_before + 1),
        "silent_days_before_7d": silent,
        "calls_after_silence_count_7d": c("week_out") * (silent >= LONG_SILENCE_DAYS).fill_null(value=False),
    }
