"""Feature importance: columns by gain and by contribution, and families. Look here for leaking columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt
import numpy as np
import polars as pl

from linerisk.evaluation.evaluate import SAMPLE_FOR_FAMILIES, Evaluation
from linerisk.evaluation.plots.style import Plot, family_colour, family_colours, render_svg
from linerisk.model.risk_model import RiskModel, Rows

_MOST_COLUMNS = 18
_ROW, _BAR = 19, 28
_PANEL, _FAMILIES = 250, 600


@dataclass(frozen=True, slots=True)
class FeatureStrength:
    """Importance of one column.

    Attributes:
        name: The column.
        family: Its family.
        gain: Its share of the loss reduction of all splits; 0-1.
        contribution: Mean absolute contribution over the rows, log-odds.
        share: Its share of all absolute contributions; 0-1.
    """

    name: str
    family: str
    gain: float
    contribution: float
    share: float


def feature_strengths(model: RiskModel, rows: Rows) -> tuple[FeatureStrength, ...]:
    """Importance of every column, highest contribution first.

    Args:
        model: The model.
        rows: Rows to average contributions over, shape (n, features), n >= 1.
    """
    gain = np.asarray(model.booster.feature_importance("gain"), dtype=np.float64)
    gain /= gain.sum() or 1.0
    weight = np.abs(model.shap_values(rows)[:, :-1]).mean(axis=0)
    total = float(weight.sum()) or 1.0
    return tuple(
        FeatureStrength(
            model.columns[i].name, model.columns[i].family, float(gain[i]), float(weight[i]), float(weight[i]) / total
        )
        for i in np.argsort(-weight, kind="stable")
    )


def feature_plot(strengths: Sequence[FeatureStrength], families: Sequence[str]) -> Plot:
    """The strongest columns by contribution and by gain, side by side, coloured by family."""
    by_gain = sorted(strengths, key=lambda s: -s.gain)[: _MOST_COLUMNS // 2]
    chosen = {s.name: s for s in (*strengths[:_MOST_COLUMNS], *by_gain)}
    rows = pl.DataFrame(
        [
            {"name": s.name, "family": s.family, "gain": s.gain, "contribution": s.contribution}
            for s in sorted(chosen.values(), key=lambda s: -s.contribution)
        ]
    )
    order, used = rows["name"].to_list(), rows["family"].to_list()
    several = len(families) > 1
    colour = family_colours(families, only=used) if several else alt.value(family_colour(families, families[0]))
    size = {"width": _PANEL, "height": _ROW * rows.height}
    bars = alt.Chart(rows).mark_bar()
    left = bars.encode(
        x=alt.X("contribution:Q", title="mean absolute contribution, log-odds", axis=alt.Axis(tickCount=4)),
        y=alt.Y("name:N", sort=order, title=None, axis=alt.Axis(labelLimit=290)),
        color=colour,
    ).properties(**size)
    right = bars.encode(
        x=alt.X("gain:Q", title="share of split gain", axis=alt.Axis(format="~%", tickCount=5)),
        y=alt.Y("name:N", sort=order, title=None, axis=alt.Axis(labels=False, ticks=False)),
        color=colour,
    ).properties(**size)
    first = strengths[0]
    title = "Strongest columns, coloured by family" if several else "Strongest columns"
    return Plot(
        "features",
        "drivers",
        title,
        "Check for leakage: a bar far longer than the others, or a column whose value is not known in time. "
        f"{first.name} has {first.share:.0%} of all contributions to the highest lines and {first.gain:.0%} of the "
        f"gain; the strongest column by gain is {by_gain[0].name} ({by_gain[0].gain:.0%}).",
        render_svg(alt.hconcat(left, right, spacing=30), title=title),
        wide=True,
    )


def family_plot(evaluation: Evaluation, families: Sequence[str]) -> Plot:
    """Mean absolute contribution by family; by column where all columns are of one family."""
    rows = pl.DataFrame(
        [
            {
                "family": name,
                "contribution": value,
                "colour": family_colour(families, name if name in families else families[0]),
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
    unit = "family" if len(families) > 1 else "column"
    title = f"Contribution by {unit}"
    return Plot(
        "families",
        "drivers",
        title,
        f"Mean absolute contribution of each {unit} to the log-odds, over the {SAMPLE_FOR_FAMILIES:,} lines with the "
        "highest margins (all lines if there are fewer). A contribution of 1 multiplies the odds of fraud by 2.7.",
        render_svg(chart, title=title),
        wide=True,
    )
