"""Checks that a store has records around `as_of`: long after the last or before the first, every line looks silent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

from linerisk.as_of import iso
from linerisk.errors import InputError, StoreError

MOST_DAYS_AFTER = 7
"""Days from the last day with records to `as_of`, at most. Features look back 7 and 28 days: after a longer gap every
line would look silent."""


def next_instant(days: Sequence[date]) -> str:
    """The `--as-of` that uses the newest records: the day after the last one.

    >>> next_instant([date(2024, 7, 24), date(2024, 7, 25)])
    '2024-07-26'

    Raises:
        StoreError: There are no records.
    """
    return (_last(days) + timedelta(days=1)).isoformat()


def check_as_of(days: Sequence[date], as_of: datetime) -> None:
    """Refuse an instant that the records do not cover.

    Args:
        days: UTC days that have records, in order.
        as_of: The instant.

    Raises:
        StoreError: There are no records.
        InputError: The instant is more than `MOST_DAYS_AFTER` days after the last of them, or before the first.
    """
    last, day = _last(days), as_of.astimezone(UTC).date()
    if (day - last).days > MOST_DAYS_AFTER:
        raise InputError(
            f"the records end {(day - last).days:,} days before --as-of",
            expected=f"an instant at most {MOST_DAYS_AFTER} days after the last day with records, {last}",
            found=str(day),
            todo=f"give --as-of {next_instant(days)}, or ingest the records up to {day} first",
            field="--as-of",
        )
    if as_of <= datetime.combine(days[0], time(), UTC):
        raise InputError(
            "the records begin after --as-of",
            expected=f"an instant after the start of the first day with records, {days[0]} (UTC)",
            found=iso(as_of),
            todo=f"give --as-of {next_instant(days)}, or ingest the records before {iso(as_of)} first",
            field="--as-of",
        )


def _last(days: Sequence[date]) -> date:
    if not days:
        raise StoreError(
            "the store has no records", expected="call records of a day at least", found="none", todo="ingest some"
        )
    return days[-1]
