"""What a page and a card say besides what was measured: given by whoever trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from linerisk.training.search_trials import Tuned


@dataclass(frozen=True, slots=True)
class Reported:
    """Facts about a training run.

    Attributes:
        title: Name of the model.
        facts: Where it came from, in the order shown: label to text.
        notices: What the reader must know before believing a figure.
        again: The command that makes it again.
        valid_days: Days from promotion after which it should no longer be live; None where nobody said.
        tuned: The search for its recipe; None where there was none.
    """

    title: str
    facts: Mapping[str, str]
    notices: Sequence[str]
    again: str
    valid_days: int | None = None
    tuned: Tuned | None = None
