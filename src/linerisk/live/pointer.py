"""The pointer file, and atomic writing of files in the live folder."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated

import filelock
import msgspec

from linerisk.errors import StoreError
from linerisk.tables.durable_files import WatchedFile, sync

Instant = Annotated[datetime, msgspec.Meta(tz=True)]

_POINTER = "current.json"
_LOCK_S = 60.0

WHEN_EXPIRED = "tiers are still said, every decision is degraded, and no measure starts by itself"
"""What becomes of decisions once a model has expired; the service holds to it in `service.decide`."""


class Promotion(msgspec.Struct, frozen=True, kw_only=True):
    """Who made a model live, and why.

    Attributes:
        what: `promoted` or `rolled back`.
        by: Who asked.
        approver: The second person; empty for a rollback.
        reason: Why.
        overridden: Codes of gates that failed and were overridden.
    """

    what: str
    by: str
    approver: str
    reason: str
    overridden: tuple[str, ...] = ()


class ModelMeta(msgspec.Struct, frozen=True, kw_only=True):
    """The live model: artefact, name, version, period, and who promoted it."""

    fingerprint: str
    name: str
    version: str
    live_since: Instant
    expires_at: Instant | None = None
    promotion: Promotion | None = None

    def expired(self, now: datetime) -> bool:
        """Whether the model is past its expiry."""
        return self.expires_at is not None and now >= self.expires_at


class Pointer(msgspec.Struct, frozen=True, kw_only=True):
    """The content of `current.json`."""

    model: ModelMeta | None = None
    snapshot: str | None = None
    format: int = 1


def watched(folder: Path, *, look_every_s: float = 0.0) -> WatchedFile:
    """The pointer file, to notice when it is replaced."""
    return WatchedFile(folder / _POINTER, look_every_s=look_every_s)


def read_pointer(folder: Path) -> Pointer:
    """Read the pointer; empty if nothing is live yet.

    Raises:
        StoreError: It cannot be read.
    """
    path = folder / _POINTER
    try:
        return msgspec.json.decode(path.read_bytes(), type=Pointer)
    except FileNotFoundError:
        return Pointer()
    except (OSError, msgspec.MsgspecError) as error:
        raise StoreError(
            f"{_POINTER} in the live folder is damaged",
            found=type(error).__name__,
            todo="promote and publish again",
        ) from error


@contextmanager
def changing(folder: Path) -> Iterator[Pointer]:
    """The pointer, with an exclusive lock on the folder.

    Raises:
        StoreError: Another command holds the lock.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with filelock.FileLock(folder / ".lock", timeout=_LOCK_S):
            yield read_pointer(folder)
    except filelock.Timeout as error:
        raise StoreError("another command is publishing", todo="try again when it is done") from error


@contextmanager
def scratch_beside(folder: Path) -> Iterator[Path]:
    """An empty folder on the same disk as the folders of `folder`, gone afterwards unless it was placed."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".making-") as scratch:
        made = Path(scratch) / "made"
        made.mkdir()
        yield made


def place(made: Path, target: Path) -> None:
    """Sync a folder to disk and move it to its final path; a damaged or equal folder there is replaced."""
    for path in (*made.iterdir(), made):
        sync(path)
    if target.exists():
        target.rename(made.parent / "before")
    made.rename(target)
    sync(target.parent)


def write_pointer(folder: Path, pointer: Pointer) -> None:
    """Replace the pointer durably; readers find the new pair from now on."""
    write_whole(folder, _POINTER, pointer)


def write_whole(folder: Path, name: str, content: msgspec.Struct) -> None:
    """Replace a small file atomically: a reader finds the old content or the new."""
    beside = folder / f".{name}"
    beside.write_bytes(msgspec.json.format(msgspec.json.encode(content), indent=1))
    sync(beside)
    beside.replace(folder / name)
    sync(folder)
