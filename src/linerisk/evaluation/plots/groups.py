"""Plots of rates by group, each with its exact interval and, where there is one, its ceiling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import altair as alt
import polars as pl

from linerisk.evaluation.evaluate import Evaluation
from linerisk.evaluation.gates.people import CONSPICUOUS
from linerisk.evaluation.gates.types import GateLimits
from linerisk.evaluation.plots.style import FRAUD, INK, QUIET, ROOM, Plot, svg_of

_ROW, _WIDTH = 34, 560
_AGE_NAMES = {0: "under 1 month", 30: "1-6 months", 180: "6-24 months", 730: "2-5 years", 1825: "over 5 years"}
_WITH_CEILINGS = (
    "Dots are rates seen, bars their exact 95 % intervals, red ticks the ceilings. A bar wholly right of its tick has "
    "provably passed it; one that reaches across it has too few lines to tell."
)
_WITHOUT = (
    "Dots are rates seen, bars their exact 95 % intervals. No rate has a ceiling of its own: gate G012 asks whether a "
    "group's is provably many times that of all other lines. Groups whose bars overlap may well fare alike."
)


class Group(NamedTuple):
    """A group of lines and a rate of it, as simple as a tuple.

    Attributes:
        name: What the group is called, with its size in brackets.
        value: The rate; None where it could not be measured.
        low: Lower end of its interval.
        high: Upper end.
        ceiling: The limit that the rate may not pass; None where there is none.
    """

    name: str
    value: float | None
    low: float | None
    high: float | None
    ceiling: float | None = None


def age_name(from_days: int) -> str:
    """A band of tenure in words.

    >>> age_name(30)
    '1-6 months'
    """
    return _AGE_NAMES.get(from_days, f"from {from_days} days")


def age_plot(evaluation: Evaluation) -> Plot:
    """Ranking by band of tenure."""
    groups = [
        Group(
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
        f"Average precision with its 95 % interval; fraud of lines in brackets. {_hardest(evaluation)}Flagging at "
        "random would give a band its share of fraud, so a band with much fraud begins higher. Empty where there are "
        "fewer than 5 of either kind: nothing can be said there, and that is a finding too.",
        svg_of(_dots(groups, axis="average precision, 95 % interval", top=1.0, form="~f"), title=title),
        wide=True,
    )


def _hardest(evaluation: Evaluation) -> str:
    """Where ranking is worst and best, and whether these lines can tell the two apart; nothing of one band alone."""
    measured = [(seen, age_name(band.from_days)) for band in evaluation.ages if (seen := band.average_precision)]
    if len(measured) < 2:  # noqa: PLR2004 - a comparison takes two
        return ""
    (worst, where), (best, there) = (pick(measured, key=lambda m: m[0].value) for pick in (min, max))
    told = "and their intervals do not overlap" if worst.high < best.low else "but their intervals overlap"
    return f"Lowest at {where} ({worst.value:.3f}), highest at {there} ({best.value:.3f}), {told}. "


def group_plot(groups: Sequence[Group], *, name: str, title: str) -> Plot:
    """Rates of groups, against their ceilings where they have any.

    Args:
        groups: In the order shown, from the top.
        name: Name of the plot.
        title: Its title.
    """
    return Plot(
        name,
        "groups",
        title,
        _WITH_CEILINGS if any(group.ceiling is not None for group in groups) else _WITHOUT,
        svg_of(_dots(groups, axis="share of lines, exact 95 % interval", top=_top(groups), form="~%"), title=title),
        wide=True,
    )


def _top(groups: Sequence[Group]) -> float:
    """The highest share that is drawn; 1 where there is none."""
    return max((end for g in groups for end in (g.high, g.ceiling) if end), default=1.0)


def _dots(groups: Sequence[Group], *, axis: str, top: float, form: str) -> alt.LayerChart:
    rows = pl.DataFrame(
        [group._asdict() for group in groups],
        schema={"name": pl.String, "value": pl.Float64, "low": pl.Float64, "high": pl.Float64, "ceiling": pl.Float64},
    )
    scale = alt.Scale(domain=[0, top], nice=False, padding=ROOM)
    x = alt.X("low:Q", title=axis, scale=scale, axis=alt.Axis(format=form, tickCount=8))
    y = alt.Y("name:N", sort=rows["name"].to_list(), title=None, axis=alt.Axis(labelLimit=260))
    base = alt.Chart(rows)
    bars = base.mark_rule(color=QUIET, strokeWidth=2).encode(x=x, x2="high:Q", y=y)
    points = base.mark_point(filled=True, color=INK, size=70, opacity=1).encode(x="value:Q", y=y)
    ticks = (
        alt.Chart(rows.filter(pl.col("ceiling").is_not_null()))
        .mark_tick(color=FRAUD, thickness=2.5, size=20)
        .encode(x="ceiling:Q", y=y)
    )
    return alt.layer(bars, points, ticks).properties(width=_WIDTH, height=max(2, len(groups)) * _ROW)


def archetype_groups(evaluation: Evaluation, limits: GateLimits) -> list[Group]:
    """Archetypes with the share of their lines at or above `medium_high`, and its ceiling; none if not measured."""
    groups = []
    for seen in evaluation.archetypes or ():
        value, low, high = (e.value, e.low, e.high) if (e := seen.medium_high) else (None, None, None)
        ceiling = limits.most_conspicuous if seen.name in CONSPICUOUS else limits.most_ordinary
        groups.append(Group(f"{seen.en} ({seen.lines})", value, low, high, ceiling))
    return groups


def subgroup_groups(evaluation: Evaluation) -> list[Group]:
    """Groups of legitimate lines with the share of them in a raised tier; none if groups are not known."""
    return [
        Group(
            f"{seen.attribute}: {seen.group} ({seen.false_positives} of {seen.legitimate:,})",
            seen.share.value,
            seen.share.low,
            seen.share.high,
        )
        for seen in evaluation.subgroups or ()
    ]
