"""Group commit on a thread, for threads, large requests, and event loops that found the store locked.

Writes gather while the previous commit runs, so a slower disk makes larger groups. There is no timer and no delay.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from sqlalchemy.exc import DataError, IntegrityError

from linerisk.decisions.errors import FAILURES, StoreBusyError, overloaded, unusable
from linerisk.decisions.pending import Outcome, PendingWrite, resolve
from linerisk.errors import DecisionLogError

MOST_REQUESTS = 500
"""Limits of one commit. They bound how long the store is locked."""
_MOST_RECORDS = 4_000
# A commit costs as much CPU as ten decisions: after a group of several writes, more are likely to follow at once.
_BUSY_FROM = 4
_GATHER_S = 0.001
_OF_ONE_ROW = (IntegrityError, DataError, sqlite3.IntegrityError, sqlite3.DataError)

Write = Callable[[Sequence[PendingWrite]], list[Outcome]]
"""Writes a group as one transaction, or raises having written nothing."""


class GroupWriter:
    """Takes writes from any thread and commits them in groups on a thread of its own.

    Args:
        write: Writes a group as one transaction, or raises having written nothing.
        most_waiting: How many records may wait (a request counts as at least one).
    """

    def __init__(self, write: Write, *, most_waiting: int) -> None:
        self._write = write
        self._most_waiting = most_waiting
        self._waiting: deque[PendingWrite] = deque()
        self._weight = 0
        self._changed = threading.Condition()
        self._closed = False
        self._busy = False
        self._thread: threading.Thread | None = None

    @property
    def waiting(self) -> int:
        """How many records wait to be written."""
        return self._weight

    def submit(self, append: PendingWrite) -> None:
        """Queue one write; its future is set when it is on disk or refused.

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
        """Refuse new writes, write what waits, and stop."""
        with self._changed:
            self._closed = True
            self._changed.notify()
            thread = self._thread
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        group: list[PendingWrite] = []
        try:
            while group := self._next_group():
                self._busy = len(group) >= _BUSY_FROM
                failure = write_group(self._write, group)
                if failure is not None:
                    refuse(self._take_all(), failure)
        finally:
            # If the thread ends unexpectedly: refuse what waits; the next write starts another thread.
            with self._changed:
                self._thread = None
                left = group + self._take_all()
            refuse([append for append in left if not append.future.done()], RuntimeError("the writer has stopped"))

    def _next_group(self) -> list[PendingWrite]:
        """The oldest writes, up to the size of one commit; empty only once closed and drained."""
        if self._busy and not self._closed:
            # The system may refuse a sleep while its clock is being set.
            with contextlib.suppress(OSError):
                time.sleep(_GATHER_S)
        with self._changed:
            while not self._waiting and not self._closed:
                self._changed.wait()
            group: list[PendingWrite] = []
            records = 0
            while self._waiting and len(group) < MOST_REQUESTS:
                weight = self._waiting[0].weight
                if group and records + weight > _MOST_RECORDS:
                    break
                group.append(self._waiting.popleft())
                records += weight
            self._weight -= records
            return group

    def _take_all(self) -> list[PendingWrite]:
        with self._changed:
            taken = [append for append in self._waiting if append.claim()]
            self._waiting.clear()
            self._weight = 0
            return taken


def write_group(write: Write, group: Sequence[PendingWrite]) -> Exception | None:
    """Write a group and set its futures.

    Returns:
        The failure of the store, if any: later writes would wait as long and fail the same way.

    Raises:
        StoreBusyError: `write` found the store locked; futures that are not done are not written.
    """
    ready = [append for append in group if _encoded(append)]
    return _write_ready(write, ready) if ready else None


def _write_ready(write: Write, ready: Sequence[PendingWrite]) -> Exception | None:
    try:
        outcomes = write(ready)
    except StoreBusyError:
        raise
    except _OF_ONE_ROW as error:
        if len(ready) == 1:
            refuse(ready, error)
            return None
        # One bad row must not fail the others.
        failures = [_write_ready(write, [append]) for append in ready]
        return next(filter(None, failures), None)
    except FAILURES as error:
        refuse(ready, error)
        return error
    except Exception as error:  # noqa: BLE001  # the writer must outlive any fault of our own
        refuse(ready, error)
        return None
    resolve(list(zip(ready, outcomes, strict=True)))
    return None


def refuse(group: Sequence[PendingWrite], cause: Exception) -> None:
    """Set all futures to "nothing was recorded"."""
    refused: list[tuple[PendingWrite, Outcome]] = []
    for append in group:
        refusal = cause if isinstance(cause, DecisionLogError) else unusable(cause)
        refusal.__cause__ = None if refusal is cause else cause
        refused.append((append, refusal))
    resolve(refused)


def _encoded(append: PendingWrite) -> bool:
    """Encode a write; if it was cancelled or cannot be encoded, resolve it."""
    if not append.claim():
        return False
    try:
        append.encode()
    except DecisionLogError as error:
        resolve([(append, error)])
        return False
    return True
