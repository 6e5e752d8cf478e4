"""Trials of a recipe search, their Pareto front, and the choice."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from linerisk.training.fit import Recipe

Floats = npt.NDArray[np.float64]

CLOSE = 0.02
RULE = (
    "of the trials that beat always saying the prevalence by more than one standard error, and that are within one "
    f"standard error of the lowest log loss and within {CLOSE:.0%} of it, the one whose reasons cost least; the recipe "
    "that tuning began with where there is none"
)
"""The share is for few validating frauds, where the standard error alone would let trees pass that say little."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One recipe tried.

    Attributes:
        number: In the order tried, from 0; 0 is the recipe that tuning began with.
        recipe: What was tried, with the number of trees where its loss was lowest.
        log_loss: Mean over validating lines, after beta calibration on them, nats.
        excess: That less the lowest of all trials.
        excess_se: Standard error of the excess over lines.
        reason_cost: Sums that exact contributions of one row look up, to which their time is proportional.
        pruned: Whether it was given up; its figures are then those of the trees grown so far.
        seconds: Time that it took.
        gain: Log loss of always saying the prevalence, less its own, nats.
        gain_se: Standard error of the gain over lines.
    """

    number: int
    recipe: Recipe
    log_loss: float
    excess: float
    excess_se: float
    reason_cost: int
    pruned: bool
    seconds: float
    gain: float = 0.0
    gain_se: float = 0.0

    @property
    def is_informative(self) -> bool:
        """Whether it splits lines at all, and beats a constant prevalence by more than one standard error.

        By more than nothing is not enough: its three numbers of calibration gain a little on any lines.
        """
        return self.reason_cost > 0 and self.gain > self.gain_se

    def as_dict(self) -> dict[str, Any]:
        """The trial as plain values."""
        return {
            "number": self.number,
            "recipe": self.recipe.describe(),
            "log_loss": self.log_loss,
            "excess": self.excess,
            "excess_se": self.excess_se,
            "gain": self.gain,
            "gain_se": self.gain_se,
            "reason_cost": self.reason_cost,
            "pruned": self.pruned,
            "seconds": round(self.seconds, 3),
        }


@dataclass(frozen=True, slots=True)
class Tuned:
    """The result of tuning.

    Attributes:
        trials: All that ended, in order.
        front: Numbers of finished trials of which no other is better in both objectives, by rising cost.
        chosen: Number of the chosen trial; None where none says anything.
        start: The recipe that tuning began with.
        nothing: Log loss of always saying the prevalence, mean over validating lines, nats.
        validated_on: Validating lines, and fraud among them.
        ended: Why no more was tried.
    """

    trials: tuple[Trial, ...]
    front: tuple[int, ...]
    chosen: int | None
    start: Recipe
    nothing: float
    validated_on: tuple[int, int]
    ended: str

    @property
    def recipe(self) -> Recipe:
        """The chosen recipe; the initial one if no trial is informative."""
        return self.start if self.chosen is None else self.trials[self.chosen].recipe

    def as_dict(self) -> dict[str, Any]:
        """Trials, front and choice as plain values."""
        return {
            "rule": RULE,
            "chosen": self.chosen,
            "front": list(self.front),
            "nothing": self.nothing,
            "validated_on": {"lines": self.validated_on[0], "fraud": self.validated_on[1]},
            "ended": self.ended,
            "trials": [trial.as_dict() for trial in self.trials],
        }

    def summary(self) -> str:
        """The search in one line."""
        first = self.trials[0]
        pruned = sum(trial.pruned for trial in self.trials)
        tried = f"{len(self.trials)} trials, {pruned} pruned, {self.ended}"
        if self.chosen is None:
            return f"{tried}; none chosen, the recipe that tuning began with was kept"
        chosen = self.trials[self.chosen]
        return (
            f"{tried}; chosen trial {self.chosen}: log loss {chosen.log_loss:.5f} (began at {first.log_loss:.5f}) on "
            f"the {self.validated_on[0]:,} lines that validated, {self.validated_on[1]:,} of them fraud; cost of "
            f"reasons {chosen.reason_cost:,} (began at {first.reason_cost:,})"
        )

    def notices(self) -> tuple[str, ...]:
        """A notice if the search found nothing."""
        if self.chosen is not None:
            return ()
        lines, fraud = self.validated_on
        summary = (
            f"Tuning found nothing: on {lines:,} validating lines, {fraud} of them fraud, none of {len(self.trials)} "
            "trials beat always saying the prevalence by more than one standard error. The recipe that it began with "
            "was kept."
        )
        return (summary,)


def judged(
    found: list[Trial],
    losses: list[Floats],
    *,
    nothing: Floats,
    start: Recipe,
    validated_on: tuple[int, int],
    ended: str,
) -> Tuned:
    """Compare all trials on the same lines, and choose by `RULE`.

    Args:
        found: Trials in order, at least one of them finished.
        losses: Loss of each validating line under each trial, nats.
        nothing: Loss of each validating line when every line gets the prevalence, nats.
        start: The recipe that tuning began with.
        validated_on: Validating lines, and fraud among them.
        ended: Why no more was tried.
    """
    finished = [trial.number for trial in found if not trial.pruned]
    best = min(finished, key=lambda number: found[number].log_loss)
    compared = []
    for trial, loss in zip(found, losses, strict=True):
        excess, excess_se = _mean(loss - losses[best])
        gain, gain_se = _mean(nothing - loss)
        compared.append(replace(trial, excess=excess, excess_se=excess_se, gain=gain, gain_se=gain_se))
    near = [
        n
        for n in finished
        if compared[n].is_informative
        and compared[n].excess <= min(compared[n].excess_se, CLOSE * compared[best].log_loss)
    ]
    chosen = min(near, key=lambda number: (compared[number].reason_cost, compared[number].log_loss), default=None)
    return Tuned(tuple(compared), pareto_front(compared), chosen, start, float(nothing.mean()), validated_on, ended)


def pareto_front(trials: list[Trial]) -> tuple[int, ...]:
    """Numbers of finished trials that no other finished trial beats in log loss and in cost, by rising cost."""
    finished = sorted((t for t in trials if not t.pruned), key=lambda t: (t.reason_cost, t.log_loss))
    front: list[int] = []
    lowest = float("inf")
    for trial in finished:
        if trial.log_loss < lowest:
            front.append(trial.number)
            lowest = trial.log_loss
    return tuple(front)


def _mean(values: Floats) -> tuple[float, float]:
    """Mean over lines, and its standard error."""
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))
