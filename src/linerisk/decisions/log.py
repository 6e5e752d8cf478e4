"""The decision log: append-only, durable, hash-chained, idempotent.

One per process, opened after any fork. `append_here` and `append_awaited` are for event loops, `append_async` for
threads.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, Self

from sqlalchemy import Connection, Engine

from linerisk import as_of
from linerisk.decisions import access_log, chain, queries
from linerisk.decisions.access_log import ExpiredAccesses, WasDue
from linerisk.decisions.anchors import Anchor
from linerisk.decisions.append import Append, Problem, StoredAnswer, stored_answer, write
from linerisk.decisions.erasure import Expired, expire
from linerisk.decisions.erasure_checks import DaysAt
from linerisk.decisions.errors import FAILURES, ConflictError, StoreBusyError, conflict, unusable
from linerisk.decisions.events import ChainedEvent, EventAppend, StoredEvent
from linerisk.decisions.group_commit import GroupWriter, refuse, write_group
from linerisk.decisions.pending import PendingWrite
from linerisk.decisions.record import DecisionRecord
from linerisk.decisions.store import open_engine, writing
from linerisk.decisions.verify import ChainReport, verify
from linerisk.errors import DecisionLogError, LineriskError


class DecisionLog:
    """Append-only, durable, hash-chained, idempotent.

    Args:
        url: SQLAlchemy URL; see `Settings.decision_log_url`.
        create: Whether to create a missing store and migrate an older one.
        busy_s: How long to wait for another process that writes.
        most_waiting: How many records may wait to be written before `OverloadedError`.

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
    ) -> None:
        self._engine: Engine = open_engine(url, create=create, busy_s=busy_s)
        self._writer = GroupWriter(partial(write, self._engine), most_waiting=most_waiting)
        self._closed = False

    def append(
        self,
        caller: str,
        request_id: str,
        body_hash: str,
        records: Sequence[DecisionRecord],
        problems: Sequence[Problem] = (),
    ) -> StoredAnswer:
        """Record an answer; it is on disk when this returns.

        Args:
            caller: Name of the token; with `request_id` it identifies the request.
            request_id: The caller's idempotency key.
            body_hash: Hash of the request body.
            records: Its decisions.
            problems: Its lines without a decision.

        Returns:
            These records; for a repeated request, the stored ones.

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
        records: Sequence[DecisionRecord],
        problems: Sequence[Problem] = (),
    ) -> Future[StoredAnswer]:
        """As `append`, but the future holds the answer, or `ConflictError` or `DecisionLogError`.

        A future that is cancelled before its group starts is not written.

        Raises:
            OverloadedError: Too many records wait; nothing was written.
            DecisionLogError: The log is closed.
        """
        copies = tuple([dict(problem) for problem in problems])
        append = Append(caller, request_id, body_hash, tuple(records), copies)
        self._writer.submit(append)
        return append.future

    async def append_awaited(
        self,
        caller: str,
        request_id: str,
        body_hash: str,
        records: Sequence[DecisionRecord],
        problems: Sequence[Problem] = (),
    ) -> StoredAnswer:
        """As `append`, for an event loop."""
        return await asyncio.wrap_future(self.append_async(caller, request_id, body_hash, records, problems))

    def append_here(self, appends: Sequence[Append]) -> None:
        """Append on this thread, without waiting for a lock; each future holds its answer.

        If the store is locked, the writer thread takes over: then the futures are set later.
        """
        if self._closed:
            refuse(appends, DecisionLogError("the decision log is closed", todo="open it again"))
            return
        with suppress(StoreBusyError):
            write_group(partial(write, self._engine, wait_for_lock=False), appends)
        for append in appends:
            if not append.future.done():
                try:
                    self._writer.submit(append)
                except LineriskError as error:
                    append.future.set_exception(error)

    @property
    def on_server(self) -> bool:
        """Whether the store is a database server, which may stop answering."""
        return self._engine.dialect.name != "sqlite"

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
            refusal: Called inside the transaction: returns the refusal, or None.
            project: Called inside the transaction with its position.

        Returns:
            This event; for a repeated request, the stored one.

        Raises:
            LineriskError: As `append` does; `ConflictError` also where `refusal` speaks against it, and `StaleError`
                where the dispute has another last event than the one before this.
        """
        stored: StoredEvent = self.write(EventAppend(event, refusal, project))
        return stored

    def write(self, waiting: PendingWrite) -> Any:
        """Write an event or an access in the next group commit; it is on disk when this returns.

        Raises:
            LineriskError: See `append_event`.
        """
        self._writer.submit(waiting)
        return waiting.future.result()

    def find(self, caller: str, request_id: str, *, body_hash: str | None = None) -> StoredAnswer | None:
        """The stored answer of a request, or None; asked before the work of scoring.

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
        """The record of a decision; None if it is unknown or erased."""
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
        """Number of recorded decisions, including erased ones."""
        with self.reading() as connection:
            return chain.decisions_up_to(connection, chain.tail(connection).seq)

    @property
    def waiting(self) -> int:
        """How many records of this process wait to be written."""
        return self._writer.waiting

    def anchor(self) -> Anchor:
        """The end of the chain, to be kept elsewhere; with it `verify` also detects a cut tail or a forged chain."""
        # The time is taken first: what is not in the chain at this end was recorded later than that.
        time = as_of.now()
        with self.reading() as connection:
            looks = access_log.tail(connection)
            return Anchor(*chain.tail(connection), time, *(looks if looks.seq else ()))

    def verify(self, anchors: Sequence[Anchor] = (), *, days_at: DaysAt | None = None) -> ChainReport:
        """Verify that every row of the chain is as it was written, or was erased when due.

        Args:
            anchors: Ends of the chain exported earlier.
            days_at: Retention in days at an instant, by policy; None checks each erasure only against its own
                statement.
        """
        with _failures_as_log_errors():
            return verify(self._engine, anchors, days_at)

    def expire(self, *, days: int, dry_run: bool = False) -> Expired:
        """Erase the content of decisions scored more than `days` days ago; the chain stays.

        Args:
            days: As the retention rule in force has it.
            dry_run: Only count what is due.

        Raises:
            DecisionLogError: The log cannot be written.
        """
        with _failures_as_log_errors():
            return expire(self._engine, days=days, dry_run=dry_run)

    def close(self) -> None:
        """Write what waits, then close the store."""
        self._closed = True
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
        with _failures_as_log_errors():
            return access_log.verify_accesses(self._engine, anchors, was_due)

    def expire_accesses(self, *, days: int, dry_run: bool = False) -> ExpiredAccesses:
        """As `expire`, of accesses; see `decisions.access_log`."""
        with _failures_as_log_errors():
            return access_log.expire_accesses(self._engine, days=days, dry_run=dry_run)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection to read with.

        Raises:
            DecisionLogError: The log cannot be read.
        """
        with _failures_as_log_errors(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A write transaction, to rebuild projections from the chain.

        Raises:
            DecisionLogError: The log cannot be written.
        """
        with _failures_as_log_errors(), writing(self._engine) as connection:
            yield connection


@contextmanager
def _failures_as_log_errors() -> Iterator[None]:
    """Turn errors of the database and the disk into `DecisionLogError`."""
    try:
        yield
    except FAILURES as error:
        raise unusable(error) from error
