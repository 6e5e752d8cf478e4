"""Returns memory to the system after large requests, with glibc's `malloc_trim`.

The allocator keeps freed memory below the last block in use. Without this, a worker holds the hundred megabytes of a
large request while it answers small ones.
"""

from __future__ import annotations

import ctypes
import mmap
from collections.abc import Callable
from functools import cache
from pathlib import Path

_MUCH_BYTES = 320 * 2**20
"""Resident memory above what small requests and 10,000 lines without reasons need, mapped files included."""


@cache
def _trim() -> Callable[[int], int] | None:
    """`malloc_trim`, if the C library has it (glibc does)."""
    found: Callable[[int], int] | None = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return found


def holds_much() -> bool:
    """Whether the process holds so much that it releases memory even while it is busy; False if that is unknown."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return False
    return pages * mmap.PAGESIZE > _MUCH_BYTES


def release_memory() -> None:
    """Return freed memory to the system. It takes a few milliseconds, so call it after large requests only."""
    if (trim := _trim()) is not None:
        trim(0)
