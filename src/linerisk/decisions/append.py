"""The write transaction: many requests, one commit, each request answered once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, Row, bindparam, select
from sqlalchemy.exc import DBAPIError
from typing_extensions import override

from linerisk import as_of
from linerisk.decisions import chain
from linerisk.decisions.access_log import AccessAppend, write_accesses
from linerisk.decisions.erasure import erased_name
from linerisk.decisions.errors import OURS, conflict, erased
from linerisk.decisions.events import EventAppend, write_event
from linerisk.decisions.pending import Outcome, PendingWrite
from linerisk.decisions.record import DecisionRecord
from linerisk.decisions.schema import decisions, requests, sortable
from linerisk.decisions.statements import insert_rows, rows_among
from linerisk.decisions.store import writing
from linerisk.errors import DecisionLogError

Key = tuple[str, str]
Problem = Mapping[str, str]


class StoredAnswer(msgspec.Struct, frozen=True):
    """The stored answer of a request.

    Attributes:
        records: Its decisions, in the order given.
        problems: Its lines without a decision, as they were answered.
        body_hash: Hash of the body that was answered.
        repeated: Whether the request had been answered before; then nothing was written.
    """

    records: Sequence[DecisionRecord]
    problems: tuple[dict[str, str], ...]
    body_hash: str
    repeated: bool


class DecisionRow(msgspec.Struct, frozen=True, gc=False):
    """A record as a row, without its place in the chain: its search columns and its canonical bytes."""

    decision_id: str
    line_id: str
    as_of: str
    scored_at: str
    tier: str
    record: bytes


@dataclass(slots=True)
class Append(PendingWrite):
    """One request that waits to be written.

    Attributes:
        caller: Name of the token.
        request_id: The caller's idempotency key.
        body_hash: Hash of the request body.
        records: Its decisions.
        problems: Its lines without a decision.
        rows: The decisions as they are stored, once encoded.
    """

    caller: str
    request_id: str
    body_hash: str
    records: Sequence[DecisionRecord]
    problems: tuple[dict[str, str], ...]
    rows: list[DecisionRow] = field(default_factory=list)

    @property
    def key(self) -> Key:
        """Identity of the request: caller and request id."""
        return self.caller, self.request_id

    @property
    @override
    def weight(self) -> int:
        """How many records it writes."""
        return max(1, len(self.records))

    @override
    def encode(self) -> None:
        """Encode the records as rows, before the transaction, to hold its lock briefly.

        Raises:
            DecisionLogError: A record is of another request, or cannot be written as JSON.
        """
        if any((record.scored_by, record.request_id) != self.key for record in self.records):
            raise DecisionLogError(
                "a decision is recorded under another request", expected="its own caller and id", todo=OURS
            )
        try:
            self.rows = self.rows or [_row(record) for record in self.records]
        except Exception as error:  # the encoder raises many kinds of errors, and none may stop the writer
            raise DecisionLogError(
                "a decision cannot be written as JSON", found=type(error).__name__, todo=OURS
            ) from error


def _row(record: DecisionRecord) -> DecisionRow:
    return DecisionRow(
        record.decision_id,
        record.line_id,
        sortable(record.as_of),
        sortable(record.scored_at),
        str(record.tier),
        record.to_json(),
    )


def write(engine: Engine, waiting: Sequence[PendingWrite], *, wait_for_lock: bool = True) -> list[Outcome]:
    """Write all of them, or none: when this returns, every answer is on disk.

    A lost connection is opened again, once. If its commit had reached the database, the second attempt finds the
    requests answered with the records that it was to write.

    Args:
        engine: The store.
        waiting: What to write.
        wait_for_lock: Whether to wait for another connection that writes.

    Raises:
        SQLAlchemyError: The store could not be written; nothing was.
        StoreBusyError: The store is locked, and `wait_for_lock` is false; nothing was written.
    """
    try:
        return _write(engine, waiting, wait_for_lock=wait_for_lock)
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
    return _write(engine, waiting, wait_for_lock=wait_for_lock)


def _write(engine: Engine, waiting: Sequence[PendingWrite], *, wait_for_lock: bool) -> list[Outcome]:
    asked = [each for each in waiting if isinstance(each, Append)]
    moved = [each for each in waiting if isinstance(each, EventAppend)]
    with writing(engine, wait_for_lock=wait_for_lock) as connection:
        outcomes: dict[int, Outcome] = dict(zip(map(id, asked), _write_requests(connection, asked), strict=True))
        outcomes |= {id(each): write_event(connection, each) for each in moved}
        write_accesses(connection, [each for each in waiting if isinstance(each, AccessAppend)])
    return [outcomes.get(id(each)) for each in waiting]


def _write_requests(connection: Connection, appends: Sequence[Append]) -> list[Outcome]:
    if not appends:
        return []
    settled: dict[Key, StoredAnswer | None] = dict(_answered_before(connection, appends))
    fresh: dict[Key, Append] = {}
    for append in appends:
        if append.key not in settled:
            fresh.setdefault(append.key, append)
    if fresh:
        _insert(connection, list(fresh.values()))
    outcomes: list[Outcome] = []
    for append in appends:
        first = fresh.get(append.key)
        if first is None:
            outcomes.append(_outcome(append, settled[append.key]))
        elif first is append:
            outcomes.append(StoredAnswer(append.records, append.problems, append.body_hash, repeated=False))
        else:
            outcomes.append(_outcome(append, _repeated_answer(first)))
    return outcomes


def _repeated_answer(first: Append) -> StoredAnswer:
    """The answer for a request that occurs twice in one group."""
    return StoredAnswer(first.records, first.problems, first.body_hash, repeated=True)


def stored_answer(connection: Connection, caller: str, request_id: str) -> StoredAnswer | None:
    """The stored answer of a request, or None.

    Raises:
        ConflictError: It was, and the answer was erased since.
    """
    found = _load_requests(connection, [(caller, request_id)])
    if not found:
        return None
    (answer,) = found.values()
    if answer is None:
        raise erased()
    return answer


def _outcome(append: Append, answer: StoredAnswer | None) -> Outcome:
    """The outcome of a request that was answered before."""
    if answer is None:
        return erased()
    return answer if answer.body_hash == append.body_hash else conflict()


def _answered_before(connection: Connection, appends: Sequence[Append]) -> dict[Key, StoredAnswer | None]:
    return _load_requests(connection, list({append.key for append in appends}))


def _load_requests(connection: Connection, keys: Sequence[Key]) -> dict[Key, StoredAnswer | None]:
    """Stored answers by request; None where the answer was erased."""
    names = {(caller, erased_name(caller, request_id)): (caller, request_id) for caller, request_id in keys}
    requested = dict(zip(keys, keys, strict=True)) | names
    found: dict[Key, StoredAnswer | None] = {}
    pairs = list(requested)
    for at in range(0, len(pairs), _PAIRS_AT_ONCE):
        some = pairs[at : at + _PAIRS_AT_ONCE]
        # Two lists and not one of pairs: SQLite looks pairs up by reading the whole table.
        callers, names_of = list({caller for caller, _ in some}), [name for _, name in some]
        for row in rows_among(connection, requests, caller=callers, request_id=names_of):
            # The same name of another caller is another request.
            if key := requested.get((row.caller, row.request_id)):
                found[key] = _load(connection, row) if row.erasure is None else None
    return found


def _load(connection: Connection, row: Row[Any]) -> StoredAnswer:
    records: tuple[DecisionRecord, ...] = ()
    if row.first_seq is not None:
        texts = connection.execute(_RECORDS, {"first": row.first_seq, "last": row.last_seq}).scalars()
        records = tuple(DecisionRecord.from_json(text) for text in texts)
    problems = tuple(msgspec.json.decode(row.problems, type=list[dict[str, str]]))
    return StoredAnswer(records, problems, row.body_hash, repeated=True)


def _insert(connection: Connection, fresh: Sequence[Append]) -> None:
    created_at = sortable(as_of.now())
    end = chain.tail(connection)
    heads: list[tuple[Any, ...]] = []
    rows: list[tuple[Any, ...]] = []
    for append in fresh:
        before = end.seq
        for row in append.rows:
            digest = chain.digest(row.record)
            start, end = end, chain.End(end.seq + 1, chain.link(end.hash, digest, end.seq + 1))
            rows.append(
                (
                    end.seq,
                    row.decision_id,
                    append.request_id,
                    row.line_id,
                    row.as_of,
                    row.scored_at,
                    row.tier,
                    row.record.decode(),
                    digest,
                    start.hash,
                    end.hash,
                )
            )
            if len(rows) == _ROWS_AT_ONCE:
                insert_rows(connection, decisions, _OF_DECISION, rows)
                rows.clear()
        heads.append(
            (
                append.caller,
                append.request_id,
                append.body_hash,
                created_at,
                msgspec.json.encode(append.problems).decode(),
                before + 1 if append.rows else None,
                end.seq if append.rows else None,
            )
        )
    insert_rows(connection, requests, _OF_REQUEST, heads)
    if rows:
        insert_rows(connection, decisions, _OF_DECISION, rows)


_OF_REQUEST = ("caller", "request_id", "body_hash", "created_at", "problems", "first_seq", "last_seq")
_OF_DECISION = (
    "seq",
    "decision_id",
    "request_id",
    "line_id",
    "as_of",
    "scored_at",
    "tier",
    "record",
    "digest",
    "prev_hash",
    "hash",
)
_ROWS_AT_ONCE = 1_000
"""Rows of one statement, so that a large request is not held in memory once more as text."""
_PAIRS_AT_ONCE = 64
_RECORDS = (
    select(decisions.c.record)
    .where(decisions.c.seq.between(bindparam("first"), bindparam("last")))
    .order_by(decisions.c.seq)
)
