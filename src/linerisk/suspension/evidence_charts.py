"""Geometry of the charts on the evidence page, in units of their SVG view boxes."""

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
"""Probabilities with a grid line in the age chart, percent."""
_YEAR_DAYS = 365


@dataclass(frozen=True, slots=True)
class Bar:
    """Bar of one family's contribution."""

    family: str
    value: float
    x: float
    y: float
    width: float
    label_x: float
    anchor: str


@dataclass(frozen=True, slots=True)
class Mark:
    """Point of the age chart: the line at one age."""

    x: float
    y: float
    age: str
    probability: float
    tier: str
    own: bool


@dataclass(frozen=True, slots=True)
class Cell:
    """Cell of the calendar: one hour of one day."""

    x: int
    y: int
    day: str
    hour: int
    calls: int
    shade: float


def cells(out_calls: Sequence[Sequence[int]], until: datetime) -> tuple[Cell, ...]:
    """Cells of hours with a call; the shade grows with the square root of the calls, up to the busiest hour."""
    most = max((calls for day in out_calls for calls in day), default=0)
    days = len(out_calls)
    return tuple(
        Cell(
            CALENDAR_LEFT + hour * CALENDAR_CELL,
            CALENDAR_TOP + at * CALENDAR_ROW,
            day_label(until, days - at),
            hour,
            calls,
            0.15 + 0.85 * float((calls / most) ** 0.5),
        )
        for at, day in enumerate(out_calls)
        for hour, calls in enumerate(day)
        if calls
    )


def day_label(until: datetime, before: int) -> str:
    """Label of the 24 hours that begin a number of days before an instant: the date of the beginning, UTC.

    >>> from datetime import UTC
    >>> day_label(datetime(2024, 8, 1, tzinfo=UTC), 1)
    '07-31'
    """
    return f"{until - timedelta(days=before):%m-%d}"


def bars(contributions: Mapping[str, float]) -> tuple[Bar, ...]:
    """Bars to both sides of zero, the largest contribution first."""
    ordered = sorted(contributions.items(), key=lambda each: -abs(each[1]))
    most = max((abs(value) for _, value in ordered), default=0.0) or 1.0
    room = (BARS_WIDTH - _LABELS) / 2 - 56
    middle = _LABELS + (BARS_WIDTH - _LABELS) / 2
    drawn = []
    for at, (family, value) in enumerate(ordered):
        width = abs(value) / most * room
        left = middle if value >= 0 else middle - width
        label_x = left + width + 6 if value >= 0 else left - 6
        drawn.append(Bar(family, value, left, at * BAR_HEIGHT + 4.0, width, label_x, "start" if value >= 0 else "end"))
    return tuple(drawn)


def marks(ages: Sequence[AtAge]) -> tuple[Mark, ...]:
    """Points of the age chart: ages at equal distances, height in log-odds so that 99 % and 99.9 % look different."""
    left = _LEFT + _RING  # keeps the ring around the first age off the axis labels
    step = (CURVE_WIDTH - left - _RIGHT) / max(1, len(ages) - 1)
    return tuple(
        Mark(
            left + at * step,
            _height(each.probability),
            age_label(each.tenure_days),
            each.probability,
            each.tier.value,
            each.own,
        )
        for at, each in enumerate(ages)
    )


def ticks() -> tuple[tuple[float, str], ...]:
    """Heights and labels of the grid lines of the age chart."""
    return tuple((_height(share / 100), f"{share:g} %") for share in _TICKS)


def _height(probability: float) -> float:
    """Height of a probability: 0.1 % at the bottom, 99.9 % at the top, values beyond clipped.

    >>> _height(0.5), _height(0.0) == _height(0.001), _height(1.0)
    (98.0, True, 16.0)
    """
    most = log(_TICKS[-1]) - log(100 - _TICKS[-1])
    least = _TICKS[0] / 100
    inside = min(max(probability, least), 1 - least)
    share = (log(inside) - log(1 - inside) + most) / (2 * most)
    return round(_TOP + (1 - share) * (CURVE_HEIGHT - _TOP - _BOTTOM), 3)


def age_label(days: int) -> str:
    """Short label of an age.

    >>> age_label(30), age_label(365), age_label(3220)
    ('30 d', '1 y', '8.8 y')
    """
    return f"{days} d" if days < _YEAR_DAYS else f"{days / _YEAR_DAYS:.1f}".removesuffix(".0") + " y"
