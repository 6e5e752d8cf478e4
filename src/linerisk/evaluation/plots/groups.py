"""Plots of rates by group of lines, with exact intervals and limits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import altair as alt
import polars as pl

from linerisk.evaluation.evaluate import Evaluation
from linerisk.evaluation.gates.people import CONSPICUOUS
from linerisk.evaluation.gates.types import GateLimits
from linerisk.evaluation.plots.style import FRAUD, INK, QUIET, ROOM, Plot, render_svg

_ROW, _WIDTH = 34, 560
_AGE_NAMES = {0: "under 1 month", 30: "1-6 months", 180: "6-24 months", 730: "2-5 years", 1825: "over 5 years"}
_WITH_LIMITS = (
    "Dots are observed rates, bars exact 95 % intervals, red ticks limits. A bar entirely right of its tick provably "
    "exceeds the limit; a bar across its tick has too few lines to decide."
)
_WITHOUT_LIMITS = (
    "Dots are observed rates, bars exact 95 % intervals. There is no limit per group: gate G012 checks whether a "
    "group's rate is provably many times the rate of all other lines. Groups with overlapping bars may have equal "
    "rates."
)


class GroupRate(NamedTuple):
    """A rate of one group of lines, to plot.

    Attributes:
        name: Name of the group, with its size in brackets.
        value: The rate; None if not measured.
        low: Lower end of its interval.
        high: Upper end.
        limit: Maximum of the rate; None without one.
    """

    name: str
    value: float | None
    low: float | None
    high: float | None
    limit: float | None = None


def age_name(from_days: int) -> str:
    """Name of a tenure band.

    >>> age_name(30)
    '1-6 months'
    """
    return _AGE_NAMES.get(from_days, f"from {from_days} days")


def age_plot(evaluation: Evaluation) -> Plot:
    """Average precision by tenure band."""
    groups = [
        GroupRate(
            f"{age_name(band.from_days)} ({band.fraud} of {band.lines:,})",
            *((e.value, e.low, e.high) if (e := band.average_precision) else (None, None, None)),
        )
        for band in evaluation.ages
    ]
    title = "Ranking by age of the line"
    return Plot(
        "age_bands",
        "groups",
        title,
        "Average precision with its 95 % interval; in brackets, fraud of all lines. "
        f"{_lowest_and_highest(evaluation)}Random flagging scores the band's share of fraud, so bands with much fraud "
        "score higher. A band with fewer than 5 fraud or 5 legitimate lines is empty: its ranking is unknown.",
        render_svg(_dots(groups, axis="average precision, 95 % interval", top=1.0, form="~f"), title=title),
        wide=True,
    )


def _lowest_and_highest(evaluation: Evaluation) -> str:
    """The bands with the worst and best ranking, and whether their intervals overlap; empty for a single band."""
    measured = [(seen, age_name(band.from_days)) for band in evaluation.ages if (seen := band.average_precision)]
    if len(measured) < 2:  # noqa: PLR2004 - a comparison takes two
        return ""
    (worst, worst_band), (best, best_band) = (pick(measured, key=lambda m: m[0].value) for pick in (min, max))
    overlap = "and their intervals do not overlap" if worst.high < best.low else "but their intervals overlap"
    return f"Lowest at {worst_band} ({worst.value:.3f}), highest at {best_band} ({best.value:.3f}), {overlap}. "


def group_plot(groups: Sequence[GroupRate], *, name: str, title: str) -> Plot:
    """Rates of groups, with their limits if any.

    Args:
        groups: In the order of the plot, from the top.
        name: Name of the plot.
        title: Its title.
    """
    return Plot(
        name,
        "groups",
        title,
        _WITH_LIMITS if any(group.limit is not None for group in groups) else _WITHOUT_LIMITS,
        render_svg(_dots(groups, axis="share of lines, exact 95 % interval", top=_top(groups), form="~%"), title=title),
        wide=True,
    )


def _top(groups: Sequence[GroupRate]) -> float:
    """The highest share in the plot; 1 without any."""
    return max((end for g in groups for end in (g.high, g.limit) if end), default=1.0)


def _dots(groups: Sequence[GroupRate], *, axis: str, top: float, form: str) -> alt.LayerChart:
    rows = pl.DataFrame(
        [group._asdict() for group in groups],
        schema={"name": pl.String, "value": pl.Float64, "low": pl.Float64, "high": pl.Float64, "limit": pl.Float64},
    )
    scale = alt.Scale(domain=[0, top], nice=False, padding=ROOM)
    x = alt.X("low:Q", title=axis, scale=scale, axis=alt.Axis(format=form, tickCount=8))
    y = alt.Y("name:N", sort=rows["name"].to_list(), title=None, axis=alt.Axis(labelLimit=260))
    base = alt.Chart(rows)
    bars = base.mark_rule(color=QUIET, strokeWidth=2).encode(x=x, x2="high:Q", y=y)
    points = base.mark_point(filled=True, color=INK, size=70, opacity=1).encode(x="value:Q", y=y)
    ticks = (
        alt.Chart(rows.filter(pl.col("limit").is_not_null()))
        .mark_tick(color=FRAUD, thickness=2.5, size=20)
        .encode(x="limit:Q", y=y)
    )
    return alt.layer(bars, points, ticks).properties(width=_WIDTH, height=max(2, len(groups)) * _ROW)


def archetype_rates(evaluation: Evaluation, limits: GateLimits) -> list[GroupRate]:
    """Share of each archetype's lines at or above `medium_high`, with its limit; empty if not measured."""
    groups = []
    for seen in evaluation.archetypes or ():
        value, low, high = (e.value, e.low, e.high) if (e := seen.medium_high) else (None, None, None)
        limit = limits.most_conspicuous if seen.name in CONSPICUOUS else limits.most_ordinary
        groups.append(GroupRate(f"{seen.en} ({seen.lines})", value, low, high, limit))
    return groups


def subgroup_rates(evaluation: Evaluation) -> list[GroupRate]:
    """False-positive rate of each group of lines; empty if not measured."""
    return [
        GroupRate(
            f"{seen.attribute}: {seen.group} ({seen.false_positives} of {seen.legitimate:,})",
            seen.share.value,
            seen.share.low,
            seen.share.high,
        )
        for seen in evaluation.subgroups or ()
    ]
