"""Types of features, stages and links, and the prepared records that stages start from.

A stage is a pure function from prepared records to one row per line, and needs only the line's own records: any set
of whole lines can be run separately. A link is something that lines share, a handset or a cell: lines give pairs of
(key, line), the pairs of all lines are counted together, and records of different lines are never joined.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

import polars as pl

from linerisk.errors import UsageError
from linerisk.features.local_time import Clock, clock_over, hour_and_weekend

Family = Literal["activity", "contacts", "rhythm", "places", "devices", "tenure", "network"]
FAMILIES: tuple[Family, ...] = ("activity", "contacts", "rhythm", "places", "devices", "tenure", "network")

HOUR_S = 3600
DAY_S = 86_400
OBSERVATION = timedelta(days=28)
"""The longest window that features describe."""
HISTORY = timedelta(days=56)
"""How far back records are read: the observation window and as much again, to know what is new or unusual."""

NEVER_MISSING: Final = "never missing: nothing seen counts as 0"
"""`null_means` of a feature that is a known 0 for a line without records."""

ONE_RING_S = 2
"""A caller who hangs up so soon wants to be called back, not to be answered."""
_GREY_KINDS = ["short_code", "unknown"]

RECORD_COLUMNS = (
    "line_key",
    "peer_key",
    "peer_block",
    "record_type",
    "started_at",
    "received_at",
    "ring_s",
    "duration_s",
    "answered",
    "peer_kind",
    "peer_area",
    "visited_area",
    "cell_key",
    "device_key",
)
"""Columns of `tables.schemas.Records` that features are made of; no other column is read."""

_AS_THEY_ARE = ("line_key", "peer_key", "peer_block", "ring_s", "duration_s", "cell_key", "device_key")

_LABEL_ZH = {"1h": "近1小时", "24h": "近24小时", "7d": "近7天", "28d": "近28天", "30d": "近30天", "now": ""}
_LABEL_EN = {
    "1h": ", last hour",
    "24h": ", last 24 hours",
    "7d": ", last 7 days",
    "28d": ", last 28 days",
    "30d": ", last 30 days",
    "now": "",
}


@dataclass(frozen=True, slots=True)
class Feature:
    """One entry of the catalogue.

    Attributes:
        name: `statistic_subject_unit_window`.
        family: The room it is computed in; contributions are summed by family.
        unit: Unit of the value, such as `count`, `share`, `s`, `days`.
        window: Length of time it looks at, such as `7d`, or `now`. A window ends with `as_of` and holds it; it does
            not hold its first instant.
        meaning: What the value says, as one sentence.
        null_means: What a missing value says, or `NEVER_MISSING`.
        reason_code: Code of the reason shown when it raises the risk.
        label_zh: Short plain name with its window, in Chinese.
        label_en: Short plain name with its window, in English.
        monotone: -1 if the risk may only fall as the value rises, +1 if only rise, 0 if free.
        lowers_code: Code of the reason shown when it lowers the risk, if there is one.
    """

    name: str
    family: Family
    unit: str
    window: str
    meaning: str
    null_means: str
    reason_code: str
    label_zh: str
    label_en: str
    monotone: Literal[-1, 0, 1] = 0
    lowers_code: str | None = None


def entries(
    stem: str,
    *windows: str,
    family: Family,
    unit: str,
    meaning: str,
    null: str,
    reason: str,
    zh: str,
    en: str,
    monotone: Literal[-1, 0, 1] = 0,
    lowers: str | None = None,
) -> list[Feature]:
    """The same statistic over several windows: names end with the window, labels say it.

    >>> [feature.name for feature in entries("out_calls_count", "24h", "7d", family="activity", unit="count",
    ...     meaning="outgoing call attempts", null=NEVER_MISSING, reason="A01", zh="呼出次数", en="outgoing calls")]
    ['out_calls_count_24h', 'out_calls_count_7d']
    """
    return [
        Feature(
            name=stem if window == "now" else f"{stem}_{window}",
            family=family,
            unit=unit,
            window=window,
            meaning=meaning,
            null_means=null,
            reason_code=reason,
            label_zh=_LABEL_ZH[window] + zh,
            label_en=en + _LABEL_EN[window],
            monotone=monotone,
            lowers_code=lowers,
        )
        for window in windows
    ]


Stage = Callable[[pl.LazyFrame], pl.LazyFrame]
"""Prepared records in; `line_key` and the stage's columns out. Grain: one row per line seen. Not sorted."""


@dataclass(frozen=True, slots=True)
class Link:
    """Something that lines share, and the feature that counts the lines.

    Attributes:
        key: Column whose equal values link lines: `device_key` or `cell_key`.
        feature: The feature: most lines on one key of this line.
        pairs: Prepared records in; `key` and `line_key` out. Grain: one row per key and line.
    """

    key: str
    feature: str
    pairs: Callable[[pl.LazyFrame], pl.LazyFrame]

    def count(self, pairs: pl.LazyFrame) -> pl.LazyFrame:
        """The feature, from the pairs of all lines. Grain: one row per line with a pair."""
        lines = pairs.select("line_key", pl.len().over(self.key).cast(pl.Int64).alias(self.feature))
        return lines.group_by("line_key").agg(pl.col(self.feature).max())


