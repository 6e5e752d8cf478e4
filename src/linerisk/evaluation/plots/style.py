"""Plot style: one theme, one set of colours, and SVG output that opens offline without scripts."""

from __future__ import annotations

import html
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import altair as alt
import vl_convert

from linerisk.model.tiers import RAISED

INK, FRAUD, QUIET, GRID = "#1f2937", "#b3261e", "#6b7280", "#e5e7eb"
TIER_COLOURS = {
    "normal": "#6b7280",
    "medium_low": "#b58900",
    "medium_high": "#d9661f",
    "extremely_high": "#b3261e",
}
_FAMILY_COLOURS = (
    "#4269a8", "#d08a2e", "#4f9d86", "#a8566f", "#7a6bb0", "#8a9a3b", "#5aa5c4", "#9a7454", "#6b7280", "#c26fae",
)  # fmt: skip
WIDTH, HEIGHT, FULL_WIDTH = 420, 280, 760
_MOST_TICKS = 9
ROOM = 8
"""Pixels between the frame and the first and last value of a scale, so that no mark is cut or lies on an axis."""


@dataclass(frozen=True, slots=True)
class Plot:
    """One plot with its caption.

    Attributes:
        name: Name of its file, without extension.
        section: Id of its section on the page.
        title: Title.
        caption: How to read it.
        svg: The plot as SVG.
        wide: Whether it takes the full width of the page.
    """

    name: str
    section: str
    title: str
    caption: str
    svg: str
    wide: bool = False


def render_svg(chart: alt.LayerChart | alt.Chart | alt.HConcatChart | alt.VConcatChart, *, title: str) -> str:
    """Render a chart in the common style; the title is also its label for screen readers."""
    styled = (
        chart.properties(title=alt.TitleParams(title), padding=6)
        .configure_view(stroke=None)
        .configure_axis(
            gridColor=GRID,
            domainColor="#9ca3af",
            tickColor="#9ca3af",
            labelColor=INK,
            titleColor=INK,
            titleFontWeight=500,
            labelFontSize=12,
            titleFontSize=12.5,
            titlePadding=8,
        )
        # A flushed first or last label is not at its tick and touches its neighbour.
        .configure_axisX(labelFlush=False, labelOverlap="greedy", labelSeparation=6)
        .configure_title(anchor="start", color=INK, fontSize=14, fontWeight=600, offset=12, subtitleColor=QUIET)
        .configure_legend(labelColor=INK, labelFontSize=12, titleColor=INK, symbolOpacity=1)
    )
    drawn: str = vl_convert.vegalite_to_svg(styled.to_dict())
    return drawn.replace("<svg ", f'<svg role="img" aria-label="{html.escape(title)}" ', 1)


def log_axis(low: float, high: float, *, none_at: float | None = None) -> alt.Axis:
    """Log axis with ticks at 1 and 3 of every decade, or at 1 alone if that gives over nine, so that all have labels.

    Args:
        low: Lower end of the axis.
        high: Upper end.
        none_at: Position of zero, which has no place on a log axis; its tick is labelled "none".
    """
    ticks = _ticks(low, high, leads=(1, 3))
    if len(ticks) > _MOST_TICKS:
        ticks = _ticks(low, high, leads=(1,))
    if none_at is None:
        return alt.Axis(labelOverlap="greedy", format=",~f", values=ticks)
    label = f"datum.value <= {none_at * 1.01!r} ? 'none' : format(datum.value, ',~f')"
    return alt.Axis(labelOverlap="greedy", labelExpr=label, values=[none_at, *(t for t in ticks if t > none_at * 1.5)])


def _ticks(low: float, high: float, *, leads: tuple[int, ...]) -> list[float]:
    ticks = [lead * 10.0**power for power in range(-9, 6) for lead in leads]
    # The tolerance keeps a power of ten at the end of the axis despite rounding.
    return [tick for tick in ticks if low * (1 - 1e-9) <= tick <= high * (1 + 1e-9)]


def tier_colours() -> Any:
    """Colours of the raised tiers, with a legend at the bottom."""
    scale = alt.Scale(domain=list(map(str, RAISED)), range=[TIER_COLOURS[name] for name in RAISED])
    return alt.Color("tier:N", scale=scale, title=None, legend=alt.Legend(orient="bottom"))


def family_colours(names: Iterable[str], *, title: str | None = None, only: Iterable[str] | None = None) -> Any:
    """Colours of families by their position in the model: a family has the same colour in every plot.

    Args:
        names: All families, in the model's order.
        title: Title of the legend.
        only: Families in the legend; all if None.
    """
    order = list(names)
    chosen = [name for name in order if only is None or name in set(only)]
    scale = alt.Scale(
        domain=chosen, range=[_FAMILY_COLOURS[order.index(name) % len(_FAMILY_COLOURS)] for name in chosen]
    )
    return alt.Color("family:N", scale=scale, title=title, legend=alt.Legend(orient="bottom", columns=7))


def family_colour(names: Iterable[str], family: str) -> str:
    """The colour of one family, by its position in the model."""
    return _FAMILY_COLOURS[list(names).index(family) % len(_FAMILY_COLOURS)]
