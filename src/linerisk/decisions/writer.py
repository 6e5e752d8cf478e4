"""Group commit: one thread writes what waits, many requests to one commit.

While one commit is on its way to the disk the next requests gather, so the slower the disk, the larger the groups: no
timer, and no waiting when there is nothing to wait for.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from sqlalchemy.exc import DataError, IntegrityError

from linerisk.decisions.errors import FAILURES, overloaded, unusable
from linerisk.decisions.pending import Outcome, Waiting, tell
from linerisk.errors import DecisionLogError

MOST_REQUESTS = 500
"""One commit takes on at most this much: it bounds the time that the store is locked, and the size of a statement."""
_MOST_RECORDS = 4_000
# Each commit costs as much CPU as ten decisions. When the last group was no small one, more are on their way.
_BUSY_FROM = 4
_GATHER_S = 0.001
_OF_ONE_ROW = (IntegrityError, DataError, sqlite3.IntegrityError, sqlite3.DataError)

Write = Callable[[Sequence[Waiting]], list[Outcome]]
"""Writes a group as one transaction, or raises having written nothing."""


class GroupWriter:
    """Takes appends from any thread and writes them in groups from one of its own.

    Args:
        write: Writes a group as one transaction, or raises having written nothing.
        most_waiting: How many records may wait (a request counts as at least one).
    """

    def __init__(self, write: Write, *, most_waiting: int) -> None:
        self._write = write
        self._most_waiting = most_waiting
        self._waiting: deque[Waiting] = deque()
        self._weight = 0
        self._changed = threading.Condition()
        self._closed = False
        self._busy = False
        self._thread: threading.Thread | None = None

    @property
    def waiting(self) -> int:
        """How many records wait to be written."""
        return self._weight

    def submit(self, append: Waiting) -> None:
        """Queue one append; its promise is kept when it is on disk or refused.

        Raises:
            OverloadedError: Too many records wait already.
            DecisionLogError: The log is closed.
        """
        with self._changed:
            if self._closed:
                raise DecisionLogError("the decision log is closed", todo="open it again")
            if self._waiting and self._weight + append.weight > self._most_waiting:
                raise overloaded(self._weight, most=self._most_waiting)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="decision-log-writer", daemon=True)
                self._thread.start()
            self._waiting.append(append)
            self._weight += append.weight
            self._changed.notify()

    def close(self) -> None:
        """Take nothing more on, write what waits, stop."""
        with self._changed:
            self._closed = True
            self._changed.notify()
            thread = self._thread
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        group: list[Waiting] = []
        try:
            while group := self._next_group():
                self._busy = len(group) >= _BUSY_FROM
                failure = settle(self._write, group)
                if failure is not None:
                    refuse(self._take_all(), failure)
        finally:
            # However the thread ends, nobody may wait for it for ever, and whoever comes next is given another.
            with self._changed:
                self._thread = None
                left = group + self._take_all()
            refuse([append for append in left if not append.future.done()], RuntimeError("the writer has stopped"))

    def _next_group(self) -> list[Waiting]:
        """What waits, oldest first, up to the size of one commit; empty only when closed and drained."""
        if self._busy and not self._closed:
            # A wait may be refused while the clock is set; then it is a shorter one.
            with contextlib.suppress(OSError):
                time.sleep(_GATHER_S)
        with self._changed:
            while not self._waiting and not self._closed:
                self._changed.wait()
            group: list[Waiting] = []
            records = 0
            while self._waiting and len(group) < MOST_REQUESTS:
                weight = self._waiting[0].weight
                if group and records + weight > _MOST_RECORDS:
                    break
                group.append(self._waiting.popleft())
                records += weight
            self._weight -= records
            return group

    def _take_all(self) -> list[Waiting]:
        with self._changed:
            taken = [append for append in self._waiting if append.taken_up()]
            self._waiting.clear()
            self._weight = 0
            return taken


def settle(write: Write, group: Sequence[Waiting]) -> Exception | None:
    """Write a group, and tell each what came of it.

    Returns:
        Why the store cannot be written, if it cannot: whoever waits behind this group would only wait as long again
        for the same answer.
    """
    ready = [append for append in group if _encoded(append)]
    return _settled(write, ready) if ready else None


def _settled(write: Write, ready: Sequence[Waiting]) -> Exception | None:
    try:
        outcomes = write(ready)
    except _OF_ONE_ROW as error:
        if len(ready) == 1:
            refuse(ready, error)
            return None
        # One row that the database refuses must not take the others with it.
        failures = [_settled(write, [append]) for append in ready]
        return next(filter(None, failures), None)
    except FAILURES as error:
        refuse(ready, error)
        return error
    except Exception as error:  # noqa: BLE001  # who writes must outlive any fault of our own too
        refuse(ready, error)
        return None
    tell(list(zip(ready, outcomes, strict=True)))
    return None


def refuse(group: Sequence[Waiting], cause: Exception) -> None:
    """Tell all of them that nothing was recorded."""
    settled: list[tuple[Waiting, Outcome]] = []
    for append in group:
        refusal = unusable(cause)
        refusal.__cause__ = cause
        settled.append((append, refusal))
    tell(settled)


def _encoded(append: Waiting) -> bool:
    """Make it ready to be written; one that was given up or cannot be written is settled here."""
    if not append.taken_up():
        return False
    try:
        append.encode()
    except DecisionLogError as error:
        tell([(append, error)])
        return False
    return True
