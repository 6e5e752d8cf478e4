"""Pending writes: a write that waits for its commit, and the future that its caller waits for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

Outcome = Any
"""What was written, or the `LineriskError` that refuses it."""


@dataclass(slots=True, kw_only=True)
class PendingWrite(ABC):
    """One write that waits for its commit.

    Attributes:
        future: Holds the outcome once it is on disk or refused.
    """

    future: Future[Any] = field(default_factory=Future)

    @property
    @abstractmethod
    def weight(self) -> int:
        """How many records it writes; at least one."""

    @abstractmethod
    def encode(self) -> None:
        """Prepare the rows before the transaction, to hold its lock briefly. A second call changes nothing.

        Raises:
            DecisionLogError: It cannot be written.
        """

    def claim(self) -> bool:
        """Start to write it; False if its caller cancelled it before. A second call changes nothing."""
        return self.future.running() or self.future.set_running_or_notify_cancel()


def resolve(outcomes: Sequence[tuple[PendingWrite, Outcome]]) -> None:
    """Set the futures of writes that are on disk or refused."""
    for pending, outcome in outcomes:
        if isinstance(outcome, Exception):
            pending.future.set_exception(outcome)
        else:
            pending.future.set_result(outcome)
