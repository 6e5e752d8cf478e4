"""Group commit: one thread writes what waits, many requests to one commit.

While one commit is on its way to the disk the next requests gather, so the slower the disk, the larger the groups: no
timer, and no waiting when there is nothing to wait for.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future

from sqlalchemy.exc import DataError, IntegrityError

from linerisk.decisions.appending import Append, Outcome, StoredAnswer
from linerisk.decisions.errors import OverloadedError
from linerisk.decisions.store import FAILURES, unusable
from linerisk.errors import DecisionLogError, LineriskError

# One commit takes on at most this much: it bounds the time that the store is locked and the size of one statement.
_MOST_REQUESTS = 500
_MOST_RECORDS = 4_000


class GroupWriter:
    """Takes appends from any thread and writes them in groups from one of its own.

    Args:
        write: Writes a group as one transaction, or raises having written nothing.
        most_waiting: How many records may wait (a request counts as at least one).
    """

    def __init__(self, write: Callable[[Sequence[Append]], list[Outcome]], *, most_waiting: int) -> None:
        self._write = write
        self._most_waiting = most_waiting
        self._waiting: deque[Append] = deque()
        self._weight = 0
        self._changed = threading.Condition()
        self._closed = False
        self._thread: threading.Thread | None = None

    @property
    def waiting(self) -> int:
        """How many records wait to be written."""
        return self._weight

    def submit(self, append: Append) -> Future[StoredAnswer]:
        """Queue one append; its future is done when it is on disk or refused.

        Raises:
            OverloadedError: Too many records wait already.
            DecisionLogError: The log is closed.
        """
        with self._changed:
            if self._closed:
                raise DecisionLogError("the decision log is closed", todo="open it again")
            if self._waiting and self._weight + _weight(append) > self._most_waiting:
                raise OverloadedError(
                    "too many decisions wait to be written",
                    expected=f"at most {self._most_waiting}",
                    found=str(self._weight),
                    todo=f"try again in {OverloadedError.retry_after_s} s",
                )
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="decision-log-writer", daemon=True)
                self._thread.start()
            self._waiting.append(append)
            self._weight += _weight(append)
            self._changed.notify()
        return append.future

    def close(self) -> None:
        """Take nothing more on, write what waits, stop."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        try:
            while group := self._next_group():
                ready = [append for append in group if _encoded(append)]
                if ready:
                    self._settle(ready)
        finally:
            # However the thread ends, nobody may wait for it for ever.
            self._closed = True
            _refuse(self._take_all(), RuntimeError("the writer has stopped"))

    def _next_group(self) -> list[Append]:
        """What waits, oldest first, up to the size of one commit; empty only when closed and drained."""
        with self._changed:
            while not self._waiting and not self._closed:
                self._changed.wait()
            group: list[Append] = []
            records = 0
            while self._waiting and len(group) < _MOST_REQUESTS:
                weight = _weight(self._waiting[0])
                if group and records + weight > _MOST_RECORDS:
                    break
                group.append(self._waiting.popleft())
                records += weight
            self._weight -= records
            return group

    def _settle(self, group: list[Append]) -> None:
        try:
            outcomes = self._write(group)
        except (IntegrityError, DataError) as error:
            self._settle_apart(group, error)
        except FAILURES as error:
            # Whoever waits behind this group would only wait as long again for the same answer.
            _refuse(group + self._take_all(), error)
        except Exception as error:  # noqa: BLE001  # the thread must outlive any fault of our own too
            _refuse(group, error)
        else:
            for append, outcome in zip(group, outcomes, strict=True):
                if isinstance(outcome, LineriskError):
                    append.future.set_exception(outcome)
                else:
                    append.future.set_result(outcome)

    def _settle_apart(self, group: list[Append], error: Exception) -> None:
        """One row that the database refuses must not take the others with it."""
        if len(group) == 1:
            _refuse(group, error)
            return
        for append in group:
            self._settle([append])

    def _take_all(self) -> list[Append]:
        with self._changed:
            taken = [append for append in self._waiting if append.future.set_running_or_notify_cancel()]
            self._waiting.clear()
            self._weight = 0
            return taken


def _refuse(group: Sequence[Append], cause: Exception) -> None:
    """Tell all of them that nothing was recorded."""
    for append in group:
        refusal = unusable(cause)
        refusal.__cause__ = cause
        append.future.set_exception(refusal)


def _weight(append: Append) -> int:
    return max(1, len(append.records))


def _encoded(append: Append) -> bool:
    """Make it ready to be written; one that was given up or cannot be written is settled here."""
    if not append.future.set_running_or_notify_cancel():
        return False
    try:
        append.encode()
    except DecisionLogError as error:
        append.future.set_exception(error)
        return False
    return True
