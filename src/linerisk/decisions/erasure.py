"""Erases content past its retention: a decision's content goes, its place in the chain stays.

Of a decision remain its id, when it was scored, its digest and its hashes; of a request its caller, when it was
recorded, and a hash of its id, so that a repeat is refused rather than answered anew. Each stretch of
neighbours that is erased adds a row to the chain that says which they were, when, and from how many days on.

A decision is past its retention when it and every decision recorded before it are: the order of the chain does not
depend on a clock, so a decision scored by a clock that ran behind is not erased early. For the same reason nobody can
erase a young decision and have the chain verify, without erasing all that was recorded before it. What was scored by a
clock that ran ahead is kept until its own time has come, and holds nothing back.

A decision under dispute is kept longer: while the dispute is open, and for a while after it ended. The content of a
dispute's events is erased with its decision; their places in the chain stay.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, Row, and_, bindparam, delete, exists, func, insert, or_, select, update

from linerisk import as_of
from linerisk.decisions import chain
from linerisk.decisions.schema import decisions, disputes, erasures, events, lifts, requests, sortable
from linerisk.decisions.store import scrub, writing

# Limit of one transaction, so that new decisions wait only briefly.
_MOST_REQUESTS = 500
_MOST_DECISIONS = 4_000

KEPT_AFTER_DISPUTE_DAYS = 184
"""For how long a decision is kept after a dispute about it ended: as long as no retention rule may be shorter."""


@dataclass(frozen=True, slots=True)
class Expired:
    """What is past its retention.

    Attributes:
        scored_before: It was scored, and its request recorded, before this.
        requests: How many requests.
        decisions: How many decisions.
    """

    scored_before: datetime
    requests: int
    decisions: int


def expire(engine: Engine, *, days: int, dry_run: bool = False) -> Expired:
    """Erase what was scored more than `days` days ago, or only count it."""
    now = as_of.now()
    before = now - timedelta(days=days)
    terms = {"erased_at": sortable(now), "scored_before": sortable(before), "days": days}
    with engine.connect() as connection:
        ended_after = sortable(now - timedelta(days=KEPT_AFTER_DISPUTE_DAYS))
        due = {**terms, "end": _first_kept(connection, terms), "ended_after": ended_after}
        if dry_run:
            lone = connection.execute(_COUNT_LONE, due).scalar_one()
            counted = connection.execute(_COUNT_DUE, due).one()
            return Expired(before, counted.requests + lone, int(counted.decisions or 0))
    asked = decided = 0
    for page in (_DUE, _LONE):
        while batch := _erase_batch(engine, page, due, terms):
            asked += len(batch)
            decided += _decisions_of(batch)
    scrub(engine)
    return Expired(before, asked, decided)


def erased_name(caller: str, request_id: str) -> str:
    """Replacement of an erased request's id: a hash, which recognises a repeat and reveals nothing."""
    return f"erased:{chain.digest(msgspec.json.encode((caller, request_id)))}"


def erased_event(digest: str) -> str:
    """Replacement of an erased event's request id."""
    return f"erased:{digest}"


def remains_of(rows: Iterable[Any]) -> Any:
    """Hash over the remains of erased decisions, in order."""
    hashed = hashlib.sha256()
    for row in rows:
        feed(hashed, row)
    return hashed


def feed(hashed: Any, row: Any) -> None:
    """Feed a hash with the remains of one erased decision."""
    hashed.update(f"{row.seq} {row.decision_id} {row.scored_at}\n".encode())


def _first_kept(connection: Connection, terms: Mapping[str, Any]) -> int:
    """Position of the first decision that is not due; one scored in the future holds nothing back."""
    found = connection.execute(_FIRST_KEPT, terms).scalar()
    return chain.tail(connection).seq + 1 if found is None else int(found)


def _erase_batch(engine: Engine, page: Any, due: Mapping[str, Any], terms: Mapping[str, Any]) -> list[Row[Any]]:
    with writing(engine) as connection:
        batch: list[Row[Any]] = []
        for row in connection.execute(page, due).all():
            if batch and _decisions_of([*batch, row]) > _MOST_DECISIONS:
                break
            batch.append(row)
        for stretch in _stretches(batch):
            _erase(connection, terms, stretch)
    return batch


def _decisions_of(batch: Sequence[Row[Any]]) -> int:
    return sum(row.last_seq - row.first_seq + 1 for row in batch if row.first_seq is not None)


def _stretches(batch: Sequence[Row[Any]]) -> Iterator[list[Row[Any]]]:
    """Requests whose decisions are neighbours in the chain; those without a decision are one stretch."""
    stretch: list[Row[Any]] = []
    for row in batch:
        if stretch and row.first_seq is not None and row.first_seq != stretch[-1].last_seq + 1:
            yield stretch
            stretch = []
        stretch.append(row)
    if stretch:
        yield stretch


