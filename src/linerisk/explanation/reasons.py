"""Explanations: contributions by family, and at most four of them in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from linerisk.explanation.contributions import contributions
from linerisk.explanation.wording import Direction, Wording
from linerisk.model.risk_model import RiskModel, Rows

MOST_REASONS: Final = 4
"""A notice with more is a checklist, not a reason."""
LEAST_OTHER_WAY: Final = 0.1
"""Log-odds from which a family that speaks the other way has the last place, however small beside the others."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One family that moved a line's risk, in words.

    Attributes:
        code: Reason code, from `reasons.toml`.
        family: Family of features.
        direction: Whether it raises or lowers the risk.
        zh: What was seen, in Chinese.
        en: What was seen, in English.
        contribution: Log-odds of the whole family.
        facts: Values of the features that the sentence rests on, its own first; none of them is missing.
    """

    code: str
    family: str
    direction: Direction
    zh: str
    en: str
    contribution: float
    facts: dict[str, float]


@dataclass(frozen=True, slots=True)
class Explanation:
    """One line's calibrated log-odds, split.

    Attributes:
        base: Margin of the trees' average line.
        calibration: What calibration adds to the base.
        contributions: Log-odds by family, every family of the model.
        reasons: At most four, the largest first; where all of these go one way, the last place is for the strongest
            family that goes the other, so that nobody is shown one side only. A family that only missing values moved
            in its direction is no reason.
    """

    base: float
    calibration: float
    contributions: dict[str, float]
    reasons: tuple[Reason, ...]


def explain(model: RiskModel, rows: Rows, wording: Wording) -> list[Explanation]:
    """Explain rows of shape (n, features), in their order.

    A reason speaks of the one feature that moved its family most in the family's own direction, of those that have a
    value. A family without one, or that moved nothing, is no reason. Columns that the catalogue does not know are said
    by their names.
    """
    if not len(rows):
        return []
    parts = contributions(model, rows)
    families, names = model.families, model.feature_names
    typical = [column.typical for column in model.columns]
    ordered = np.argsort(-np.abs(parts.by_family), axis=1, kind="stable").tolist()
    strongest = parts.strongest.tolist()
    explanations = []
    for i, (values, amounts) in enumerate(zip(rows.tolist(), parts.by_family.tolist(), strict=True)):
        by_name = dict(zip(names, values, strict=True))
        reasons = []
        for k in _spoken([k for k in ordered[i] if strongest[i][k] >= 0], amounts):
            column = strongest[i][k]
            direction: Direction = "raises" if amounts[k] > 0 else "lowers"
            said = wording.say(names[column], direction=direction, values=by_name, typical=typical[column])
            reasons.append(Reason(said.code, families[k], direction, said.zh, said.en, amounts[k], said.facts))
        explanations.append(
            Explanation(
                base=parts.base,
                calibration=parts.calibration,
                contributions=dict(zip(families, amounts, strict=True)),
                reasons=tuple(reasons),
            )
        )
    return explanations


def _spoken(ordered: list[int], amounts: list[float]) -> list[int]:
    """The families to name: the largest, with room for the strongest that goes the other way."""
    chosen = ordered[:MOST_REASONS]
    other = next((k for k in ordered[MOST_REASONS:] if amounts[k] * amounts[chosen[0]] < 0), None)
    one_sided = all(amounts[k] * amounts[chosen[0]] >= 0 for k in chosen)
    if one_sided and other is not None and abs(amounts[other]) >= LEAST_OTHER_WAY:
        chosen[-1] = other
    return chosen
