"""Durable files: sync to disk, checksums, and noticing replaced files."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path


def sync(path: Path) -> None:
    """Sync a file, or the entries of a folder, to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


Stamp = tuple[int, int, int]
"""What tells one file of a name from the next: inode, time of change, size."""


class Watched:
    """A file that others replace; its stamp shows changes.

    Args:
        path: The file.
        look_every_s: For how long one look serves. Looking lets go of Python's lock, so a busy event loop that looks
            with every request waits for its other threads each time.
    """

    def __init__(self, path: Path, *, look_every_s: float = 0.0) -> None:
        self._path = os.fspath(path)
        self._every = look_every_s
        self._stamp: Stamp | None = None
        self._looked = -float("inf")

    def stamp(self) -> Stamp | None:
        """Its stamp, at most `look_every_s` old; None if the file is missing."""
        now = time.monotonic()
        if now - self._looked >= self._every:
            self._looked = now
            try:
                stat = os.stat(self._path)  # noqa: PTH116  # a Path takes longer to make than the look itself
            except OSError:
                self._stamp = None
            else:
                self._stamp = stat.st_ino, stat.st_mtime_ns, stat.st_size
        return self._stamp
