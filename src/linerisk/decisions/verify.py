"""Verifies the chain: every row is as it was written, and only content past its retention was erased."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from typing import Any, Final

import msgspec
from sqlalchemy import Engine, Row, bindparam, func, select

from linerisk.decisions import chain
from linerisk.decisions.anchors import Anchor
from linerisk.decisions.erasure import erased_event
from linerisk.decisions.erasure_checks import DaysAt, Erasures
from linerisk.decisions.schema import decisions, disputes, erasures, events, requests, sortable

_PAGE: Final = 2_000


@dataclass(frozen=True, slots=True)
class ChainReport:
    """The result of a verification.

    Attributes:
        ok: Whether every row is intact.
        rows: Decisions before the first bad row, including erased ones.
        erased: Those whose content was erased because they were past their retention.
        last_seq: Position of the last intact row.
        last_hash: Its hash.
        first_bad_seq: Position of the first bad row; None if all are intact.
        what: The fault there, as one clause; empty if there is none.
    """

    ok: bool
    rows: int
    erased: int
    last_seq: int
    last_hash: str
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


def verify(engine: Engine, anchors: Sequence[Anchor] = (), days_at: DaysAt | None = None) -> ChainReport:
    """Verify the whole chain, in short reads that never delay writers.

    Args:
        engine: The store.
        anchors: Ends of the chain exported earlier; each must still be what it was.
        days_at: Retention in days at an instant, by policy; None checks each erasure only against its own statement.
    """
    return _Verification(engine, anchors, days_at).report()


class _Verification:
    """One verification and its progress."""

    def __init__(self, engine: Engine, anchors: Sequence[Anchor], days_at: DaysAt | None) -> None:
        self._engine = engine
        self._anchors = sorted(anchors, key=lambda anchor: anchor.seq)
        # The order matters, since the log grows meanwhile: read the last answer before the end of the chain, and
        # erasures after it.
        self._promised = max([_last_answered(engine), *(anchor.seq for anchor in anchors)])
        with engine.connect() as connection:
            self._until = chain.tail(connection).seq
        self._erasures = Erasures(engine, days_at)
        self._end = chain.End(0, chain.GENESIS)
        self._rows = 0
        self._erased = 0
        self._passed = 0
        self._not_before: datetime | None = None
        self._not_decisions: set[int] = set()

    def report(self) -> ChainReport:
        """Verify to the end, or to the first bad row."""
        if wrong := self._pass_anchors():
            return self._bad(wrong)
        for row in _rows(self._engine, self._until):
            if wrong := self._wrong(row):
                return self._bad(wrong)
            self._end = chain.End(row.seq, row.hash)
            if wrong := self._pass_anchors():
                return self._bad(wrong, at=row.seq)
        if self._promised > self._end.seq:
            return self._bad(f"the log ends at {self._end.seq}, but reached {self._promised} before")
        return self._requests_stand()

    def _wrong(self, row: Row[Any]) -> str:
        if row.seq != self._end.seq + 1:
            return "a row is missing"
        if "record" not in row._fields:
            self._not_decisions.add(row.seq)
            return _wrong_content_of_erasure(row) or self._wrong_link(row) or self._erasures.wrong_with(row)
        if "dispute_id" in row._fields:
            self._not_decisions.add(row.seq)
            return _wrong_content_of_event(row) or self._wrong_link(row) or self._wrong_erasure_of_event(row)
        return _wrong_content(row) or self._wrong_link(row) or self._age(row)

    def _wrong_link(self, row: Row[Any]) -> str:
        if row.prev_hash != self._end.hash:
            return "the row does not follow the one before it"
        if chain.link(row.prev_hash, row.digest, row.seq) != row.hash:
            return "the hash is not that of the row"
        return ""

    def _age(self, row: Row[Any]) -> str:
        """The fault of a decision that was kept when it should be erased, or erased when it should be kept."""
        self._rows += 1
        if row.erasure is not None:
            self._erased += 1
            return self._erasures.wrong_with_erased(row, recorded_after=self._not_before)
        if not _columns_agree(row):
            return "the columns do not say what the record says"
        return self._erasures.fault_in_kept(row)

    def _wrong_erasure_of_event(self, row: Row[Any]) -> str:
        """The fault of an erased event: it may be erased only together with its decision."""
        if not _emptied(row):
            return ""
        with self._engine.connect() as connection:
            erasure = connection.execute(_ERASURE_OF, {"decision_id": row.decision_id}).scalar()
        return "the event was erased, and its decision was not" if erasure is None else ""

    def _next_decision(self, seq: int) -> int:
        """The first position of a decision from `seq` on."""
        while seq in self._not_decisions:
            seq += 1
        return seq

    def _pass_anchors(self) -> str:
        """Compare with the anchors at the end so far."""
        while self._passed < len(self._anchors) and self._anchors[self._passed].seq <= self._end.seq:
            anchor = self._anchors[self._passed]
            if anchor != msgspec.structs.replace(anchor, seq=self._end.seq, hash=self._end.hash):
                return "the row is not the one that was anchored"
            self._passed += 1
            self._not_before = max(filter(None, (self._not_before, anchor.time)))
        return ""

    def _requests_stand(self) -> ChainReport:
        """Every decision belongs to exactly one request: none was removed, so none can be answered anew."""
        expected = self._next_decision(1)
        while expected <= self._end.seq:
            with self._engine.connect() as connection:
                page: Sequence[Any] = connection.execute(_NEXT_REQUESTS, {"position": expected - 1}).all()
            if not page:
                return self._bad("the request of the row is missing", at=expected)
            for row in page:
                if expected > self._end.seq:
                    break
                if row.first_seq != expected:
                    return self._bad("the request of the row is missing", at=expected)
                if wrong := self._erasures.wrong_with_request(row):
                    return self._bad(wrong, at=expected)
                expected = self._next_decision(row.last_seq + 1)
        return self._report(what="")

    def _bad(self, what: str, *, at: int | None = None) -> ChainReport:
        return self._report(what=what, first_bad_seq=self._end.seq + 1 if at is None else at)

    def _report(self, *, what: str, first_bad_seq: int | None = None) -> ChainReport:
        return ChainReport(
            ok=first_bad_seq is None,
            rows=self._rows,
            erased=self._erased,
            last_seq=self._end.seq,
            last_hash=self._end.hash,
            first_bad_seq=first_bad_seq,
            what=what,
        )


def _wrong_content(row: Row[Any]) -> str:
    stands = isinstance(row.record, str) and chain.digest(row.record.encode()) == row.digest
    return "" if stands or row.erasure is not None else "the record was changed"


def _wrong_content_of_erasure(row: Row[Any]) -> str:
    return "" if chain.digest_of_erasure(row._asdict()) == row.digest else "the erasure was changed"


def _wrong_content_of_event(row: Row[Any]) -> str:
    columns = row._asdict()
    stands = chain.digest_of_event(columns) == row.digest
    return (
        "" if stands and (_emptied(row) or chain.content_of_event(columns) == row.content) else "the event was changed"
    )


def _emptied(row: Row[Any]) -> bool:
    return bool(row.record == "" and row.body_hash == "" and row.request_id == erased_event(row.digest))


def _columns_agree(row: Row[Any]) -> bool:
    try:
        decoded = _DECODER.decode(row.record)
    except msgspec.MsgspecError:
        return False
    columns = (row.decision_id, row.request_id, row.line_id, row.tier, row.as_of, row.scored_at)
    instants = (sortable(decoded.as_of), sortable(decoded.scored_at))
    return columns == (decoded.decision_id, decoded.request_id, decoded.line_id, decoded.tier, *instants)


def _rows(engine: Engine, until: int) -> Iterator[Row[Any]]:
    """Rows in the order of the chain, up to a position; a page of each table at a time."""
    position = 0
    while position < until:
        end = min(position + _PAGE, until)
        with engine.connect() as connection:
            pages = [connection.execute(page, {"after": position, "until": end}).all() for page in _PAGES]
        yield from merge(*pages, key=lambda row: row.seq)
        position = end


def _last_answered(engine: Engine) -> int:
    with engine.connect() as connection:
        decoded = (requests.c.last_seq, disputes.c.seq)
        return max(connection.execute(select(func.max(column))).scalar() or 0 for column in decoded)


_PAGES = [
    select(each).where(each.c.seq > bindparam("after"), each.c.seq <= bindparam("until")).order_by(each.c.seq)
    for each in (decisions, erasures, events)
]
_ERASURE_OF = select(decisions.c.erasure).where(decisions.c.decision_id == bindparam("decision_id"))
_NEXT_REQUESTS = (
    select(requests.c.first_seq, requests.c.last_seq, requests.c.erasure)
    .where(requests.c.first_seq > bindparam("position"))
    .order_by(requests.c.first_seq)
    .limit(_PAGE)
)
_DECODER = msgspec.json.Decoder(_Columns)
