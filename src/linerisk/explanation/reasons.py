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
        facts: Values of the features that the sentence rests on; empty where the value is missing.
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
        reasons: At most four, the largest first, whichever way they go.
    """

    base: float
    calibration: float
    contributions: dict[str, float]
    reasons: tuple[Reason, ...]


def explain(model: RiskModel, rows: Rows, wording: Wording) -> list[Explanation]:
    """Explain rows of shape (n, features), in their order.

    A reason speaks of the one feature that moved its family most in the family's own direction. A family that moved
    nothing is no reason. Columns that the catalogue does not know are said by their names.
    """
    if not len(rows):
        return []
    parts = contributions(model, rows)
    families, names = model.families, model.feature_names
    typical = [column.typical for column in model.columns]
    largest = np.argsort(-np.abs(parts.by_family), axis=1, kind="stable")[:, :MOST_REASONS].tolist()
    strongest = parts.strongest.tolist()
    explanations = []
    for i, (values, amounts) in enumerate(zip(rows.tolist(), parts.by_family.tolist(), strict=True)):
        by_name = dict(zip(names, values, strict=True))
        reasons = []
        for k in largest[i]:
            if amounts[k] == 0:
                continue
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
