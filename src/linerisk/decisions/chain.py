"""The chain: each row's hash covers its record and the hash before it, so no row can change, vanish or move unseen.

hash = SHA-256(previous hash || SHA-256(canonical record) || position as eight bytes, big-endian), all raw bytes; the
first row follows `GENESIS`. Whoever can write the whole store can also forge a whole new chain: only an anchor kept
elsewhere shows that, and only an anchor shows a tail cut off.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Engine, Row, bindparam, func, select

from linerisk.decisions.schema import decisions, requests, sortable

GENESIS = hashlib.sha256(b"linerisk decision log").hexdigest()

_PAGE = 2_000


class Anchor(NamedTuple):
    """The end of the chain at some time, to be kept where the log's owner cannot reach it."""

    seq: int
    hash: str


@dataclass(frozen=True, slots=True)
class ChainReport:
    """What a walk along the chain found.

    Attributes:
        rows: Rows that stand, up to the first bad one.
        ok: Whether all of them do.
        first_bad_seq: Position of the first row that does not; None where all do.
        what: What is wrong there, as one clause; empty where nothing is.
    """

    rows: int
    ok: bool
    first_bad_seq: int | None = None
    what: str = ""


class _Columns(msgspec.Struct):
    """The part of a record that is also kept as columns."""

    decision_id: str
    request_id: str
    line_id: str
    tier: str
    as_of: datetime
    scored_at: datetime


def digest(record: bytes) -> str:
    """SHA-256 of a record's canonical bytes, in hex."""
    return hashlib.sha256(record).hexdigest()


def link(previous: str, record_digest: str, seq: int) -> str:
    """The hash of the row at `seq`."""
    return hashlib.sha256(bytes.fromhex(previous) + bytes.fromhex(record_digest) + seq.to_bytes(8, "big")).hexdigest()


def tail(connection: Connection) -> Anchor:
    """The end of the chain; position 0 and `GENESIS` of an empty one."""
    row = connection.execute(_TAIL).first()
    return Anchor(0, GENESIS) if row is None else Anchor(row.seq, row.hash)


def verify(engine: Engine, anchor: Anchor | None = None) -> ChainReport:
    """Walk the whole chain, in short reads so that writers are never held up."""
    before = Anchor(0, GENESIS)
    promised = max(anchor.seq if anchor else 0, _last_answered(engine))
    for row in _rows(engine):
        wrong = _wrong(row, before)
        if not wrong and anchor is not None and row.seq == anchor.seq and row.hash != anchor.hash:
            wrong = "the row is not the one that was anchored"
        if wrong:
            return ChainReport(before.seq, ok=False, first_bad_seq=before.seq + 1, what=wrong)
        before = Anchor(row.seq, row.hash)
    if promised > before.seq:
        what = f"the log ends at {before.seq}, but reached {promised} before"
        return ChainReport(before.seq, ok=False, first_bad_seq=before.seq + 1, what=what)
    return _requests_stand(engine, before.seq)


def _wrong(row: Row[Any], before: Anchor) -> str:
    if row.seq != before.seq + 1:
        return "a row is missing"
    if not isinstance(row.record, str) or digest(row.record.encode()) != row.digest:
        return "the record was changed"
    if row.prev_hash != before.hash:
        return "the row does not follow the one before it"
    if link(row.prev_hash, row.digest, row.seq) != row.hash:
        return "the hash is not that of the row"
    return "" if _columns_agree(row) else "the columns do not say what the record says"


def _columns_agree(row: Row[Any]) -> bool:
    try:
        said = _DECODER.decode(row.record)
    except msgspec.MsgspecError:
        return False
    columns = (row.decision_id, row.request_id, row.line_id, row.tier, row.as_of, row.scored_at)
    instants = (sortable(said.as_of), sortable(said.scored_at))
    return columns == (said.decision_id, said.request_id, said.line_id, said.tier, *instants)


def _rows(engine: Engine) -> Iterator[Row[Any]]:
    position = 0
    while True:
        with engine.connect() as connection:
            page = connection.execute(_NEXT_PAGE, {"position": position}).all()
        yield from page
        if len(page) < _PAGE:
            return
        position = page[-1].seq


def _last_answered(engine: Engine) -> int:
    with engine.connect() as connection:
        return connection.execute(select(func.max(requests.c.last_seq))).scalar() or 0


def _requests_stand(engine: Engine, rows: int) -> ChainReport:
    """Every row of the chain belongs to exactly one request: none was removed, so none can be answered anew."""
    end = 0
    while end < rows:
        with engine.connect() as connection:
            page = connection.execute(_NEXT_REQUESTS, {"position": end}).all()
        for first_seq, last_seq in page:
            if first_seq != end + 1:
                return _without_request(end + 1)
            end = last_seq
        if not page:
            return _without_request(end + 1)
    return ChainReport(rows, ok=True)


def _without_request(seq: int) -> ChainReport:
    return ChainReport(seq - 1, ok=False, first_bad_seq=seq, what="the request of the row is missing")


_TAIL = select(decisions.c.seq, decisions.c.hash).order_by(decisions.c.seq.desc()).limit(1)
_NEXT_PAGE = select(decisions).where(decisions.c.seq > bindparam("position")).order_by(decisions.c.seq).limit(_PAGE)
_NEXT_REQUESTS = (
    select(requests.c.first_seq, requests.c.last_seq)
    .where(requests.c.first_seq > bindparam("position"))
    .order_by(requests.c.first_seq)
    .limit(_PAGE)
)
_DECODER = msgspec.json.Decoder(_Columns)
