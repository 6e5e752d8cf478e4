"""What a feature and a stage are, and the prepared records that every stage starts from.

A stage is a key plus a pure function from prepared records to one row per line. Stages keyed on the line need only
the line's own records, so any set of whole lines can be run apart. Stages keyed on a device or a cell need all
records of that device or cell and give partials per line that merge by maximum, so records of different lines are
never joined with each other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import polars as pl

Family = Literal["activity", "contacts", "rhythm", "places", "devices", "tenure", "network"]
FAMILIES: tuple[Family, ...] = ("activity", "contacts", "rhythm", "places", "devices", "tenure", "network")

DAY_S = 86_400
OBSERVATION = timedelta(days=28)
"""The longest window that features describe."""
HISTORY = timedelta(days=56)
"""How far back records are read: the observation window and as much again, to know what is new or unusual."""


@dataclass(frozen=True, slots=True)
class Feature:
    """One entry of the catalogue.

    Attributes:
        name: `statistic_subject_unit_window`.
        family: The room it is cooked in; contributions are summed by family.
        unit: Unit of the value, such as `count`, `share`, `s`, `days`.
        window: Length of time it looks at, such as `7d`, or `now`.
        meaning: What the value says, as one sentence.
        null_means: What a missing value says.
        reason_code: Code of the reason shown when it raises the risk.
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
    monotone: Literal[-1, 0, 1] = 0
    lowers_code: str | None = None


@dataclass(frozen=True, slots=True)
class Stage:
    """A key and a pure function from prepared records to one row per line.

    Attributes:
        key: Column whose equal values must be seen together: `line_key`, `device_key` or `cell_key`.
        run: Prepared records in; `line_key` and the columns of the stage out. Not sorted.
    """

    key: Literal["line_key", "device_key", "cell_key"]
    run: Callable[[pl.LazyFrame], pl.LazyFrame]


def prepare(records: pl.LazyFrame, accounts: pl.LazyFrame, *, as_of: datetime, time_zone: str) -> pl.LazyFrame:
    """Give records the columns that stages count on.

    Args:
        records: `tables.schemas.Records`; rows outside (as_of - HISTORY, as_of] or received later are dropped here,
            whoever read them.
        accounts: One row per line (`current_accounts`), for the home area.
        as_of: The instant we stand at.
        time_zone: Where the operator's customers live; only hour and weekday are local.

    Returns:
        One row per record with `age_s` (seconds before `as_of`), `day`, `hour_slot` and `ten_minute_slot` (whole
        periods before `as_of`, so that windows never depend on a calendar), the local hour and weekday, window
        flags `w1`, `w7`, `w28`, type flags, `answered` filled, and place flags.
    """
    local = pl.col("started_at").dt.convert_time_zone(time_zone)
    kind = pl.col("record_type")
    age = (pl.lit(as_of).dt.cast_time_unit("us") - pl.col("started_at")).dt.total_seconds().cast(pl.Int32)
    home = accounts.select("line_key", "home_area")
    area, visited = pl.col("peer_area"), pl.col("visited_area")
    return (
        records.filter(
            pl.col("started_at") > as_of - HISTORY,
            pl.col("started_at") <= as_of,
            pl.col("received_at") <= as_of,
        )
        .join(home, on="line_key", how="left")
        .with_columns(
            age_s=age,
            local_hour=local.dt.hour(),
            weekday=local.dt.weekday(),
            is_out=kind == "call_out",
            is_in=kind == "call_in",
            is_sms_out=kind == "sms_out",
            is_sms_in=kind == "sms_in",
            is_forwarded=kind == "call_forwarded",
            answered=pl.col("answered").fill_null(pl.col("duration_s") > 0),
            not_home=area != pl.col("home_area"),
            not_visited=area != visited,
            away=visited != pl.col("home_area"),
        )
        .with_columns(
            day=(pl.col("age_s") // DAY_S).cast(pl.Int16),
            hour_slot=(pl.col("age_s") // 3600).cast(pl.Int16),
            ten_minute_slot=(pl.col("age_s") // 600).cast(pl.Int32),
            w1=pl.col("age_s") < DAY_S,
            w7=pl.col("age_s") < 7 * DAY_S,
            w28=pl.col("age_s") < 28 * DAY_S,
        )
    )


def count(flag: pl.Expr) -> pl.Expr:
    """How many rows of the group have the flag set; null counts as not set."""
    return flag.sum().cast(pl.Int64)


def share(part: pl.Expr, whole: pl.Expr) -> pl.Expr:
    """`part / whole` as Float64, null where there is nothing to divide by."""
    return pl.when(whole > 0).then(part.cast(pl.Float64) / whole.cast(pl.Float64))


def mean_of(total: pl.Expr, rows: pl.Expr) -> pl.Expr:
    """Mean from a sum and a count, null where there are no rows."""
    return share(total, rows)


def entropy(total_of_weight_logs: pl.Expr, total: pl.Expr, distinct: pl.Expr) -> pl.Expr:
    """Shannon entropy divided by its maximum, from sum(w log w), sum(w) and the number of distinct values.

    Null with fewer than two distinct values, where the maximum is 0.
    """
    weight = total.cast(pl.Float64)
    return pl.when(distinct > 1).then((weight.log() - total_of_weight_logs / weight) / distinct.log())
