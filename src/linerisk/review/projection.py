"""Projection of dispute events: tables for fast queries, which can be rebuilt from the events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, delete, insert, select, update

from linerisk.decisions.schema import decisions, disputes, events, lifts, sortable
from linerisk.review.disputes import Dispute, Event, apply_event, decode_event


class _RecordContributions(msgspec.Struct):
    """The only part of a decision record that the search for similar cases needs."""

    contributions: dict[str, float]


_PAGE = 2_000
_CONTRIBUTIONS = msgspec.json.Decoder(_RecordContributions)
_ENCODER = msgspec.json.Encoder(order="sorted")
_DECODER = msgspec.json.Decoder(Dispute)


def save(connection: Connection, dispute: Dispute, *, decision_seq: int, seq: int) -> None:
    """Write the current state of a dispute, and a lift if it ended in the holder's favour.

    Args:
        connection: A transaction that holds the write lock.
        dispute: Its current state.
        decision_seq: Position of the decision in the chain.
        seq: Position of its last event.
    """
    row = _row(dispute, decision_seq=decision_seq, seq=seq)
    if dispute.number == 1:
        record = connection.execute(_DECISION, {"decision_id": dispute.decision_id}).one().record
        connection.execute(insert(disputes), {**row, "contributions": contributions_json(record)})
    else:
        of_dispute = disputes.c.dispute_id == row.pop("dispute_id")
        connection.execute(update(disputes).where(of_dispute).values(row))
    if dispute.overturned:
        connection.execute(insert(lifts), _lift(dispute, seq=seq))


def rebuild(connection: Connection) -> int:
    """Rebuild the projection from the events; returns how many disputes it holds.

    Args:
        connection: A transaction that holds the write lock.
    """
    for table in (lifts, disputes):
        connection.execute(delete(table))
    projected: dict[str, tuple[Dispute, int]] = {}
    for seq, event in _events(connection):
        before = projected[event.dispute_id][0] if event.dispute_id in projected else None
        dispute = apply_event(before, event)
        projected[event.dispute_id] = (dispute, seq)
        if dispute.overturned:
            connection.execute(insert(lifts), _lift(dispute, seq=seq))
    for dispute, seq in projected.values():
        decision = connection.execute(_DECISION, {"decision_id": dispute.decision_id}).one()
        row = _row(dispute, decision_seq=decision.seq, seq=seq)
        connection.execute(insert(disputes), {**row, "contributions": contributions_json(decision.record)})
    return len(projected)


def contributions_json(record: str) -> str | None:
    """Log-odds by family of a decision as JSON, from the JSON of its record.

    None for a damaged record: it must not stop the projection, and `linerisk audit verify` reports it.
    """
    try:
        return _ENCODER.encode(_CONTRIBUTIONS.decode(record).contributions).decode()
    except msgspec.MsgspecError:
        return None


def decode_dispute(record: str) -> Dispute:
    """A dispute from the JSON of its row; without events."""
    return _DECODER.decode(record)


def _row(dispute: Dispute, *, decision_seq: int, seq: int) -> dict[str, Any]:
    return {
        "dispute_id": dispute.dispute_id,
        "case_number": dispute.case_number,
        "decision_id": dispute.decision_id,
        "decision_seq": decision_seq,
        "line_id": dispute.line_id,
        "tier": dispute.tier,
        "model": dispute.model,
        "reasons": " ".join(dispute.reasons),
        "state": dispute.state.value,
        "is_open": int(dispute.is_open),
        "assigned_to": dispute.assigned_to,
        "warn_at": sortable(dispute.warn_at),
        "answer_by": sortable(dispute.answer_by),
        "alarm_at": sortable(dispute.alarm_at),
        "hard_limit": sortable(dispute.hard_limit),
        "closed_at": None if dispute.closed_at is None else sortable(dispute.closed_at),
        "number": dispute.number,
        "seq": seq,
        "record": _ENCODER.encode(msgspec.structs.replace(dispute, events=())).decode(),
    }


def _lift(dispute: Dispute, *, seq: int) -> dict[str, Any]:
    return {
        "seq": seq,
        "dispute_id": dispute.dispute_id,
        "case_number": dispute.case_number,
        "decision_id": dispute.decision_id,
        "line_id": dispute.line_id,
        "outcome": dispute.state.value,
        "tier": dispute.tier,
        "lowered_to": dispute.lowered_to,
        "lifted_at": sortable(dispute.changed_at),
    }


def _events(connection: Connection) -> Iterator[tuple[int, Event]]:
    """Events that were not erased, in the order of the chain."""
    position = 0
    while page := connection.execute(_PAGE_OF_EVENTS, {"after": position}).all():
        for row in page:
            if row.record:
                yield row.seq, decode_event(row.record)
        position = page[-1].seq


_PAGE_OF_EVENTS = (
    select(events.c.seq, events.c.record).where(events.c.seq > bindparam("after")).order_by(events.c.seq).limit(_PAGE)
)
_DECISION = select(decisions.c.seq, decisions.c.record).where(decisions.c.decision_id == bindparam("decision_id"))
