"""What would have changed a tier: the line with some of its behaviour as usual, and the same line at another age.

Both say what the model would have said of another row. They are for reviewers, who ask what a tier rests on; they are
no advice to a holder, and no cause and effect.
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
_AGE, _MOVES_WITH_AGE = "tenure_days", ("tenure_days", "days_to_burst_28d")
"""All that changes when a line's activation moves: see `features.tenure`."""


@dataclass(frozen=True, slots=True)
class AsUsual:
    """The same line, with some families' columns as a typical legitimate line has them.

    Attributes:
        families: Which ones.
        probability: What it would have been.
        tier: What it would have been.
    """

    families: tuple[str, ...]
    probability: float
    tier: Tier


@dataclass(frozen=True, slots=True)
class AtAge:
    """The same line, activated on another day.

    Attributes:
        tenure_days: Its age then.
        probability: What it would have been.
        tier: What it would have been.
        own: Whether this is the line's own age.
    """

    tenure_days: int
    probability: float
    tier: Tier
    own: bool


def each_as_usual(model: RiskModel, row: Rows) -> tuple[AsUsual, ...]:
    """One family after the other as usual, in the model's order.

    Args:
        model: The model that scored the row.
        row: Shape (1, features).
    """
    families = [(family,) for family in model.families]
    rows = np.concatenate([_as_usual(model, row, chosen) for chosen in families])
    return tuple(AsUsual(*each) for each in zip(families, *_said(model, rows), strict=True))


def together_as_usual(model: RiskModel, row: Rows) -> AsUsual | None:
    """The fewest families found that, all as usual, take the tier down; None where it is the lowest, or none do.

    Found step by step: each time the family whose change lowers the margin most joins. So it is a short answer, not
    always the shortest.

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
        [probability], [tier] = _said(model, rows[best : best + 1])
        if TIERS.index(tier) < own:
            return AsUsual(chosen, probability, tier)
    return None


def at_ages(model: RiskModel, row: Rows, *, days: Sequence[int] = AGES_DAYS) -> tuple[AtAge, ...]:
    """The same line at other ages and at its own, from the youngest; empty where its age is not known.

    Exact: nothing else in a row depends on when the line was activated. A model of the catalogue never says more at a
    greater age.

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
    for name in _MOVES_WITH_AGE:
        if (column := model.positions.get(name)) is not None:
            rows[:, column] = np.clip(rows[:, column] + (np.array(ages) - own), 0, MAX_TENURE_DAYS)
    return tuple(
        AtAge(age, probability, tier, age == own)
        for age, probability, tier in zip(ages, *_said(model, rows), strict=True)
    )


def _as_usual(model: RiskModel, row: Rows, families: Sequence[str]) -> Rows:
    out = row.copy()
    for at, column in enumerate(model.columns):
        if column.family in families:
            out[0, at] = np.nan if column.typical is None else column.typical
    return out


def _said(model: RiskModel, rows: Rows) -> tuple[list[float], list[Tier]]:
    margin = model.margin(rows)
    return model.probability(margin).tolist(), [TIERS[index] for index in model.tier(margin).tolist()]
