"""Whether the reasons would be the same had other lines been drawn: trees grown again on bootstrapped lines."""

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
"""Rows that a refit is grown on at most; fraud is kept whole."""
HIGHEST_LINES = 200
"""Lines whose reasons are compared: the highest of the test slice, as reasons are read there."""
FAMILIES_NAMED = 4


@dataclass(frozen=True, slots=True)
class ReasonStability:
    """How far refits agree about the families that speak.

    Attributes:
        refits: Refits compared, each with each.
        lines: Lines compared.
        first: Share of lines whose strongest family is the same.
        named: Mean share of the strongest families that are the same, as a set.
        families: How many strongest families were compared; fewer than `FAMILIES_NAMED` where there are not more, 0
            where there is only one family and nothing to tell apart.
        by_chance: `named` of families drawn blindly.
    """

    refits: int
    lines: int
    first: float
    named: float
    families: int
    by_chance: float


def reason_stability(model: RiskModel, slices: Slices, recipe: Recipe) -> ReasonStability:
    """Grow smaller models on bootstrapped training rows and compare their families on the highest test lines.

    Whole lines are drawn, with all their rows.

    Args:
        model: Says which lines are the highest, and the families.
        slices: Trained on and tested on.
        recipe: How trees are grown; fewer of them here.
    """
    families = len(model.families)
    named = min(FAMILIES_NAMED, families - 1)
    if named < 1:
        return ReasonStability(refits=0, lines=0, first=1.0, named=1.0, families=0, by_chance=1.0)
    highest = np.argsort(-model.margin(slices.test.rows), kind="stable")[:HIGHEST_LINES]
    rows = slices.test.rows[highest]
    rng = np.random.default_rng(recipe.seed)
    fewer = replace(recipe, trees=min(recipe.trees, REFIT_TREES))
    base = _fewer_rows(slices.train, rng)
    orders = [_order(fit_trees(_resampled(base, rng), fewer), model, rows) for _ in range(REFITS)]
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


def _order(booster: lgb.Booster, model: RiskModel, rows: Rows) -> npt.NDArray[np.intp]:
    """Families of each row, the one that moves the margin most first; shape (n, families)."""
    values = replace(model, trees=booster.model_to_string()).shap_values(rows)[:, :-1]
    family = np.array([model.families.index(column.family) for column in model.columns])
    moved = np.stack([values[:, family == index].sum(axis=1) for index in range(len(model.families))], axis=1)
    return np.argsort(-np.abs(moved), axis=1, kind="stable")


def _fewer_rows(train: Examples, rng: np.random.Generator) -> Examples:
    if len(train) <= MOST_ROWS:
        return train
    return train.take(train.fraud | (rng.random(len(train)) < MOST_ROWS / len(train)))


def _resampled(train: Examples, rng: np.random.Generator) -> Examples:
    """Rows of as many lines as there are, drawn with replacement."""
    lines, line = np.unique(train.line_key, return_inverse=True)
    times = np.bincount(rng.integers(0, len(lines), len(lines)), minlength=len(lines))[line]
    drawn = np.repeat(np.arange(len(train)), times)
    return train.take(drawn)
