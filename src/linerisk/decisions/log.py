"""The decision log: what was said, durable before it is said.

One per process, opened after any fork; `append_awaited` is for event loops, `append_async` for threads.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from typing import Any, Self

from sqlalchemy import Connection, Engine

from linerisk import as_of
from linerisk.decisions import access_log, chain, queries
from linerisk.decisions.access_log import ExpiredAccesses, WasDue
from linerisk.decisions.anchors import Anchor
from linerisk.decisions.apart import WriterProcess
from linerisk.decisions.append import Append, Problem, StoredAnswer, stored_answer, write
from linerisk.decisions.erasure import Expired, expire
from linerisk.decisions.erasure_checks import DaysAt
from linerisk.decisions.errors import FAILURES, ConflictError, conflict, unusable
from linerisk.decisions.events import ChainedEvent, EventAppend, StoredEvent
from linerisk.decisions.pending import UNUSED, Waiting
from linerisk.decisions.record import DecisionRecord, Recordable
from linerisk.decisions.store import open_engine, writing
from linerisk.decisions.verify import ChainReport, verify
from linerisk.decisions.writer import GroupWriter


class DecisionLog:
    """Append-only, durable, hash-chained, idempotent.

    Args:
        url: SQLAlchemy URL; see `Settings.decision_log_url`.
        create: Whether a missing store may be made, and an older one brought up to date.
        busy_s: How long to wait for another process that writes.
        most_waiting: How many records may wait to be written before `OverloadedError`.
        apart: Whether a process of its own is to write the small requests of an event loop; see `decisions.apart`.

    Raises:
        DecisionLogError: The store cannot be opened.
    """

    def __init__(
        self,
        url: str,
        *,
        create: bool = True,
        busy_s: float = 5.0,
        most_waiting: int = 20_000,
        apart: bool = False,
    ) -> None:
        self._engine: Engine = open_engine(url, create=create, busy_s=busy_s)
        self._writer = GroupWriter(partial(write, self._engine), most_waiting=most_waiting)
        self.apart: WriterProcess | None = None
        if apart:
            self.apart = WriterProcess(url, busy_s=busy_s, most_waiting=most_waiting, otherwise=self._writer.submit)

    def append(
        self,
        caller: str,
        request_id: str,
        body_hash: str,
        records: Sequence[Recordable],
        problems: Sequence[Problem] = (),
    ) -> StoredAnswer:
        """Record an answer; it is on disk when this returns.

        Args:
            caller: Name of the token; with `request_id` it makes the request the same request.
            request_id: The caller's idempotency key.
            body_hash: Hash of the request body.
            records: Its decisions.
            problems: Its lines without one.

        Returns:
            These records; or, of a request answered before, the records it was answered with.

        Raises:
            ConflictError: The request was answered before, to another body, or the answer was erased since.
            OverloadedError: Too many records wait; nothing was written.
            DecisionLogError: Nothing was written.
        """
        return self.append_async(caller, request_id, body_hash, records, problems).result()

    def append_async(
        self,
        caller: str,
        request_id: str,
        body_hash: str,
        records: Sequence[Recordable],
        problems: Sequence[Problem] = (),
    ) -> Future[StoredAnswer]:
        """As `append`, but the future holds the answer, or `ConflictError` or `DecisionLogError`.

        A future that is cancelled before its group is taken up is not written.

        Raises:
            OverloadedError: Too many records wait; nothing was written.
            DecisionLogError: The log is closed.
        """
        append = _append(caller, request_id, body_hash, records, problems)
        self._writer.submit(append)
        return append.future

    def append_awaited(
        self,
        caller: str,
        request_id: str,
        body_hash: str,
        records: Sequence[Recordable],
        problems: Sequence[Problem] = (),
    ) -> asyncio.Future[StoredAnswer]:
        """As `append_async`, for the event loop that runs: it is woken once for all answers of a commit."""
        append = _append(caller, request_id, body_hash, records, problems, future=UNUSED)
        append.awaited = asyncio.get_running_loop().create_future()
        self.append_told(append)
        return append.awaited

    def append_told(self, append: Append) -> None:
        """As `append_awaited`, of an append that says itself who is told."""
        if self.apart is None or not self.apart.take(append):
            self._writer.submit(append)

    def append_event(
        self,
        event: ChainedEvent,
        *,
        refusal: Callable[[Connection], ConflictError | None],
        project: Callable[[Connection, int], None],
    ) -> StoredEvent:
        """Chain an event; it is on disk when this returns.

        Args:
            event: The event.
            refusal: Asked inside the transaction: what speaks against it, or None.
            project: Told inside the transaction at which position it was written.

        Returns:
            This event; or, of a request answered before, the event that it was answered with.

        Raises:
            LineriskError: As `append` does; `ConflictError` also where `refusal` speaks against it, and `StaleError`
                where the dispute has another last event than the one before this.
        """
        stored: StoredEvent = self.write(EventAppend(event, refusal, project))
        return stored

    def write(self, waiting: Waiting) -> Any:
        """Write something of another kind together with what else waits; it is on disk when this returns.

        Raises:
            LineriskError: See `append_event`.
        """
        self._writer.submit(waiting)
        return waiting.future.result()

    def find(self, caller: str, request_id: str, *, body_hash: str | None = None) -> StoredAnswer | None:
        """What a request was answered with, if it was: a look before work that would be for nothing.

        Raises:
            ConflictError: It was answered, to another body than `body_hash`, or the answer was erased since.
            DecisionLogError: The log cannot be read.
        """
        with self.reading() as connection:
            answer = stored_answer(connection, caller, request_id)
        if answer is not None and body_hash is not None and answer.body_hash != body_hash:
            raise conflict()
        return answer

    def get(self, decision_id: str) -> DecisionRecord | None:
        """The frozen record of a decision; None of an unknown one, and of one that was erased."""
        with self.reading() as connection:
            return queries.by_id(connection, decision_id)

    def by_line(self, line_id: str, *, limit: int = 50, before: str | None = None) -> tuple[DecisionRecord, ...]:
        """Decisions of a line, newest first.

        Args:
            line_id: The line.
            limit: At most so many.
            before: Only those recorded before this decision, to turn pages.
        """
        with self.reading() as connection:
            return queries.by_line(connection, line_id, limit=limit, before=before)

    def count(self) -> int:
        """How many decisions were recorded, those that were erased since among them."""
        with self.reading() as connection:
            return chain.decisions_up_to(connection, chain.tail(connection).seq)

    @property
    def waiting(self) -> int:
        """How many records of this process wait to be written."""
        return self._writer.waiting + (0 if self.apart is None else self.apart.waiting)

    def anchor(self) -> Anchor:
        """The end of the chain, to be kept elsewhere: with it, `verify` also sees a tail cut off or a chain forged."""
        # The time is taken first: what is not in the chain at this end was recorded later than that.
        time = as_of.now()
        with self.reading() as connection:
            looks = access_log.tail(connection)
            return Anchor(*chain.tail(connection), time, *(looks if looks.seq else ()))

    def verify(self, anchors: Sequence[Anchor] = (), *, days_at: DaysAt | None = None) -> ChainReport:
        """Walk the chain and say whether every row stands as it was written, or was erased in time.

        Args:
            anchors: Ends of the chain exported earlier.
            days_at: For how many days decisions were to be kept at an instant, as the policy says; None holds each
                erasure only to what it says of itself.
        """
        with _told():
            return verify(self._engine, anchors, days_at)

    def expire(self, *, days: int, dry_run: bool = False) -> Expired:
        """Erase the content of decisions scored more than `days` days ago; the chain stays.

        Args:
            days: As the retention rule in force has it.
            dry_run: Only count what is due.

        Raises:
            DecisionLogError: The log cannot be written.
        """
        with _told():
            return expire(self._engine, days=days, dry_run=dry_run)

    def close(self) -> None:
        """Write what waits, then let go of the store."""
        if self.apart is not None:
            self.apart.close()
        self._writer.close()
        self._engine.dispose()

    def __enter__(self) -> Self:
        """The log itself."""
        return self

    def __exit__(self, *_raised: object) -> None:
        """Close it."""
        self.close()

    def verify_accesses(self, anchors: Sequence[Anchor] = (), *, was_due: WasDue | None = None) -> ChainReport:
        """As `verify`, of the chain of accesses; see `decisions.access_log`."""
        with _told():
            return access_log.verify_accesses(self._engine, anchors, was_due)

    def expire_accesses(self, *, days: int, dry_run: bool = False) -> ExpiredAccesses:
        """As `expire`, of accesses; see `decisions.access_log`."""
        with _told():
            return access_log.expire_accesses(self._engine, days=days, dry_run=dry_run)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection to read with.

        Raises:
            DecisionLogError: The log cannot be read.
        """
        with _told(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction that alone may write, for what is made anew from the chain.

        Raises:
            DecisionLogError: The log cannot be written.
        """
        with _told(), writing(self._engine) as connection:
            yield connection


@contextmanager
def _told() -> Iterator[None]:
    """What a database or a disk in trouble raises, as the error of the log."""
    try:
        yield
    except FAILURES as error:
        raise unusable(error) from error


def _append(
    caller: str,
    request_id: str,
    body_hash: str,
    records: Sequence[Recordable],
    problems: Sequence[Problem],
    **promise: Any,
) -> Append:
    told = tuple([dict(problem) for problem in problems])
    return Append(caller, request_id, body_hash, tuple(records), told, **promise)
