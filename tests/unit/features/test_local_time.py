"""Local hours: by a fixed offset where the zone has one, and the same as by the zone's name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from linerisk.features.local_time import clock_over, hour_and_weekend

START, END = datetime(2024, 2, 20, tzinfo=UTC), datetime(2024, 4, 16, tzinfo=UTC)


def told(instants: pl.Series, clock: timedelta | str) -> pl.DataFrame:
    hour, weekend = hour_and_weekend(pl.col("at"), clock)
    return instants.alias("at").to_frame().select(hour=hour, weekend=weekend)


def test_an_instant_of_friday_evening_in_utc_is_saturday_morning_in_shanghai() -> None:
    friday = pl.Series([datetime(2024, 4, 12, 17, 30, tzinfo=UTC)], dtype=pl.Datetime("us", "UTC"))
    assert told(friday, timedelta(hours=8)).row(0) == (1, True)


def test_shanghai_has_one_offset_all_the_time() -> None:
    assert clock_over(START, END, "Asia/Shanghai") == timedelta(hours=8)


def test_where_summer_time_begins_in_between_the_zone_is_asked_by_name() -> None:
    assert clock_over(START, END, "Europe/Berlin") == "Europe/Berlin"


def test_where_the_clock_went_there_and_back_the_ends_agree_and_yet_the_zone_is_asked() -> None:
    # Morocco leaves summer time for Ramadan: from 10 March to 14 April 2024.
    assert clock_over(START, END, "Africa/Casablanca") == "Africa/Casablanca"


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "Asia/Kathmandu", "America/St_Johns", "Pacific/Marquesas"])
def test_offset_and_name_say_the_same_of_every_quarter_of_an_hour(zone: str) -> None:
    start, end = datetime(2023, 12, 1, tzinfo=UTC), datetime(2024, 1, 26, tzinfo=UTC)
    clock = clock_over(start, end, zone)
    assert isinstance(clock, timedelta)
    quarters = pl.datetime_range(start, end, "15m", time_unit="us", eager=True)
    assert_frame_equal(told(quarters, clock), told(quarters, zone))
