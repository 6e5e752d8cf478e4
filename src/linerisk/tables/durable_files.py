"""Durable files: fsync, checksums, and detection of replaced files."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path


def sync(path: Path) -> None:
    """Flush a file, or a folder's entries, to disk (fsync)."""
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
"""Identifies one version of a file: inode, modification time in nanoseconds, size in bytes."""


class WatchedFile:
    """Detects when another process replaces a file.

    Args:
        path: The file.
        look_every_s: Seconds for which one `stat` result is reused. `stat` releases the GIL, so an event loop that
            calls it on every request waits for other threads each time.
    """

    def __init__(self, path: Path, *, look_every_s: float = 0.0) -> None:
        self._path = os.fspath(path)
        self._every = look_every_s
        self._stamp: Stamp | None = None
        self._looked = -float("inf")

    def stamp(self) -> Stamp | None:
        """The file's stamp, at most `look_every_s` old; None if the file does not exist."""
        now = time.monotonic()
        if now - self._looked >= self._every:
            self._looked = now
            try:
                stat = os.stat(self._path)  # noqa: PTH116  # creating a Path takes longer than the call
            except OSError:
                self._stamp = None
            else:
                self._stamp = stat.st_ino, stat.st_mtime_ns, stat.st_size
        return self._stamp
