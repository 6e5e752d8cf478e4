"""Local hour and weekend of an instant: whole numbers where the zone's offset stands still, a time zone elsewhere."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import polars as pl

_HOUR_US, _HOURS_A_DAY, _DAYS_A_WEEK = 3_600_000_000, 24, 7
_MONDAY_OF_EPOCH = 3
"""1 January 1970 was a Thursday: the third day after a Monday."""
_SATURDAY = 5

Clock = timedelta | str
"""A fixed offset from UTC, or the name of a time zone whose offset moves."""


@lru_cache(maxsize=64)
def clock_over(start: datetime, end: datetime, time_zone: str) -> Clock:
    """The offset of a zone, if it is the same from `start` to `end`; else the zone's name.

    No zone changes its offset twice within a day, so a look at every day sees every change.
    """
    zone = ZoneInfo(time_zone)
    days = (end - start) // timedelta(days=1) + 1
    moments = [min(start + timedelta(days=day), end) for day in range(days + 1)]
    offsets = {moment.astimezone(UTC).astimezone(zone).utcoffset() for moment in moments}
    offset = offsets.pop()
    return time_zone if offsets or offset is None else offset


def hour_and_weekend(instant: pl.Expr, clock: Clock) -> tuple[pl.Expr, pl.Expr]:
    """Local hour (Int8, 0 to 23) and whether it is a Saturday or a Sunday, of a UTC instant in microseconds."""
    if isinstance(clock, str):
        local = instant.dt.convert_time_zone(clock)
        return local.dt.hour(), local.dt.weekday() > _SATURDAY
    hours = (instant.to_physical() + clock // timedelta(microseconds=1)) // _HOUR_US
    hours = hours.cast(pl.Int32)
    weekday = (hours // _HOURS_A_DAY + _MONDAY_OF_EPOCH) % _DAYS_A_WEEK
    return (hours % _HOURS_A_DAY).cast(pl.Int8), weekday >= _SATURDAY
