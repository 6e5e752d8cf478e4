"""Anchors: the end of the chain at some time, kept where the log's owner cannot reach it, one JSON line each."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from linerisk.decisions.record import Instant
from linerisk.errors import DecisionLogError


class Anchor(msgspec.Struct, frozen=True, omit_defaults=True):
    """The end of the chain at some time, and that of the accesses.

    Attributes:
        seq: Position of the last row.
        hash: Its hash.
        time: When it was the last row.
        accesses: Number of the last access; 0 where there was none.
        accesses_hash: Its hash.
    """

    seq: int
    hash: str
    time: Instant
    accesses: int = 0
    accesses_hash: str = ""

    def to_json(self) -> str:
        """The anchor on one line."""
        return msgspec.json.encode(self).decode()


def append_anchor(file: Path, anchor: Anchor) -> None:
    """Append an anchor to a file, created if missing.

    Raises:
        DecisionLogError: The file cannot be written.
    """
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            # A single write, so that lines of concurrent writers do not mix.
            os.write(descriptor, f"{anchor.to_json()}\n".encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise DecisionLogError(
            "the file of anchors cannot be written",
            expected=f"a file in a folder that exists: {file}",
            found=type(error).__name__,
            todo="name a file that this user may write",
        ) from error


def read_anchors(file: Path) -> tuple[Anchor, ...]:
    """The anchors of a file.

    Raises:
        DecisionLogError: It cannot be read, is empty, or has a line that is no anchor.
    """
    try:
        lines = file.read_bytes().splitlines()
    except OSError as error:
        raise DecisionLogError(
            "the file of anchors cannot be read",
            expected=str(file),
            found=type(error).__name__,
            todo="write one with `linerisk audit anchor --out FILE`",
        ) from error
    if not lines:
        raise DecisionLogError(
            "the file holds no anchor",
            found=f"0 lines in {file}",
            todo="write one with `linerisk audit anchor --out FILE`",
        )
    return tuple(_anchor(line, number) for number, line in enumerate(lines, start=1))


def _anchor(line: bytes, number: int) -> Anchor:
    try:
        return _DECODER.decode(line)
    except msgspec.MsgspecError as error:
        raise DecisionLogError(
            "this is not an anchor",
            expected='{"seq", "hash", "time"}',
            found=f"line {number}: {line[:80]!r}",
            todo="give the file that `linerisk audit anchor --out FILE` wrote, as it was written",
        ) from error


_DECODER = msgspec.json.Decoder(Anchor)
