"""Recipes that were tried, the front of those that nothing beats, and which one is taken."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from linerisk.training.fit import Recipe

Floats = npt.NDArray[np.float64]

CLOSE = 0.02
RULE = (
    f"of the trials within one standard error of the lowest log loss, and within {CLOSE:.0%} of it, the one whose "
    "reasons cost least"
)
"""The share is for few validating frauds, where the standard error alone would let trees pass that say nothing."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One recipe tried.

    Attributes:
        number: In the order tried, from 0; 0 is the recipe that tuning began with.
        recipe: What was tried, with the number of trees where its loss was lowest.
        log_loss: Mean over validating lines, after beta calibration on them, nats.
        excess: That less the lowest of all trials.
        excess_se: Standard error of the excess over lines.
        reason_cost: Sum over trees of leaves times depth, to which the time of exact contributions is proportional.
        pruned: Whether it was given up; its figures are then those of the trees grown so far.
        seconds: Time that it took.
    """

    number: int
    recipe: Recipe
    log_loss: float
    excess: float
    excess_se: float
    reason_cost: int
    pruned: bool
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """The trial as plain values."""
        return {
            "number": self.number,
            "recipe": self.recipe.describe(),
            "log_loss": self.log_loss,
            "excess": self.excess,
            "excess_se": self.excess_se,
            "reason_cost": self.reason_cost,
            "pruned": self.pruned,
            "seconds": round(self.seconds, 3),
        }


@dataclass(frozen=True, slots=True)
class Tuned:
    """What came of tuning.

    Attributes:
        trials: All that ended, in order.
        front: Numbers of finished trials of which no other is better in both objectives, by rising cost.
        chosen: Number of the chosen trial.
        validated_on: Validating lines, and fraud among them.
        ended: Why no more was tried.
    """

    trials: tuple[Trial, ...]
    front: tuple[int, ...]
    chosen: int
    validated_on: tuple[int, int]
    ended: str

    @property
    def recipe(self) -> Recipe:
        """The chosen recipe."""
        return self.trials[self.chosen].recipe

    def as_dict(self) -> dict[str, Any]:
        """Trials, front and choice as plain values: what a plot of the front needs."""
        return {
            "rule": RULE,
            "chosen": self.chosen,
            "front": list(self.front),
            "validated_on": {"lines": self.validated_on[0], "fraud": self.validated_on[1]},
            "ended": self.ended,
            "trials": [trial.as_dict() for trial in self.trials],
        }

    def said(self) -> str:
        """The search in one line."""
        first, chosen = self.trials[0], self.trials[self.chosen]
        pruned = sum(trial.pruned for trial in self.trials)
        return (
            f"{len(self.trials)} trials, {pruned} pruned, {self.ended}; chosen {self.chosen}: log loss "
            f"{chosen.log_loss:.5f} (began at {first.log_loss:.5f}), cost of reasons {chosen.reason_cost:,} "
            f"(began at {first.reason_cost:,})"
        )


def judged(found: list[Trial], losses: list[Floats], *, validated_on: tuple[int, int], ended: str) -> Tuned:
    """Compare all trials on the same lines, and choose by `RULE`.

    Args:
        found: Trials in order, at least one of them finished.
        losses: Loss of each validating line under each trial, nats.
        validated_on: Validating lines, and fraud among them.
        ended: Why no more was tried.
    """
    finished = [trial.number for trial in found if not trial.pruned]
    best = min(finished, key=lambda number: found[number].log_loss)
    compared = []
    for trial, loss in zip(found, losses, strict=True):
        excess = loss - losses[best]
        compared.append(
            replace(trial, excess=float(excess.mean()), excess_se=float(excess.std(ddof=1) / np.sqrt(len(excess))))
        )
    near = [n for n in finished if compared[n].excess <= min(compared[n].excess_se, CLOSE * compared[best].log_loss)]
    chosen = min(near, key=lambda number: (compared[number].reason_cost, compared[number].log_loss))
    return Tuned(tuple(compared), front_of(compared), chosen, validated_on, ended)


def front_of(trials: list[Trial]) -> tuple[int, ...]:
    """Numbers of finished trials that no other finished trial beats in log loss and in cost, by rising cost."""
    finished = sorted((t for t in trials if not t.pruned), key=lambda t: (t.reason_cost, t.log_loss))
    front: list[int] = []
    lowest = float("inf")
    for trial in finished:
        if trial.log_loss < lowest:
            front.append(trial.number)
            lowest = trial.log_loss
    return tuple(front)
