"""Parsing of durations."""

from datetime import timedelta

import pytest

from linerisk.as_of import parse_duration
from linerisk.errors import InputError


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("15m", 900), ("2h", 7_200), ("1h30m", 5_400), (" 5m ", 300)]
)
def test_hours_minutes_and_seconds_are_read(text: str, seconds: int) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "15", "m", "0s", "-5m", "1.5h", "5m1h", "soon"])
def test_an_invalid_duration_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="not a duration"):
        parse_duration(text)
