"""Memory that a large request needed goes back to the machine."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache


@cache
def _trim() -> Callable[[int], int] | None:
    """The C library's own, where it has one (glibc does)."""
    found: Callable[[int], int] | None = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return found


def give_back() -> None:
    """Let go of what was freed; a few milliseconds, so for after a large request only.

    The allocator keeps freed memory below the last piece in use, for ever: a worker that once had a large request
    would hold its hundred megabytes while it answers small ones.
    """
    if (trim := _trim()) is not None:
        trim(0)
