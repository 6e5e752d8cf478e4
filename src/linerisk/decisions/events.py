"""Events of disputes as rows of the chain: each is written once and in order, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select
from typing_extensions import override

from linerisk.decisions import chain
from linerisk.decisions.errors import ConflictError, StaleError, conflict
from linerisk.decisions.pending import PendingWrite
from linerisk.decisions.schema import events, sortable


@dataclass(frozen=True, slots=True)
class ChainedEvent:
    """One event, as it is chained.

    Attributes:
        dispute_id: What it is about.
        number: Its number within its dispute, from 1.
        caller: Name of the token; with `request_id` it identifies the request.
        request_id: The caller's idempotency key.
        body_hash: Hash of what was asked for.
        decision_id: The disputed decision; the content is erased with it.
        happened_at: When.
        record: Its canonical JSON.
    """

    dispute_id: str
    number: int
    caller: str
    request_id: str
    body_hash: str
    decision_id: str
    happened_at: datetime
    record: str


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """A stored event.

    Attributes:
        record: Its JSON.
        repeated: Whether the request had been answered before; then nothing was written.
    """

    record: str
    repeated: bool


@dataclass(slots=True)
class EventAppend(PendingWrite):
    """One event that waits to be written.

    Attributes:
        event: The event.
        refusal: Called inside the transaction: returns the refusal, or None. It only reads.
        project: Called inside the transaction with its position, to update the projections.
    """

    event: ChainedEvent
    refusal: Callable[[Connection], ConflictError | None]
    project: Callable[[Connection, int], None]

    @property
    @override
    def weight(self) -> int:
        """One row."""
        return 1

    @override
    def encode(self) -> None:
        """Nothing to do: it comes as JSON."""


def write_event(connection: Connection, append: EventAppend) -> StoredEvent | ConflictError:
    """Write one event inside a write transaction; raise without writing if it is refused."""
    event = append.event
    before = connection.execute(_BY_REQUEST, {"of": event.caller, "named": event.request_id}).first()
    if before is not None:
        same = before.body_hash == event.body_hash
        return StoredEvent(before.record, repeated=True) if same else conflict()
    last = connection.execute(_LAST, {"about": event.dispute_id}).scalar() or 0
    if event.number != last + 1:
        return stale(seen=event.number - 1, last=last)
    if (refusal := append.refusal(connection)) is not None:
        return refusal
    row = _row(event, chain.tail(connection))
    connection.execute(insert(events), row)
    append.project(connection, row["seq"])
    return StoredEvent(event.record, repeated=False)


def stale(*, seen: int, last: int) -> StaleError:
    """The refusal of a transition by a caller who has not seen the latest event."""
    return StaleError(
        "the case was moved since it was looked at",
        expected=f"a move after event {last}",
        found=f"one after event {seen}",
        todo="read the case again, then decide",
        field="seen",
    )


def _row(event: ChainedEvent, before: chain.End) -> dict[str, Any]:
    seq = before.seq + 1
    row: dict[str, Any] = {
        "seq": seq,
        "dispute_id": event.dispute_id,
        "number": event.number,
        "caller": event.caller,
        "request_id": event.request_id,
        "body_hash": event.body_hash,
        "decision_id": event.decision_id,
        "happened_at": sortable(event.happened_at),
        "record": event.record,
    }
    row["content"] = chain.content_of_event(row)
    row["digest"] = chain.digest_of_event(row)
    return row | {"prev_hash": before.hash, "hash": chain.link(before.hash, row["digest"], seq)}


_BY_REQUEST = select(events.c.body_hash, events.c.record).where(
    events.c.caller == bindparam("of"), events.c.request_id == bindparam("named")
)
_LAST = select(func.max(events.c.number)).where(events.c.dispute_id == bindparam("about"))
