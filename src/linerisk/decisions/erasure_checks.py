"""Checks of erasures during verification: whether each was allowed, and whether it erased what it states."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, Row, select

from linerisk import as_of
from linerisk.as_of import parse_instant
from linerisk.decisions.erasure import feed, remains_of
from linerisk.decisions.schema import erasures, sortable
from linerisk.errors import InputError, PolicyError

DaysAt = Callable[[datetime], int]


class Erasures:
    """The erasures of a log, by position; each check returns a clause that names the fault, or an empty string.

    Args:
        engine: The store; read when this is made, and again for an erasure that came in since.
        days_at: Retention in days at an instant; None checks each erasure only against its own statement.
    """

    def __init__(self, engine: Engine, days_at: DaysAt | None) -> None:
        self._engine = engine
        self._days_at = days_at
        self._known: Mapping[int, Row[Any]] = {}
        self._load()
        self._met = {seq: remains_of(()) for seq in self._known}
        self._covered = [row for row in self._known.values() if row.first_seq is not None]
        self._last = max((row.last_seq for row in self._covered), default=0)

    def wrong_with(self, row: Row[Any]) -> str:
        """The fault of an erasure, once all rows before it were verified."""
        try:
            erased_at, before = parse_instant(row.erased_at), parse_instant(row.scored_before)
            least = row.days if self._days_at is None else self._days_at(erased_at)
        except (InputError, PolicyError):
            return "the erasure says no time that a retention rule covers"
        if erased_at - before != timedelta(days=row.days) or row.days < least:
            return f"the erasure took what was not {least} days old"
        if erased_at > as_of.now():
            return "the erasure is dated in the future"
        if row.last_seq is not None and not 0 < row.first_seq <= row.last_seq < row.seq:
            return "the erasure names rows that were not there"
        if self._met[row.seq].hexdigest() != row.remains:
            return "the erased rows are not those that the erasure names"
        return ""

    def wrong_with_erased(self, row: Row[Any], *, recorded_after: datetime | None) -> str:
        """The fault of a decision that is marked as erased.

        Args:
            row: The decision.
            recorded_after: Time of an anchor before it.
        """
        if row.erasure not in self._known:
            self._load()
        erasure = self._known.get(row.erasure)
        if erasure is None or not _covers(erasure, row.seq):
            return "the row was erased, and no erasure names it"
        if any((row.record, row.line_id, row.request_id, row.as_of, row.tier)):
            return "the row was erased, and says something"
        if row.scored_at >= erasure.scored_before:
            return "the row was erased within its retention"
        if recorded_after is not None and sortable(recorded_after) >= erasure.scored_before:
            return "the row was erased within its retention: an anchor shows when it was not yet there"
        if row.erasure in self._met:
            feed(self._met[row.erasure], row)
        return ""

    def fault_in_kept(self, row: Row[Any]) -> str:
        """The fault of an erasure that a kept decision of known age reveals."""
        if row.seq > self._last:
            return ""
        for erasure in self._covered:
            if _covers(erasure, row.seq):
                return "an erasure names the row, and it stands"
            if erasure.last_seq > row.seq and erasure.scored_before <= row.scored_at <= erasure.erased_at:
                return "rows recorded after this one were erased while it was within its retention"
        return ""

    def wrong_with_request(self, row: Row[Any]) -> str:
        """The fault of a request: it must be erased with its decisions, and only with them."""
        if row.erasure is None:
            named = row.first_seq <= self._last and any(_covers(each, row.first_seq) for each in self._covered)
            return "an erasure names the decisions of the request, and it stands" if named else ""
        if row.erasure not in self._known:
            self._load()
        erasure = self._known.get(row.erasure)
        if erasure is None or not (_covers(erasure, row.first_seq) and _covers(erasure, row.last_seq)):
            return "the request was erased, and no erasure names its decisions"
        return ""

    def _load(self) -> None:
        with self._engine.connect() as connection:
            rows = connection.execute(select(erasures).order_by(erasures.c.seq)).all()
        self._known = {row.seq: row for row in rows}


def _covers(erasure: Row[Any], seq: int) -> bool:
    return erasure.first_seq is not None and bool(erasure.first_seq <= seq <= erasure.last_seq)
