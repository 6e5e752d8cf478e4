"""Accesses: who opened what, as a chain of their own that shares the commits of the decision log.

Each row carries the hash of the one before it, made as in `decisions.chain`; the first one follows `GENESIS`. They are
no rows of the chain of decisions: they are erased by a rule of their own, and reading would move its positions. What of
a row is erased is hashed apart from when it was: so a row that was erased still proves its own age.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Engine, Row, bindparam, func, insert, select, update
from typing_extensions import override

from linerisk import as_of
from linerisk.as_of import parse_instant
from linerisk.decisions import chain
from linerisk.decisions.anchors import Anchor
from linerisk.decisions.pending import PendingWrite
from linerisk.decisions.schema import accesses, sortable
from linerisk.decisions.store import scrub, writing
from linerisk.decisions.verify import ChainReport
from linerisk.errors import InputError

GENESIS: Final = sha256(b"linerisk accesses").hexdigest()
ERASED: Final = ("name", "role", "kind", "subject")
"""What of an access goes at the end of its retention; its number, its instant and its hashes stay."""
_AT_ONCE: Final = 4_000

WasDue = Callable[[datetime], bool]
"""Whether an access of an instant has been past its retention by now."""


@dataclass(slots=True)
class AccessAppend(PendingWrite):
    """Accesses that wait to be written.

    Attributes:
        accesses: One mapping each with `at`, `name`, `role`, `kind`, `subject`.
    """

    accesses: Sequence[Mapping[str, str]]

    @property
    @override
    def weight(self) -> int:
        """How many rows it writes."""
        return max(1, len(self.accesses))

    @override
    def encode(self) -> None:
        """Nothing to do: it comes as text."""


@dataclass(frozen=True, slots=True)
class ExpiredAccesses:
    """What is past its retention.

    Attributes:
        before: It was written before this.
        accesses: How many.
    """

    before: datetime
    accesses: int


def write_accesses(connection: Connection, appends: Sequence[AccessAppend]) -> None:
    """Write accesses inside a transaction that alone may write; a commit without any does not even look at them."""
    if not appends:
        return
    end = tail(connection)
    rows: list[dict[str, Any]] = []
    for access in (each for append in appends for each in append.accesses):
        rows.append(chained(access, end, number=end.seq + 1))
        end = chain.End(rows[-1]["number"], rows[-1]["hash"])
    if rows:
        connection.execute(insert(accesses), rows)


def chained(access: Mapping[str, str], before: chain.End, *, number: int) -> dict[str, Any]:
    """A row that says something, after another one."""
    content = _content(access)
    digest = _digest(access["at"], content)
    return {
        **access,
        "number": number,
        "content": content,
        "digest": digest,
        "prev_hash": before.hash,
        "hash": chain.link(before.hash, digest, number),
    }


def tail(connection: Connection) -> chain.End:
    """The end of the chain of accesses; number 0 and `GENESIS` of an empty one."""
    row = connection.execute(_TAIL).first()
    return chain.End(0, GENESIS) if row is None else chain.End(row.number, row.hash)


def expire_accesses(engine: Engine, *, days: int, dry_run: bool = False) -> ExpiredAccesses:
    """Erase what accesses say that were written more than `days` days ago, or only count them.

    One is due only if all before it are, so that a clock that ran behind erases nothing early; one that was written by
    a clock that ran ahead is kept until its own time, and holds nothing back.
    """
    now = as_of.now()
    before = now - timedelta(days=days)
    terms: dict[str, Any] = {"before": sortable(before), "now": sortable(now), "after": 0}
    with engine.connect() as connection:
        kept = connection.execute(_FIRST_KEPT, terms).scalar()
        terms["end"] = tail(connection).seq + 1 if kept is None else kept
        if dry_run:
            return ExpiredAccesses(before, connection.execute(_COUNT_DUE, terms).scalar_one())
    erased = 0
    while numbers := _erase_batch(engine, terms):
        erased += len(numbers)
        terms["after"] = numbers[-1]
    scrub(engine)
    return ExpiredAccesses(before, erased)


def verify_accesses(engine: Engine, anchors: Sequence[Anchor] = (), was_due: WasDue | None = None) -> ChainReport:
    """Verify that every access is as it was written, or was erased when due.

    Args:
        engine: The store.
        anchors: Ends exported earlier; those that name an access must still be what they were. Without one a tail that
            was cut off is not seen.
        was_due: Whether an access of an instant has been past its retention; None takes every erasure for due.
    """
    promised = {anchor.accesses: anchor.accesses_hash for anchor in anchors if anchor.accesses}
    end, rows, erased = chain.End(0, GENESIS), 0, 0
    for row in _rows(engine):
        gone = all(getattr(row, name) == "" for name in ERASED)
        what = _wrong(row, end, gone=gone, was_due=was_due)
        if not what and promised.get(row.number, row.hash) != row.hash:
            what = "the access is not the one that was anchored"
        if what:
            return ChainReport(False, rows, erased, end.seq, end.hash, row.number, what)  # noqa: FBT003  # its first field
        end, rows, erased = chain.End(row.number, row.hash), rows + 1, erased + gone
    if (last := max(promised, default=0)) > end.seq:
        what = f"the accesses end at {end.seq}, but reached {last} before"
        return ChainReport(False, rows, erased, end.seq, end.hash, end.seq + 1, what)  # noqa: FBT003  # as above
    return ChainReport(True, rows, erased, end.seq, end.hash)  # noqa: FBT003  # as above


def _wrong(row: Row[Any], end: chain.End, *, gone: bool, was_due: WasDue | None) -> str:
    """The fault of an access that follows another one; empty if there is none."""
    if row.prev_hash != end.hash:
        return "the access does not follow the one before it"
    if _digest(row.at, row.content) != row.digest or not (gone or _content(row._asdict()) == row.content):
        return "the access was changed"
    if chain.link(row.prev_hash, row.digest, row.number) != row.hash:
        return "the hash is not that of the access"
    if gone and was_due is not None and not _due(row.at, was_due):
        return "the access was erased within its retention"
    return ""


def _due(at: str, was_due: WasDue) -> bool:
    try:
        return was_due(parse_instant(at))
    except InputError:
        return False


def _erase_batch(engine: Engine, terms: Mapping[str, Any]) -> Sequence[int]:
    with writing(engine) as connection:
        numbers: Sequence[int] = connection.execute(_DUE, terms).scalars().all()
        if numbers:
            connection.execute(_ERASE, [{"which": number} for number in numbers])
    return numbers


def _rows(engine: Engine) -> Iterator[Row[Any]]:
    """All accesses in order, in short reads that never delay writers."""
    position = 0
    while True:
        with engine.connect() as connection:
            page = connection.execute(_PAGE, {"after": position}).all()
        if not page:
            return
        yield from page
        position = page[-1].number


def _content(access: Mapping[Any, Any]) -> str:
    return chain.digest(_ENCODER.encode({name: access[name] for name in ERASED}))


def _digest(at: str, content: str) -> str:
    return chain.digest(_ENCODER.encode({"at": at, "content": content}))


_ENCODER = msgspec.json.Encoder(order="sorted")
_TAIL = select(accesses.c.number, accesses.c.hash).order_by(accesses.c.number.desc()).limit(1)
_PAGE = select(accesses).where(accesses.c.number > bindparam("after")).order_by(accesses.c.number).limit(_AT_ONCE)
_FIRST_KEPT = (
    select(accesses.c.number)
    .where(accesses.c.at.between(bindparam("before"), bindparam("now")))
    .order_by(accesses.c.number)
    .limit(1)
)
_IS_DUE = (
    accesses.c.number > bindparam("after"),
    accesses.c.number < bindparam("end"),
    accesses.c.at < bindparam("before"),
    accesses.c.name != "",
)
_DUE = select(accesses.c.number).where(*_IS_DUE).order_by(accesses.c.number).limit(_AT_ONCE)
_COUNT_DUE = select(func.count()).select_from(accesses).where(*_IS_DUE)
_ERASE = update(accesses).where(accesses.c.number == bindparam("which")).values(dict.fromkeys(ERASED, ""))
