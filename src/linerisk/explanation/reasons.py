"""Reasons of rows: contributions by family, at most four of them in words, or codes only for many rows."""

from __future__ import annotations

import itertools
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from linerisk.explanation.contributions import Contributions, Floats, Indices, contributions
from linerisk.explanation.reason_text import Direction, Wording
from linerisk.model.risk_model import RiskModel, Rows

MAX_REASONS: Final = 4
"""More reasons would make a notice a checklist."""
MIN_OPPOSITE_LOG_ODDS: Final = 0.1
"""Log-odds from which the strongest family of the opposite direction gets the last place, even if it is small."""

_NONE: Final = -1
"""Index of a missing family or column."""


class Reason(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One family that moved a line's risk, in words.

    Attributes:
        code: Reason code, from `reasons.toml`.
        family: Family of features.
        direction: Whether it raises or lowers the risk.
        zh: What was observed, in Chinese.
        en: What was observed, in English.
        contribution: Log-odds of the whole family.
        facts: Values of the features that the sentence depends on; none is missing.
    """

    code: str
    family: str
    direction: Direction
    zh: str
    en: str
    contribution: float
    facts: dict[str, float]


class Explanation(msgspec.Struct, frozen=True):
    """Calibrated log-odds of one line, split by family.

    Attributes:
        base: Margin of the trees' average line.
        calibration: What calibration adds to the base.
        contributions: Log-odds by family, every family of the model.
        reasons: At most four, the largest first. If all have one direction, the last place goes to the strongest
            family of the opposite direction, so that both sides are visible. A family that only missing values moved
            in its direction is no reason.
    """

    base: float
    calibration: float
    contributions: dict[str, float]
    reasons: tuple[Reason, ...]


class Attribution(msgspec.Struct, frozen=True, eq=False):
    """Log-odds of n rows by family, and the families to name in reasons, without the text.

    Attributes:
        base: Margin of the trees' average line.
        calibration: What calibration adds to the base.
        by_family: Shape (n, families), in the model's order.
        named: Shape (n, at most `MAX_REASONS`). The families to name, the largest first, the last place being for the
            strongest of the opposite direction; -1 if there are fewer.
        column: Shape as `named`. The column with a value that moved each family most in its direction; -1 if none.
    """

    base: float
    calibration: float
    by_family: Floats
    named: npt.NDArray[np.integer]
    column: npt.NDArray[np.integer]


def attribute(model: RiskModel, rows: Rows) -> Attribution:
    """Split the log-odds of rows of shape (n, features), n >= 1, and choose the families to name.

    A row gives the same result alone and in a batch.
    """
    parts = contributions(model, rows)
    named = _families_to_name(parts)
    column = np.where(named == _NONE, _NONE, np.take_along_axis(parts.strongest, named, axis=1))
    return Attribution(parts.base, parts.calibration, parts.by_family, named, column)


def explain(
    model: RiskModel, rows: Rows, wording: Wording, *, attribution: Attribution | None = None
) -> list[Explanation]:
    """Explain rows of shape (n, features), in their order.

    A reason is about the feature with a value that moved its family most in the direction of the family. A family
    without such a feature gives no reason. Columns outside the catalogue are described by their names.

    Args:
        model: The model.
        rows: Shape (n, features).
        wording: Texts of the reasons.
        attribution: The result of `attribute` for these rows, if already known.
    """
    if not len(rows):
        return []
    parts = attribute(model, rows) if attribution is None else attribution
    families, render = model.families, wording.renderer(model.positions, model.typical).render
    explanations = []
    for values, amounts, named, columns in zip(
        map(np.ndarray.tolist, rows), parts.by_family.tolist(), parts.named.tolist(), parts.column.tolist(), strict=True
    ):
        reasons = []
        for k, column in zip(named, columns, strict=True):
            if k == _NONE:
                break
            direction: Direction = "raises" if amounts[k] > 0 else "lowers"
            text = render(column, direction, values)
            reasons.append(
                Reason(
                    code=text.code,
                    family=families[k],
                    direction=direction,
                    zh=text.zh,
                    en=text.en,
                    contribution=amounts[k],
                    facts=text.facts,
                )
            )
        explanations.append(
            Explanation(
                base=parts.base,
                calibration=parts.calibration,
                contributions=dict(zip(families, amounts, strict=True)),
                reasons=tuple(reasons),
            )
        )
    return explanations


def reason_codes(
    model: RiskModel, rows: Rows, wording: Wording, *, attribution: Attribution | None = None
) -> npt.NDArray[np.str_]:
    """Reason codes of many rows: those that `explain` gives, without the texts.

    Args:
        model: The model.
        rows: Shape (n, features).
        wording: Codes by column, direction and value.
        attribution: The result of `attribute` for these rows, if already known.

    Returns:
        Shape (n, at most `MAX_REASONS`), the largest first; empty text if there are fewer reasons.
    """
    if not len(rows):
        return np.empty((0, 0), dtype=np.str_)
    parts = attribute(model, rows) if attribution is None else attribution
    names, column = model.feature_names, parts.column
    raises = np.take_along_axis(parts.by_family, parts.named, axis=1) > 0
    codes = np.full(column.shape, "", dtype=np.array(list(wording.codes)).dtype)
    directions: tuple[Direction, ...] = ("raises", "lowers")
    for k, direction in itertools.product(np.unique(column[column != _NONE]).tolist(), directions):
        here = (column == k) & (raises == (direction == "raises"))
        if not here.any():
            continue
        name = names[k]
        needed = [other for other in wording.columns_deciding_code(name, direction=direction) if other in names]
        if needed:
            values = rows[:, [names.index(other) for other in needed]][np.nonzero(here)[0]]
            lines = (dict(zip(needed, line, strict=True)) for line in values.tolist())
            codes[here] = [wording.code(name, direction=direction, values=line) for line in lines]
        else:
            codes[here] = wording.code(name, direction=direction, values={})
    return codes


def _families_to_name(parts: Contributions) -> Indices:
    """The families to name: the largest, and in the last place the strongest of the opposite direction if needed.

    Shape (n, at most `MAX_REASONS`), the largest first; -1 if there are fewer.
    """
    size = np.abs(parts.by_family)
    by_size = np.argsort(np.where(parts.strongest == _NONE, 1.0, -size), axis=1, kind="stable")
    has_column = np.take_along_axis(parts.strongest, by_size, axis=1) != _NONE
    raises = np.take_along_axis(parts.by_family, by_size, axis=1) > 0
    opposite = has_column & (raises != raises[:, :1])
    chosen = np.where(has_column, by_size, _NONE)[:, :MAX_REASONS]
    rest = opposite[:, MAX_REASONS:]
    one_sided = np.nonzero(rest.any(axis=1) & ~opposite[:, :MAX_REASONS].any(axis=1))[0]
    if len(one_sided):
        other = by_size[one_sided, MAX_REASONS + rest[one_sided].argmax(axis=1)]
        strong = size[one_sided, other] >= MIN_OPPOSITE_LOG_ODDS
        chosen[one_sided[strong], -1] = other[strong]
    return chosen
