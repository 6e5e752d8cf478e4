"""What a process that serves and the one that writes for it say to each other: MessagePack, each message with its size.

Frames are read from bytes as they arrive, cut anywhere.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from linerisk.decisions.append import DecisionRow, StoredAnswer
from linerisk.decisions.errors import ConflictError
from linerisk.decisions.record import DecisionRecord, Recordable
from linerisk.errors import DecisionLogError, LineriskError

_SIZE = struct.Struct(">I")
_REFUSALS: dict[str, type[LineriskError]] = {kind.code: kind for kind in (ConflictError, DecisionLogError)}


class Opening(msgspec.Struct, frozen=True, array_like=True):
    """The first message: which store is written to, and how long another that writes is waited for."""

    url: str
    busy_s: float


class ToWrite(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A request whose decisions are to be written.

    Attributes:
        number: By which its outcome is told.
        caller: Name of the token.
        request_id: The caller's idempotency key.
        body_hash: Hash of the request body.
        problems: Its lines without a decision.
        rows: Its decisions.
    """

    number: int
    caller: str
    request_id: str
    body_hash: str
    problems: tuple[dict[str, str], ...]
    rows: list[DecisionRow]


class Refused(msgspec.Struct, frozen=True, array_like=True):
    """Why nothing was written: the facts of a `LineriskError`."""

    code: str
    wrong: str
    expected: str | None
    found: str | None
    todo: str | None
    field: str | None


class Before(msgspec.Struct, frozen=True, array_like=True):
    """What a request was answered with before, from the log."""

    body_hash: str
    records: list[bytes]
    problems: tuple[dict[str, str], ...]


class Outcome(msgspec.Struct, frozen=True, array_like=True):
    """What came of a request; neither of the two where its decisions were written.

    Attributes:
        number: Of the request.
        before: Where it had been answered before.
        refused: Where it was not written.
    """

    number: int
    before: Before | None = None
    refused: Refused | None = None


encode = msgspec.msgpack.Encoder().encode
outcomes_of = msgspec.msgpack.Decoder(list[Outcome]).decode
to_write_of = msgspec.msgpack.Decoder(ToWrite).decode
opening_of = msgspec.msgpack.Decoder(Opening).decode


def outcome(number: int, came: Any) -> Outcome:
    """An outcome of the log as it is told.

    Args:
        number: Of the request.
        came: A `StoredAnswer`, or the error that refuses it.
    """
    if isinstance(came, StoredAnswer):
        if not came.repeated:
            return Outcome(number)
        return Outcome(number, before=Before(came.body_hash, [each.to_json() for each in came.records], came.problems))
    return Outcome(number, refused=Refused(came.code, came.wrong, came.expected, came.found, came.todo, came.field))


def told(said: Outcome, records: Sequence[Recordable], problems: Any, body_hash: str) -> Any:
    """The same as the log itself would tell it: a `StoredAnswer`, or the error that refuses the request.

    Args:
        said: What the process that writes said.
        records: The decisions of the request.
        problems: Its lines without one.
        body_hash: Hash of its body.
    """
    if said.refused is not None:
        no = said.refused
        kind = _REFUSALS.get(no.code, DecisionLogError)
        return kind(no.wrong, expected=no.expected, found=no.found, todo=no.todo, field=no.field)
    if said.before is not None:
        before = said.before
        kept = tuple(DecisionRecord.from_json(text) for text in before.records)
        return StoredAnswer(kept, before.problems, before.body_hash, repeated=True)
    return StoredAnswer(records, problems, body_hash, repeated=False)


def framed(message: bytes) -> bytes:
    """A message with its size before it."""
    return _SIZE.pack(len(message)) + message


class Frames:
    """Messages out of bytes."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def of(self, data: bytes) -> Iterator[bytes]:
        """The messages that are whole once these bytes have arrived.

        >>> frames = Frames()
        >>> list(frames.of(framed(b"one")[:5])), list(frames.of(framed(b"one")[5:] + framed(b"two")))
        ([], [b'one', b'two'])
        """
        self._rest += data
        at = 0
        while len(self._rest) - at >= _SIZE.size:
            (size,) = _SIZE.unpack_from(self._rest, at)
            if len(self._rest) - at - _SIZE.size < size:
                break
            begin = at + _SIZE.size
            yield bytes(self._rest[begin : begin + size])
            at = begin + size
        del self._rest[:at]