def utc(as_of: datetime) -> datetime:
    """`as_of` as a UTC instant.

    Raises:
        UsageError: It has no time zone.
    """
    if as_of.tzinfo is None:
        raise UsageError(
            "as_of has no time zone", expected="a timezone-aware instant", found=as_of.isoformat(), field="as_of"
        )
    return as_of.astimezone(UTC)


Instant = datetime | pl.Expr
"""An instant, or the column that holds it: a plan that is written once finds the instant in its frames."""


def at(instant: Instant) -> pl.Expr:
    """An instant as an expression; ten times as fast as Polars' literal of a datetime."""
    if isinstance(instant, pl.Expr):
        return instant
    microseconds = (utc(instant) - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1)
    return pl.lit(microseconds, dtype=pl.Int64).cast(pl.Datetime("us", "UTC"))


def at_home(records: pl.LazyFrame, accounts: pl.LazyFrame) -> pl.LazyFrame:
    """Records with the `home_area` of their line; of accounts (`current_accounts`), there is one row per line."""
    return records.join(accounts.select("line_key", "home_area"), on="line_key", how="left")


def local_clock(as_of: datetime, time_zone: str) -> Clock:
    """The offset or time zone for the records read at `as_of`."""
    return clock_over(as_of - HISTORY, as_of, time_zone)


def prepare(records: pl.LazyFrame, *, as_of: Instant, clock: Clock) -> pl.LazyFrame:
    """Give records the columns that stages count on.

    Args:
        records: `RECORD_COLUMNS` of `tables.schemas.Records`, the line's `home_area` (`at_home`), and `as_of` if it is
            a column; rows outside (as_of - HISTORY, as_of] or received later are dropped here, whoever read them.
        as_of: The instant we stand at.
        clock: Of the operator's customers over these records (`local_clock`); only hour and weekday are local.

    Returns:
        One row per record with `age_s` (whole seconds before `as_of`; windows and days are counted back from there,
        so they never depend on a calendar), `day` (of 24 hours, the last one is 0), local `hour` and
        `is_weekend`, window flags `h1`, `w1`, `w7`, `w28`, flags of type and of the party's kind, `answered` filled,
        `one_ring`, and areas as prefectures (first four digits of GB/T 2260).
    """
    c, kind, end = pl.col, pl.col("record_type"), at(as_of)
    known = (c("started_at") > at(as_of - HISTORY)) & (c("started_at") <= end) & (c("received_at") <= end)
    age = (end - c("started_at")).dt.total_seconds().cast(pl.Int32)
    hour, is_weekend = hour_and_weekend(c("started_at"), clock)
    answered = c("answered").fill_null(c("duration_s") > 0)
    return (
        records.filter(known)
        .select(
            *_AS_THEY_ARE,
            home=c("home_area") // 100,
            age_s=age,
            hour=hour,
            is_weekend=is_weekend,
            is_out=kind == "call_out",
            is_in=kind == "call_in",
            is_sms_out=kind == "sms_out",
            is_sms_in=kind == "sms_in",
            is_forwarded=kind == "call_forwarded",
            answered=answered,
            one_ring=((kind == "call_out") & ~answered & (c("ring_s") <= ONE_RING_S)).fill_null(value=False),
            is_virtual=(c("peer_kind") == "virtual").fill_null(value=False),
            is_foreign=(c("peer_kind") == "international").fill_null(value=False),
            is_grey=c("peer_kind").is_in(_GREY_KINDS).fill_null(value=False),
            peer_area=c("peer_area") // 100,
            visited_area=c("visited_area") // 100,
        )
        .with_columns(
            h1=c("age_s") < HOUR_S,
            w1=c("age_s") < DAY_S,
            w7=c("age_s") < 7 * DAY_S,
            w28=c("age_s") < 28 * DAY_S,
            day=(c("age_s") // DAY_S).cast(pl.Int8),
        )
    )


def count(flag: pl.Expr) -> pl.Expr:
    """How many rows of the group have the flag set; null counts as not set."""
    return flag.sum().cast(pl.Int64)


def share(part: pl.Expr, whole: pl.Expr) -> pl.Expr:
    """`part / whole` as Float64, null where there is nothing to divide by."""
    return part / pl.when(whole > 0).then(whole)


def variation(number: pl.Expr, total: pl.Expr, squares: pl.Expr) -> pl.Expr:
    """Standard deviation over mean of whole numbers, from their count, sum and sum of squares.

    In integers until the root: exact, the same in any order, and 0 for equal values. Null with fewer than two, or where
    the mean is 0.
    """
    spread = (number * squares - total * total).cast(pl.Float64).sqrt()
    return pl.when(number > 1).then(share(spread, total))


_LOG_SCALE = 2**32


def weight_log(weight: pl.Expr) -> pl.Expr:
    """`w log w` in steps of 2^-32: sums of integers are the same in any order, sums of floats are not."""
    log = pl.max_horizontal(weight, pl.lit(1, dtype=pl.Int64)).cast(pl.Float64).log()
    return (weight * log * _LOG_SCALE).round().cast(pl.Int64)


def evenness(weight_logs: pl.Expr, total: pl.Expr, distinct: pl.Expr) -> pl.Expr:
    """Shannon entropy over its maximum, from sum(`weight_log`), sum(w) and the number of distinct values.

    Null with fewer than two distinct values, where the maximum is 0.
    """
    weight = total.cast(pl.Float64)
    entropy = weight.log() - weight_logs / _LOG_SCALE / weight
    return pl.when(distinct > 1).then(entropy / distinct.cast(pl.Float64).log())
