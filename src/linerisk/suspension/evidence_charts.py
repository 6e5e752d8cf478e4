"""Where the marks of the evidence page's drawings stand, in units of their view boxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import log

from linerisk.explanation import AtAge

BARS_WIDTH, BAR_HEIGHT, _LABELS = 640, 26, 150
CURVE_WIDTH, CURVE_HEIGHT = 640, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 16, 16, 40
_RING = 10
"""Radius of the ring around the line's own age."""
CALENDAR_LEFT, CALENDAR_TOP, CALENDAR_CELL, CALENDAR_ROW = 48, 20, 24, 14
_TICKS = (0.1, 1.0, 10.0, 50.0, 90.0, 99.0, 99.9)
"""Probabilities with a line in the curve, in per cent."""
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


@dataclass(frozen=True, slots=True)
class Cell:
    """One hour of one day of the calendar."""

    x: int
    y: int
    day: str
    hour: int
    calls: int
    shade: float


def cells(out_calls: Sequence[Sequence[int]], until: datetime) -> tuple[Cell, ...]:
    """Hours with a call, day under day; the shade grows with the root of the calls, up to the busiest hour."""
    most = max((calls for day in out_calls for calls in day), default=0)
    days = len(out_calls)
    return tuple(
        Cell(
            CALENDAR_LEFT + hour * CALENDAR_CELL,
            CALENDAR_TOP + at * CALENDAR_ROW,
            day_said(until, days - at),
            hour,
            calls,
            0.15 + 0.85 * float((calls / most) ** 0.5),
        )
        for at, day in enumerate(out_calls)
        for hour, calls in enumerate(day)
        if calls
    )


def day_said(until: datetime, before: int) -> str:
    """The day of 24 hours that begins so many days before an instant, by its beginning in UTC.

    >>> from datetime import UTC
    >>> day_said(datetime(2024, 8, 1, tzinfo=UTC), 1)
    '07-31'
    """
    return f"{until - timedelta(days=before):%m-%d}"


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
    """Ages at even distances; height is log-odds, so that nearly sure and surely differ to the eye."""
    left = _LEFT + _RING  # so that a ring around the first age does not cross what the height says
    step = (CURVE_WIDTH - left - _RIGHT) / max(1, len(ages) - 1)
    return tuple(
        Mark(
            left + at * step,
            _height(each.probability),
            age_said(each.tenure_days),
            each.probability,
            each.tier.value,
            each.own,
        )
        for at, each in enumerate(ages)
    )


def ticks() -> tuple[tuple[float, str], ...]:
    """Where the curve's lines stand, and what they are called."""
    return tuple((_height(share / 100), f"{share:g} %") for share in _TICKS)


def _height(probability: float) -> float:
    """Where a probability stands, one per thousand at the bottom, all but one at the top; what is beyond, there too.

    >>> _height(0.5), _height(0.0) == _height(0.001), _height(1.0)
    (98.0, True, 16.0)
    """
    most = log(_TICKS[-1]) - log(100 - _TICKS[-1])
    least = _TICKS[0] / 100
    inside = min(max(probability, least), 1 - least)
    share = (log(inside) - log(1 - inside) + most) / (2 * most)
    return round(_TOP + (1 - share) * (CURVE_HEIGHT - _TOP - _BOTTOM), 3)


def age_said(days: int) -> str:
    """An age as a mark has room for.

    >>> age_said(30), age_said(365), age_said(3220)
    ('30 d', '1 y', '8.8 y')
    """
    return f"{days} d" if days < _YEAR_DAYS else f"{days / _YEAR_DAYS:.1f}".removesuffix(".0") + " y"