def _erase(connection: Connection, terms: Mapping[str, Any], stretch: Sequence[Row[Any]]) -> None:
    first, last = stretch[0].first_seq, stretch[-1].last_seq
    stand = connection.execute(_REMAINS, {"first": first, "last": last}).all()
    before = chain.tail(connection)
    seq = before.seq + 1
    row = {**terms, "seq": seq, "first_seq": first, "last_seq": last, "remains": remains_of(stand).hexdigest()}
    row["digest"] = chain.digest_of_erasure(row)
    row |= {"prev_hash": before.hash, "hash": chain.link(before.hash, row["digest"], seq)}
    connection.execute(insert(erasures), row)
    named = [
        {
            "of": request.caller,
            "named": request.request_id,
            "request_id": erased_name(request.caller, request.request_id),
            "erasure": seq,
        }
        for request in stretch
    ]
    connection.execute(_ERASE_REQUEST, named)
    if stand:
        connection.execute(_ERASE_DECISIONS, {"first": first, "last": last, "erasure": seq})
        _erase_disputes(connection, first, last)


def _erase_disputes(connection: Connection, first: int, last: int) -> None:
    """Erase the content of disputes about erased decisions; the places of their events stay."""
    moves = connection.execute(_EVENTS_ABOUT, {"first": first, "last": last}).all()
    if not moves:
        return
    emptied = [{"at": move.seq, "erased": erased_event(move.digest)} for move in moves]
    connection.execute(_ERASE_EVENT, emptied)
    gone = sorted({move.dispute_id for move in moves})
    for table in (lifts, disputes):
        connection.execute(delete(table).where(table.c.dispute_id.in_(gone)))


_KEPT_BY_A_DECISION = exists().where(
    decisions.c.seq.between(requests.c.first_seq, requests.c.last_seq),
    decisions.c.scored_at >= bindparam("scored_before"),
)
_KEPT_BY_A_DISPUTE = exists().where(
    disputes.c.decision_seq.between(requests.c.first_seq, requests.c.last_seq),
    or_(disputes.c.is_open == 1, disputes.c.closed_at >= bindparam("ended_after")),
)
_IS_DUE = and_(
    requests.c.erasure.is_(None),
    requests.c.first_seq < bindparam("end"),
    ~_KEPT_BY_A_DECISION,
    ~_KEPT_BY_A_DISPUTE,
)
_IS_LONE = and_(
    requests.c.erasure.is_(None), requests.c.first_seq.is_(None), requests.c.created_at < bindparam("scored_before")
)
_NAMES = select(requests.c.caller, requests.c.request_id, requests.c.first_seq, requests.c.last_seq)
_DUE = _NAMES.where(_IS_DUE).order_by(requests.c.first_seq).limit(_MOST_REQUESTS)
_LONE = _NAMES.where(_IS_LONE).limit(_MOST_REQUESTS)
_COUNT_DUE = select(
    func.count().label("requests"), func.sum(requests.c.last_seq - requests.c.first_seq + 1).label("decisions")
).where(_IS_DUE)
_COUNT_LONE = select(func.count()).where(_IS_LONE)
_FIRST_KEPT = (
    select(decisions.c.seq)
    .where(
        decisions.c.erasure.is_(None),
        decisions.c.scored_at.between(bindparam("scored_before"), bindparam("erased_at")),
    )
    .order_by(decisions.c.seq)
    .limit(1)
)
_REMAINS = (
    select(decisions.c.seq, decisions.c.decision_id, decisions.c.scored_at)
    .where(decisions.c.seq.between(bindparam("first"), bindparam("last")))
    .order_by(decisions.c.seq)
)
_ERASE_REQUEST = (
    update(requests)
    .where(requests.c.caller == bindparam("of"), requests.c.request_id == bindparam("named"))
    .values(request_id=bindparam("request_id"), body_hash="", problems="[]", erasure=bindparam("erasure"))
)
_ERASE_DECISIONS = (
    update(decisions)
    .where(decisions.c.seq.between(bindparam("first"), bindparam("last")))
    .values(record="", line_id="", request_id="", as_of="", tier="", erasure=bindparam("erasure"))
)
_EVENTS_ABOUT = (
    select(events.c.seq, events.c.dispute_id, events.c.digest)
    .join(decisions, decisions.c.decision_id == events.c.decision_id)
    .where(decisions.c.seq.between(bindparam("first"), bindparam("last")))
)
_ERASE_EVENT = (
    update(events)
    .where(events.c.seq == bindparam("at"))
    .values(record="", body_hash="", request_id=bindparam("erased"))
)
