"""Promises: what waits to be written, and telling whoever waits for it what came of it."""

from __future__ import annotations

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

Outcome = Any
"""What was written, or the `LineriskError` that refuses it."""
UNUSED: Future[Any] = Future()
"""Of what is waited for in another way: making one takes as long as a look-up."""


@dataclass(slots=True, kw_only=True)
class Waiting(ABC):
    """Something that waits to be written, and the promise of its answer.

    Attributes:
        future: Where a thread waits.
        awaited: In place of `future`, where an event loop waits.
        told: In place of `future`, who is told of all of its own at once.
    """

    future: Future[Any] = field(default_factory=Future)
    awaited: asyncio.Future[Any] | None = None
    told: Callable[[Sequence[tuple[Waiting, Outcome]]], None] | None = None

    @property
    @abstractmethod
    def weight(self) -> int:
        """How many records it writes; at least one."""

    @abstractmethod
    def encode(self) -> None:
        """Make it ready, before the transaction so that the lock is held briefly.

        Raises:
            DecisionLogError: It cannot be written.
        """

    def taken_up(self) -> bool:
        """Whether somebody still waits for it; from now on it is written."""
        if self.told is not None:
            return True
        if self.awaited is not None:
            return not self.awaited.cancelled()
        return self.future.set_running_or_notify_cancel()


def tell(settled: Sequence[tuple[Waiting, Outcome]]) -> None:
    """Keep promises. An event loop is woken once for all of its own, not once for each."""
    of_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Outcome]]] = {}
    of_one: dict[Callable[[Sequence[tuple[Waiting, Outcome]]], None], list[tuple[Waiting, Outcome]]] = {}
    for waiting, outcome in settled:
        if waiting.awaited is not None:
            of_loop.setdefault(waiting.awaited.get_loop(), []).append((waiting.awaited, outcome))
        elif waiting.told is not None:
            of_one.setdefault(waiting.told, []).append((waiting, outcome))
        elif isinstance(outcome, Exception):
            waiting.future.set_exception(outcome)
        else:
            waiting.future.set_result(outcome)
    for loop, promises in of_loop.items():
        # A loop that is closed by now has nobody left to tell.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(keep, promises)
    for told, all_of_it in of_one.items():
        told(all_of_it)


def keep(promises: Sequence[tuple[asyncio.Future[Any], Outcome]]) -> None:
    """Tell those that wait on the event loop that runs."""
    for awaited, outcome in promises:
        if awaited.done():
            continue
        if isinstance(outcome, Exception):
            awaited.set_exception(outcome)
        else:
            awaited.set_result(outcome)
