"""Facts about a training run that the report and the card show besides measurements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from linerisk.training.search_trials import Tuned


@dataclass(frozen=True, slots=True)
class ReportFacts:
    """Facts about a training run.

    Attributes:
        title: Name of the model.
        facts: Provenance, label -> text, in display order.
        notices: Warnings that a reader needs before the figures.
        again: The command that reproduces the model.
        valid_days: Days from promotion until the model expires; None for no expiry.
        tuned: The recipe search; None without one.
    """

    title: str
    facts: Mapping[str, str]
    notices: Sequence[str]
    again: str
    valid_days: int | None = None
    tuned: Tuned | None = None
