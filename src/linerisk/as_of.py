"""The only access to the wall clock, and the parser of instants, dates and durations.

All code uses timezone-aware UTC datetimes. Code that needs local time converts a column and names it accordingly.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

from linerisk.errors import InputError


def now() -> datetime:
    """The present instant in UTC."""
    return datetime.now(UTC)


def parse_instant(text: str) -> datetime:
    """Parse an ISO 8601 date or timestamp as a UTC instant; a bare date means midnight UTC.

    >>> parse_instant("2024-07-25").isoformat()
    '2024-07-25T00:00:00+00:00'
    >>> parse_instant("2024-07-25T08:00:00+08:00").isoformat()
    '2024-07-25T00:00:00+00:00'

    Raises:
        InputError: The text is not an ISO 8601 date or timestamp.
    """
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(
            "this is not an instant",
            expected="ISO 8601, such as 2024-07-25T00:00:00Z",
            found=repr(text),
            todo="write it so",
        ) from error
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def iso(instant: datetime) -> str:
    """Format an instant as ISO 8601 in UTC with `Z`, as in every file and response.

    >>> iso(datetime(2024, 7, 25, tzinfo=UTC))
    '2024-07-25T00:00:00Z'
    """
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def parse_date(text: str) -> date:
    """Parse an ISO 8601 calendar date.

    Raises:
        InputError: The text is not a date.
    """
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InputError("this is not a date", expected="YYYY-MM-DD", found=repr(text), todo="write it so") from error


_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")


def parse_duration(text: str) -> timedelta:
    """Parse a duration of hours, minutes and seconds, in this order.

    >>> parse_duration("15m"), parse_duration("1h30m")
    (datetime.timedelta(seconds=900), datetime.timedelta(seconds=5400))

    Raises:
        InputError: The text is not a duration, or the duration is zero.
    """
    found = _DURATION.fullmatch(text.strip())
    hours, minutes, seconds = (int(part or 0) for part in found.groups()) if found else (0, 0, 0)
    duration = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    if not duration:
        raise InputError(
            "this is not a duration", expected="such as 90s, 15m, 2h or 1h30m", found=repr(text), todo="write it so"
        )
    return duration
