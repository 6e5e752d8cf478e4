"""The chain: each row's hash covers its record and the hash before it, so no row can change, vanish or move unseen.

hash = SHA-256(previous hash || SHA-256(canonical record) || position as eight bytes, big-endian), all raw bytes; the
first row follows `GENESIS`. Decisions, erasures and events are rows of one chain. Whoever can write the whole store can
also forge a whole new chain: only an anchor kept elsewhere shows that, and only an anchor shows a tail cut off.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, func, select, union_all

from linerisk.decisions.schema import decisions, erasures, events
from linerisk.decisions.statements import first_row

GENESIS = hashlib.sha256(b"linerisk decision log").hexdigest()


class End(NamedTuple):
    """The last row of the chain."""

    seq: int
    hash: str


def digest(record: bytes) -> str:
    """SHA-256 of a record's canonical bytes, in hex."""
    return hashlib.sha256(record).hexdigest()


def digest_of_erasure(row: Mapping[str, Any]) -> str:
    """SHA-256 of an erasure's fields, in hex."""
    return digest(_ENCODER.encode({name: row[name] for name in _SAID_OF_ERASURE}))


def content_of_event(row: Mapping[str, Any]) -> str:
    """SHA-256 of the part of an event that is erased with its decision, in hex."""
    return digest(_ENCODER.encode({name: row[name] for name in _ERASED_OF_EVENT}))


def digest_of_event(row: Mapping[str, Any]) -> str:
    """SHA-256 of an event's fields, in hex."""
    return digest(_ENCODER.encode({name: row[name] for name in _SAID_OF_EVENT}))


def link(previous: str, record_digest: str, seq: int) -> str:
    """The hash of the row at `seq`."""
    return hashlib.sha256(bytes.fromhex(previous) + bytes.fromhex(record_digest) + seq.to_bytes(8, "big")).hexdigest()


def tail(connection: Connection) -> End:
    """The end of the chain; position 0 and `GENESIS` of an empty one."""
    row = first_row(connection, _TAIL)
    return End(0, GENESIS) if row is None else End(*row)


def decisions_up_to(connection: Connection, seq: int) -> int:
    """How many of the first `seq` rows are decisions."""
    counts = (select(func.count()).select_from(other).where(other.c.seq <= seq) for other in (erasures, events))
    return seq - sum(connection.execute(count).scalar_one() for count in counts)


_SAID_OF_ERASURE = ("erased_at", "scored_before", "days", "first_seq", "last_seq", "remains")
_SAID_OF_EVENT = ("dispute_id", "number", "caller", "decision_id", "happened_at", "content")
_ERASED_OF_EVENT = ("request_id", "body_hash", "record")
_ENCODER = msgspec.json.Encoder(order="sorted")
_ENDS = [
    select(select(each.c.seq, each.c.hash).order_by(each.c.seq.desc()).limit(1).subquery())
    for each in (decisions, erasures, events)
]
_ANY = union_all(*_ENDS).subquery()
_TAIL = select(_ANY.c.seq, _ANY.c.hash).order_by(_ANY.c.seq.desc()).limit(1)
