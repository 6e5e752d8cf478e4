"""What the trees rest on: single columns by gain and by contribution, and families. The place to look for a leak."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt
import numpy as np
import polars as pl

from linerisk.evaluation.evaluate import SAMPLE_FOR_FAMILIES, Evaluation
from linerisk.evaluation.plots.style import Plot, colour_of_family, colours_of, svg_of
from linerisk.model.risk_model import RiskModel, Rows

_SHOWN = 18
_ROW, _BAR = 19, 28
_PANEL, _FAMILIES = 250, 600


@dataclass(frozen=True, slots=True)
class FeatureStrength:
    """How much the trees rest on one column.

    Attributes:
        name: The column.
        family: Its family.
        gain: Its share of all loss that splits took away while the trees grew; 0-1.
        contribution: Mean absolute contribution over the rows asked about, log-odds.
        share: Its share of all absolute contributions; 0-1.
    """

    name: str
    family: str
    gain: float
    contribution: float
    share: float


def feature_strengths(model: RiskModel, rows: Rows) -> tuple[FeatureStrength, ...]:
    """Every column of a model, the one that contributes most first.

    Args:
        model: The model.
        rows: Rows over which contributions are averaged, shape (n, features), n >= 1.
    """
    gain = np.asarray(model.booster.feature_importance("gain"), dtype=np.float64)
    gain /= gain.sum() or 1.0
    weight = np.abs(model.shap_values(rows)[:, :-1]).mean(axis=0)
    whole = float(weight.sum()) or 1.0
    return tuple(
        FeatureStrength(
            model.columns[i].name, model.columns[i].family, float(gain[i]), float(weight[i]), float(weight[i]) / whole
        )
        for i in np.argsort(-weight, kind="stable")
    )


def feature_plot(strengths: Sequence[FeatureStrength], families: Sequence[str]) -> Plot:
    """The strongest columns by contribution and by gain, side by side, in the colours of their families."""
    by_gain = sorted(strengths, key=lambda s: -s.gain)[: _SHOWN // 2]
    chosen = {s.name: s for s in (*strengths[:_SHOWN], *by_gain)}
    rows = pl.DataFrame(
        [
            {"name": s.name, "family": s.family, "gain": s.gain, "contribution": s.contribution}
            for s in sorted(chosen.values(), key=lambda s: -s.contribution)
        ]
    )
    order, shown = rows["name"].to_list(), rows["family"].to_list()
    several = len(families) > 1
    colour = colours_of(families, shown=shown) if several else alt.value(colour_of_family(families, families[0]))
    size = {"width": _PANEL, "height": _ROW * rows.height}
    bars = alt.Chart(rows).mark_bar()
    left = bars.encode(
        x=alt.X("contribution:Q", title="mean absolute contribution, log-odds", axis=alt.Axis(tickCount=4)),
        y=alt.Y("name:N", sort=order, title=None, axis=alt.Axis(labelLimit=290)),
        color=colour,
    ).properties(**size)
    right = bars.encode(
        x=alt.X("gain:Q", title="share of gain while growing", axis=alt.Axis(format="~%", tickCount=5)),
        y=alt.Y("name:N", sort=order, title=None, axis=alt.Axis(labels=False, ticks=False)),
        color=colour,
    ).properties(**size)
    first = strengths[0]
    title = "Single columns, in the colours of their families" if several else "Single columns"
    return Plot(
        "features",
        "drivers",
        title,
        f"Look here for leaks: a bar that dwarfs the rest, or a column that could not be known in time. Here "
        f"{first.name} carries {first.share:.0%} of all contributions to the highest lines and "
        f"{first.gain:.0%} of the gain; the strongest by gain is {by_gain[0].name} ({by_gain[0].gain:.0%}).",
        svg_of(alt.hconcat(left, right, spacing=30), title=title),
        wide=True,
    )


def family_plot(evaluation: Evaluation, families: Sequence[str]) -> Plot:
    """Mean absolute contribution by family; by column where the table has one family only."""
    rows = pl.DataFrame(
        [
            {
                "family": name,
                "contribution": value,
                "colour": colour_of_family(families, name if name in families else families[0]),
            }
            for name, value in evaluation.families.items()
        ]
    )
    chart = (
        alt.Chart(rows)
        .mark_bar()
        .encode(
            x=alt.X("contribution:Q", title="mean absolute contribution, log-odds", axis=alt.Axis(tickCount=5)),
            y=alt.Y("family:N", sort="-x", title=None, axis=alt.Axis(labelLimit=220)),
            color=alt.Color("colour:N", scale=None),
        )
        .properties(width=_FAMILIES, height=_BAR * rows.height)
    )
    title, what = "What speaks", "family" if len(families) > 1 else "column"
    return Plot(
        "families",
        "drivers",
        title,
        f"How far each {what} moves a line's log-odds either way, over the {SAMPLE_FOR_FAMILIES:,} lines with the "
        "highest margins (all lines where there are fewer). One log-odds makes fraud 2.7 times as likely.",
        svg_of(chart, title=title),
        wide=True,
    )
