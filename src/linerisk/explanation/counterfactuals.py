"""Counterfactuals: the score of a line with some families as on a typical line, and at another age.

Both are scores of a changed row, for reviewers who ask what a tier depends on. They are no advice to a holder, and they
show no cause and effect.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from linerisk.features.tenure import MAX_TENURE_DAYS
from linerisk.model.risk_model import RiskModel, Rows
from linerisk.model.tiers import TIERS, Tier

AGES_DAYS = (7, 30, 90, 180, 365, 730, 1_825, 3_650)
"""A week to ten years."""
_AGE, _AGE_COLUMNS = "tenure_days", ("tenure_days", "days_to_burst_28d")
"""All columns that change with the day of activation: see `features.tenure`."""


@dataclass(frozen=True, slots=True)
class AsUsual:
    """Score of the line with the columns of some families as on a typical legitimate line.

    Attributes:
        families: The changed families.
        probability: The probability with them changed.
        tier: The tier with them changed.
    """

    families: tuple[str, ...]
    probability: float
    tier: Tier


@dataclass(frozen=True, slots=True)
class AtAge:
    """Score of the line as if it had been activated on another day.

    Attributes:
        tenure_days: The age.
        probability: The probability at this age.
        tier: The tier at this age.
        own: Whether this is the line's own age.
    """

    tenure_days: int
    probability: float
    tier: Tier
    own: bool


def each_family_as_usual(model: RiskModel, row: Rows) -> tuple[AsUsual, ...]:
    """Score the row with one family at a time as usual, in the order of the model.

    Args:
        model: The model that scored the row.
        row: Shape (1, features).
    """
    families = [(family,) for family in model.families]
    rows = np.concatenate([_as_usual(model, row, chosen) for chosen in families])
    return tuple(AsUsual(*each) for each in zip(families, *_score(model, rows), strict=True))


def families_that_lower_the_tier(model: RiskModel, row: Rows) -> AsUsual | None:
    """A small set of families that, all as usual, lower the tier; None for the lowest tier or if no set does.

    The search is greedy: each step adds the family that lowers the margin most. So the set is small, but not always the
    smallest.

    Args:
        model: The model that scored the row.
        row: Shape (1, features).
    """
    own = int(model.tier(model.margin(row))[0])
    chosen: tuple[str, ...] = ()
    margin = float(model.margin(row)[0])
    while own and len(chosen) < len(model.families):
        tried = [(*chosen, family) for family in model.families if family not in chosen]
        rows = np.concatenate([_as_usual(model, row, families) for families in tried])
        margins = model.margin(rows)
        best = int(np.argmin(margins))
        if margins[best] >= margin:
            return None
        chosen, margin = tried[best], float(margins[best])
        [probability], [tier] = _score(model, rows[best : best + 1])
        if TIERS.index(tier) < own:
            return AsUsual(chosen, probability, tier)
    return None


def at_ages(model: RiskModel, row: Rows, *, days: Sequence[int] = AGES_DAYS) -> tuple[AtAge, ...]:
    """Score the line at other ages and its own, youngest first; empty if its age is not known.

    The result is exact: nothing else in a row depends on the day of activation. In a model of the catalogue the
    probability never rises with age.

    Args:
        model: The model that scored the row.
        row: Shape (1, features).
        days: The other ages.
    """
    at = model.positions.get(_AGE)
    if at is None or np.isnan(row[0, at]):
        return ()
    own = int(row[0, at])
    ages = sorted({*days, own})
    rows = np.repeat(row, len(ages), axis=0)
    for name in _AGE_COLUMNS:
        if (column := model.positions.get(name)) is not None:
            rows[:, column] = np.clip(rows[:, column] + (np.array(ages) - own), 0, MAX_TENURE_DAYS)
    return tuple(
        AtAge(age, probability, tier, age == own)
        for age, probability, tier in zip(ages, *_score(model, rows), strict=True)
    )


def _as_usual(model: RiskModel, row: Rows, families: Sequence[str]) -> Rows:
    out = row.copy()
    for at, column in enumerate(model.columns):
        if column.family in families:
            out[0, at] = np.nan if column.typical is None else column.typical
    return out


def _score(model: RiskModel, rows: Rows) -> tuple[list[float], list[Tier]]:
    margin = model.margin(rows)
    return model.probability(margin).tolist(), [TIERS[index] for index in model.tier(margin).tolist()]
