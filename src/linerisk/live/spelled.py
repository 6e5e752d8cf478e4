"""What is said of each row of a snapshot, spelled before anybody asks: bytes, row after row, each with a checksum.

They are read where they stand on the disk and checked as they are read, so that opening a snapshot of millions of lines
need not read them all. What the bytes mean is the business of who wrote them.
"""

from __future__ import annotations

import os
import weakref
import zlib
from array import array
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

ENDS = "spelled_ends.npy"
_TEXT = "spelled.bin"
_SUM = 4
"""Bytes of a checksum, before each row."""


class SpellingFile:
    """Rows as they are written, first to last.

    Args:
        folder: Where to.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ends = array("q", [0])
        self._file = (folder / _TEXT).open("wb")

    def add(self, rows: Iterable[bytes]) -> None:
        """Write the rows that follow."""
        for row in rows:
            self._file.write(zlib.crc32(row).to_bytes(_SUM, "little"))
            self._file.write(row)
            self._ends.append(self._ends[-1] + _SUM + len(row))

    def __enter__(self) -> Self:
        """The file itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Close it; it is whole unless something went wrong."""
        self._file.close()
        if error is None:
            np.save(self._folder / ENDS, np.array(self._ends, dtype=np.int64))


class Spelled:
    """Rows as they are read.

    Args:
        text: The file with all of them.
        ends: Where each begins, and where the last ends.
        worded_by: Which words they use; see `Wording.fingerprint`.
    """

    def __init__(self, text: Path, ends: memoryview, worded_by: str) -> None:
        self._text, self._ends = os.open(text, os.O_RDONLY), ends
        # Whoever answers from it may go on while another takes its place; then it is closed.
        weakref.finalize(self, os.close, self._text)
        self.worded_by = worded_by

    def of(self, row: int) -> memoryview | None:
        """A row's bytes; None where they cannot be read, or are not those that were written."""
        begin = self._ends[row]
        # Not mapped: most of it is read once, and would be held as memory of this process.
        try:
            whole = memoryview(os.pread(self._text, self._ends[row + 1] - begin, begin))
        except OSError:
            return None
        found = whole[_SUM:]
        return found if zlib.crc32(found) == int.from_bytes(whole[:_SUM], "little") else None


def open_spelled(folder: Path, *, lines: int, worded_by: str) -> Spelled | None:
    """Open them; None where there are none for so many lines."""
    if not ((folder / ENDS).exists() and (folder / _TEXT).exists()):
        return None
    ends = np.asarray(np.load(folder / ENDS, mmap_mode="r", allow_pickle=False))
    if len(ends) != lines + 1 or int(ends[-1]) != (folder / _TEXT).stat().st_size:
        return None
    # Viewed as plain memory: numpy takes ten times as long for one row.
    return Spelled(folder / _TEXT, ends.data, worded_by)
