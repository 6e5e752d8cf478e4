"""Memory that a large request needed goes back to the machine."""

from __future__ import annotations

import ctypes
import mmap
from collections.abc import Callable
from functools import cache
from pathlib import Path

_MOST_BYTES = 320 * 2**20
"""Of memory in use, what is mapped from files included; small requests and 10,000 lines without reasons need less."""


@cache
def _trim() -> Callable[[int], int] | None:
    """The C library's own, where it has one (glibc does)."""
    found: Callable[[int], int] | None = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return found


def swollen() -> bool:
    """Whether the process holds so much that it is to give back even while it is busy; no where that is not told."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return False
    return pages * mmap.PAGESIZE > _MOST_BYTES


def give_back() -> None:
    """Let go of what was freed; a few milliseconds, so for after a large request only.

    The allocator keeps freed memory below the last piece in use, for ever: a worker that once had a large request
    would hold its hundred megabytes while it answers small ones.
    """
    if (trim := _trim()) is not None:
        trim(0)
