"""Admission of large requests: a few run at once, some wait, more are refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from linerisk.service.malloc_trim import holds_much, release_memory
from linerisk.web.errors import BusyError

_IDLE_S = 1.0
"""Memory is released once no large request has run for so long, or at once if the process holds much."""


class LargeRequestQueue:
    """Slots for large requests.

    Args:
        at_once: How many run at once.
        waiting: How many may wait.

    Attributes:
        at_work: How many run now.
        waiting: How many wait now.
    """

    def __init__(self, *, at_once: int, waiting: int) -> None:
        self._slots = asyncio.Semaphore(at_once)
        self._most = waiting
        self.at_work = 0
        self.waiting = 0

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Wait for a slot and hold it.

        Raises:
            BusyError: Too many wait already.
        """
        if self._slots.locked() and self.waiting >= self._most:
            raise BusyError("too many large requests wait", expected=f"at most {self._most}", todo="try again shortly")
        self.waiting += 1
        try:
            await self._slots.acquire()
        finally:
            self.waiting -= 1
        self.at_work += 1
        try:
            yield
        finally:
            self.at_work -= 1
            self._slots.release()
            asyncio.get_running_loop().call_later(0.0 if holds_much() else _IDLE_S, self._release_memory)

    def _release_memory(self) -> None:
        if not self.at_work:
            asyncio.get_running_loop().run_in_executor(None, release_memory)
