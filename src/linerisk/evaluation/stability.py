"""Reason stability: refits trees on bootstrapped lines and compares the families that their reasons name."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from linerisk.model.risk_model import RiskModel, Rows
from linerisk.training.examples import Examples, Slices
from linerisk.training.fit import Recipe, fit_trees

REFITS = 3
REFIT_TREES = 60
MOST_ROWS = 30_000
"""Maximum rows to refit on; all fraud is kept, legitimate rows are sampled."""
HIGHEST_LINES = 200
"""Compare reasons on this many highest lines of the test slice, because people read those."""
FAMILIES_NAMED = 4


@dataclass(frozen=True, slots=True)
class ReasonStability:
    """Agreement of refits on the families that contribute most.

    Attributes:
        refits: Refits compared, every pair.
        lines: Lines compared.
        first: Share of lines with the same strongest family.
        named: Mean share of the strongest families that are the same, as a set.
        families: Number of strongest families compared, at most `FAMILIES_NAMED` and fewer than the model has; 0 where
            it has only one.
        by_chance: Expected `named` for random families.
    """

    refits: int
    lines: int
    first: float
    named: float
    families: int
    by_chance: float


def reason_stability(model: RiskModel, slices: Slices, recipe: Recipe) -> ReasonStability:
    """Fit smaller models on bootstrapped training lines and compare their families on the highest test lines.

    The bootstrap draws whole lines, with all their rows.

    Args:
        model: Decides which lines are the highest, and gives the families.
        slices: Training slice to refit on, test slice to compare on.
        recipe: Settings of the trees; refits use fewer trees.
    """
    families = len(model.families)
    named = min(FAMILIES_NAMED, families - 1)
    if named < 1:
        return ReasonStability(refits=0, lines=0, first=1.0, named=1.0, families=0, by_chance=1.0)
    highest = np.argsort(-model.margin(slices.test.rows), kind="stable")[:HIGHEST_LINES]
    rows = slices.test.rows[highest]
    rng = np.random.default_rng(recipe.seed)
    fewer = replace(recipe, trees=min(recipe.trees, REFIT_TREES))
    base = _subsample(slices.train, rng)
    orders = [_ranked_families(fit_trees(_bootstrapped(base, rng), fewer), model, rows) for _ in range(REFITS)]
    pairs = list(itertools.combinations(orders, 2))
    same = [[len(np.intersect1d(a, b)) for a, b in zip(x[:, :named], y[:, :named], strict=True)] for x, y in pairs]
    return ReasonStability(
        refits=REFITS,
        lines=len(rows),
        first=float(np.mean([(x[:, 0] == y[:, 0]).mean() for x, y in pairs])),
        named=float(np.mean(same)) / named,
        families=named,
        by_chance=named / families,
    )


def _ranked_families(booster: lgb.Booster, model: RiskModel, rows: Rows) -> npt.NDArray[np.intp]:
    """Families of each row by absolute contribution, strongest first; shape (n, families)."""
    values = replace(model, trees=booster.model_to_string()).shap_values(rows)[:, :-1]
    family = np.array([model.families.index(column.family) for column in model.columns])
    total = np.stack([values[:, family == index].sum(axis=1) for index in range(len(model.families))], axis=1)
    return np.argsort(-np.abs(total), axis=1, kind="stable")


def _subsample(train: Examples, rng: np.random.Generator) -> Examples:
    if len(train) <= MOST_ROWS:
        return train
    return train.take(train.fraud | (rng.random(len(train)) < MOST_ROWS / len(train)))


def _bootstrapped(train: Examples, rng: np.random.Generator) -> Examples:
    """A bootstrap sample of the lines, with all their rows."""
    lines, line = np.unique(train.line_key, return_inverse=True)
    times = np.bincount(rng.integers(0, len(lines), len(lines)), minlength=len(lines))[line]
    drawn = np.repeat(np.arange(len(train)), times)
    return train.take(drawn)
