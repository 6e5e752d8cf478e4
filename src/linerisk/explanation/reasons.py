"""Explanations: contributions by family, and at most four of them in words, or as codes alone for many rows."""

from __future__ import annotations

import itertools
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from linerisk.explanation.contributions import Contributions, Floats, Indices, contributions
from linerisk.explanation.reason_text import Direction, Wording
from linerisk.model.risk_model import RiskModel, Rows

MOST_REASONS: Final = 4
"""A notice with more is a checklist, not a reason."""
LEAST_OTHER_WAY: Final = 0.1
"""Log-odds from which a family that speaks the other way has the last place, however small beside the others."""

_NONE: Final = -1
"""In place of a family or column, where there is none."""


class Reason(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One family that moved a line's risk, in words.

    Attributes:
        code: Reason code, from `reasons.toml`.
        family: Family of features.
        direction: Whether it raises or lowers the risk.
        zh: What was seen, in Chinese.
        en: What was seen, in English.
        contribution: Log-odds of the whole family.
        facts: Values of the features that the sentence rests on; none of them is missing.
    """

    code: str
    family: str
    direction: Direction
    zh: str
    en: str
    contribution: float
    facts: dict[str, float]


class Explanation(msgspec.Struct, frozen=True):
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


class Attribution(msgspec.Struct, frozen=True, eq=False):
    """What the log-odds of n rows are made of, and which families are to be named: all but the words.

    Attributes:
        base: Margin of the trees' average line.
        calibration: What calibration adds to the base.
        by_family: Shape (n, families), in the model's order.
        named: Shape (n, at most `MOST_REASONS`). The families to name, the largest first, with room for the strongest
            that goes the other way; -1 where there is no further one.
        column: Shape as `named`. Of each, the column that moved it most in its direction and has a value; -1 of none.
    """

    base: float
    calibration: float
    by_family: Floats
    named: npt.NDArray[np.integer]
    column: npt.NDArray[np.integer]


def attribute(model: RiskModel, rows: Rows) -> Attribution:
    """Split the log-odds of rows of shape (n, features), n >= 1, and choose what is named.

    A row gives the same alone and among others.
    """
    parts = contributions(model, rows)
    named = _spoken(parts)
    column = np.where(named == _NONE, _NONE, np.take_along_axis(parts.strongest, named, axis=1))
    return Attribution(parts.base, parts.calibration, parts.by_family, named, column)


def explain(
    model: RiskModel, rows: Rows, wording: Wording, *, attribution: Attribution | None = None
) -> list[Explanation]:
    """Explain rows of shape (n, features), in their order.

    A reason speaks of the one feature that moved its family most in the family's own direction, of those that have a
    value. A family without one, or that moved nothing, is no reason. Columns that the catalogue does not know are said
    by their names.

    Args:
        model: The model.
        rows: Shape (n, features).
        wording: Words of the reasons.
        attribution: What `attribute` said of these rows, where that is known already.
    """
    if not len(rows):
        return []
    parts = attribute(model, rows) if attribution is None else attribution
    families, say = model.families, wording.speaker(model.positions, model.typical).say
    explanations = []
    for values, amounts, named, columns in zip(
        map(np.ndarray.tolist, rows), parts.by_family.tolist(), parts.named.tolist(), parts.column.tolist(), strict=True
    ):
        reasons = []
        for k, column in zip(named, columns, strict=True):
            if k == _NONE:
                break
            direction: Direction = "raises" if amounts[k] > 0 else "lowers"
            said = say(column, direction, values)
            reasons.append(
                Reason(
                    code=said.code,
                    family=families[k],
                    direction=direction,
                    zh=said.zh,
                    en=said.en,
                    contribution=amounts[k],
                    facts=said.facts,
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
    """The codes of the reasons that `explain` gives, without their sentences: for many rows.

    Args:
        model: The model.
        rows: Shape (n, features).
        wording: Codes by column, direction and value.
        attribution: What `attribute` said of these rows, where that is known already.

    Returns:
        Shape (n, at most `MOST_REASONS`), the largest first; empty text where there is no further reason.
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
        needed = [other for other in wording.codes_rest_on(name, direction=direction) if other in names]
        if needed:
            values = rows[:, [names.index(other) for other in needed]][np.nonzero(here)[0]]
            lines = (dict(zip(needed, line, strict=True)) for line in values.tolist())
            codes[here] = [wording.code(name, direction=direction, values=line) for line in lines]
        else:
            codes[here] = wording.code(name, direction=direction, values={})
    return codes


def _spoken(parts: Contributions) -> Indices:
    """The families to name: the largest, with room for the strongest that goes the other way.

    Shape (n, at most `MOST_REASONS`), the largest first; -1 where there is no further one.
    """
    size = np.abs(parts.by_family)
    by_size = np.argsort(np.where(parts.strongest == _NONE, 1.0, -size), axis=1, kind="stable")
    speaks = np.take_along_axis(parts.strongest, by_size, axis=1) != _NONE
    raises = np.take_along_axis(parts.by_family, by_size, axis=1) > 0
    against = speaks & (raises != raises[:, :1])
    chosen = np.where(speaks, by_size, _NONE)[:, :MOST_REASONS]
    rest = against[:, MOST_REASONS:]
    one_sided = np.nonzero(rest.any(axis=1) & ~against[:, :MOST_REASONS].any(axis=1))[0]
    if len(one_sided):
        other = by_size[one_sided, MOST_REASONS + rest[one_sided].argmax(axis=1)]
        heard = size[one_sided, other] >= LEAST_OTHER_WAY
        chosen[one_sided[heard], -1] = other[heard]
    return chosen
