"""Where the marks of the evidence page's drawings stand, in units of their view boxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from linerisk.explanation import AtAge

BARS_WIDTH, BAR_HEIGHT, _LABELS = 640, 26, 150
CURVE_WIDTH, CURVE_HEIGHT = 640, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 16, 16, 40
_YEAR_DAYS = 365


@dataclass(frozen=True, slots=True)
class Bar:
    """One family's contribution."""

    family: str
    value: float
    x: float
    y: float
    width: float
    said_at: float
    anchor: str


@dataclass(frozen=True, slots=True)
class Mark:
    """The line at one age."""

    x: float
    y: float
    age: str
    probability: float
    tier: str
    own: bool


def bars(contributions: Mapping[str, float]) -> tuple[Bar, ...]:
    """Bars to both sides of nothing, the largest first."""
    ordered = sorted(contributions.items(), key=lambda each: -abs(each[1]))
    most = max((abs(value) for _, value in ordered), default=0.0) or 1.0
    room = (BARS_WIDTH - _LABELS) / 2 - 56
    middle = _LABELS + (BARS_WIDTH - _LABELS) / 2
    made = []
    for at, (family, value) in enumerate(ordered):
        width = abs(value) / most * room
        left = middle if value >= 0 else middle - width
        said_at = left + width + 6 if value >= 0 else left - 6
        made.append(Bar(family, value, left, at * BAR_HEIGHT + 4.0, width, said_at, "start" if value >= 0 else "end"))
    return tuple(made)


def marks(ages: Sequence[AtAge]) -> tuple[Mark, ...]:
    """Ages at even distances, probability from nothing at the bottom to all at the top."""
    step = (CURVE_WIDTH - _LEFT - _RIGHT) / max(1, len(ages) - 1)
    return tuple(
        Mark(
            _LEFT + at * step,
            _TOP + (1 - each.probability) * (CURVE_HEIGHT - _TOP - _BOTTOM),
            age_said(each.tenure_days),
            each.probability,
            each.tier.value,
            each.own,
        )
        for at, each in enumerate(ages)
    )


def age_said(days: int) -> str:
    """An age as a mark has room for.

    >>> age_said(30), age_said(365), age_said(3220)
    ('30 d', '1 y', '8.8 y')
    """
    return f"{days} d" if days < _YEAR_DAYS else f"{days / _YEAR_DAYS:.1f}".removesuffix(".0") + " y"
