"""The register: what the events of disputes say, kept so that it is found fast, and made anew from them if need be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, delete, insert, select, update

from linerisk.decisions.schema import decisions, disputes, events, lifts, sortable
from linerisk.review.disputes import Dispute, Event, after, event_of


class _Weighed(msgspec.Struct):
    """Of a decision record the part that is compared."""

    contributions: dict[str, float]


_PAGE = 2_000
_WEIGHED = msgspec.json.Decoder(_Weighed)
_ENCODER = msgspec.json.Encoder(order="sorted")
_DECODER = msgspec.json.Decoder(Dispute)


def enter(connection: Connection, dispute: Dispute, *, decision_seq: int, seq: int) -> None:
    """Write where a dispute stands, and the lift if it ended in the holder's favour.

    Args:
        connection: A transaction that alone may write.
        dispute: As it stands.
        decision_seq: Position of the decision in the chain.
        seq: Position of its last event.
    """
    row = _row(dispute, decision_seq=decision_seq, seq=seq)
    if dispute.number == 1:
        record = connection.execute(_DECISION, {"named": dispute.decision_id}).one().record
        connection.execute(insert(disputes), {**row, "contributions": contributions_in(record)})
    else:
        named = {**row, "of": row.pop("dispute_id")}
        named.pop("dispute_id")
        changes: dict[str, Any] = {name: bindparam(name) for name in row}
        connection.execute(update(disputes).where(disputes.c.dispute_id == bindparam("of")).values(changes), named)
    if dispute.overturned:
        connection.execute(insert(lifts), _lift(dispute, seq=seq))


def rebuild(connection: Connection) -> int:
    """Make the register anew from the events; how many disputes it holds then.

    Args:
        connection: A transaction that alone may write.
    """
    for table in (lifts, disputes):
        connection.execute(delete(table))
    standing: dict[str, tuple[Dispute, int]] = {}
    for seq, event in _events(connection):
        before = standing[event.dispute_id][0] if event.dispute_id in standing else None
        dispute = after(before, event)
        standing[event.dispute_id] = (dispute, seq)
        if dispute.overturned:
            connection.execute(insert(lifts), _lift(dispute, seq=seq))
    for dispute, seq in standing.values():
        decision = connection.execute(_DECISION, {"named": dispute.decision_id}).one()
        row = _row(dispute, decision_seq=decision.seq, seq=seq)
        connection.execute(insert(disputes), {**row, "contributions": contributions_in(decision.record)})
    return len(standing)


def contributions_in(record: str) -> str | None:
    """The log-odds by family of a decision, as JSON; from the JSON of its record, of which nothing else is read.

    Of a record that somebody damaged there are none: the register stands, and the walk along the chain says so.
    """
    try:
        return _ENCODER.encode(_WEIGHED.decode(record).contributions).decode()
    except msgspec.MsgspecError:
        return None


def dispute_of(record: str) -> Dispute:
    """A dispute from its row of the register; without events."""
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
    """Events that still say something, in the order of the chain."""
    position = 0
    while page := connection.execute(_PAGE_OF_EVENTS, {"after": position}).all():
        for row in page:
            if row.record:
                yield row.seq, event_of(row.record)
        position = page[-1].seq


_PAGE_OF_EVENTS = (
    select(events.c.seq, events.c.record).where(events.c.seq > bindparam("after")).order_by(events.c.seq).limit(_PAGE)
)
_DECISION = select(decisions.c.seq, decisions.c.record).where(decisions.c.decision_id == bindparam("named"))
