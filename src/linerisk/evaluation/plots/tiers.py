"""Plot of the evidence for the tiers: the tail of legitimate lines, the cut points and their proven bounds."""

from __future__ import annotations

import altair as alt
import numpy as np
import numpy.typing as npt
import polars as pl

from linerisk.evaluation.plots.style import FULL_WIDTH, HEIGHT, INK, Plot, log_axis, render_svg, tier_colours
from linerisk.model.risk_model import RiskModel
from linerisk.training.examples import Examples, Slices

_TAIL = 0.1
"""Share of legitimate lines at the left end of the plot."""
_MOST_STEPS = 400
_LABEL = 0.08
"""Share of the width left free on the right for the last label."""
_CALIBRATION, _TEST = "calibration slice (sets the cut points)", "test slice (checks them)"


def evidence_plot(model: RiskModel, slices: Slices) -> Plot:
    """Share of legitimate lines at or above each margin, with cut points, proven and requested bounds."""
    tails = pl.concat([_tail(model, slices.calibration, _CALIBRATION), _tail(model, slices.test, _TEST)])
    cuts = _cuts(model, tails)
    least = float(min(cuts["requested"].min(), tails["share"].min()))  # type: ignore[arg-type, type-var]
    left, right = float(tails["margin"].min()), max(float(tails["margin"].max()), float(cuts["at"].max()))  # type: ignore[arg-type]
    right += _LABEL * (right - left)
    x = alt.X(
        "margin:Q",
        title="margin (log-odds before calibration)",
        scale=alt.Scale(domain=[left, right], nice=False),
        axis=alt.Axis(tickCount=10),
    )
    y = alt.Y(
        "share:Q",
        title="share of legitimate lines at or above (log)",
        scale=alt.Scale(type="log", domain=[least / 2, 2 * _TAIL], nice=False, clamp=True),
        axis=log_axis(least / 2, 2 * _TAIL),
    )
    of = alt.StrokeDash(
        "slice:N",
        scale=alt.Scale(domain=[_CALIBRATION, _TEST], range=[[1, 0], [4, 3]]),
        title=None,
        legend=alt.Legend(orient="bottom", labelLimit=300, symbolStrokeColor=INK),
    )
    colour = tier_colours()
    # A line counts up to its margin, so the curve falls after it.
    steps = alt.Chart(tails).mark_line(color=INK, interpolate="step-before", strokeWidth=1.5)
    steps = steps.encode(x=x, y=y, strokeDash=of)
    base = alt.Chart(cuts)
    rules = base.mark_rule(strokeWidth=1.5).encode(x="at:Q", color=colour)
    proven = base.mark_point(filled=True, size=110, opacity=1).encode(x="at:Q", y="proven:Q", color=colour)
    requested = base.mark_point(size=110, strokeWidth=2, opacity=1).encode(x="at:Q", y="requested:Q", color=colour)
    # A white rim keeps a label legible where the next rule crosses it.
    rim, labels = (
        base.mark_text(align="left", dx=10, dy=-9, fontSize=12, **look).encode(x="at:Q", y="label_at:Q", text="label:N")
        for look in ({"stroke": "white", "strokeWidth": 4, "color": "white", "aria": False}, {"color": INK})
    )
    title = "Proven bounds on legitimate lines per tier"
    return Plot(
        "cut_point_evidence",
        "tiers",
        title,
        "Curves are the share of legitimate lines at or above each margin. Each vertical line is the cut point of a "
        "tier: the filled dot is the proven bound on that share, the ring the requested bound. A dot above its ring is "
        "a bound wider than requested; the table shows whether lines are missing. A dashed curve far above a dot "
        "breaks the bound on the test slice, which gate G004 checks.",
        render_svg(
            alt.layer(rules, steps, requested, rim, labels, proven).properties(width=FULL_WIDTH, height=HEIGHT),
            title=title,
        ),
        wide=True,
    )


def _cuts(model: RiskModel, tails: pl.DataFrame) -> pl.DataFrame:
    """Cut points with proven and requested bounds, and positions of the labels.

    Curves only fall, so a label above both curves at its rule is crossed by neither to the right.
    """
    rows = []
    for cut in model.cuts:
        seen = tails.filter(pl.col("margin") >= cut.margin)["share"].to_list()
        rows.append(
            {
                "tier": str(cut.tier),
                "at": cut.margin,
                "proven": cut.proven,
                "requested": cut.wished,
                "label": f"{cut.proven:.1e}",
                "label_at": max([cut.proven, *seen]),
            }
        )
    return pl.DataFrame(rows)


def _tail(model: RiskModel, examples: Examples, name: str) -> pl.DataFrame:
    """Share of legitimate lines at or above each margin, from the highest down; thinned evenly on a log axis."""
    ordered: npt.NDArray[np.float64] = np.sort(model.margin(examples.rows[~examples.fraud]))[::-1]
    ranks = np.unique(np.geomspace(1, max(2, round(_TAIL * len(ordered))), _MOST_STEPS).round().astype(int))
    return pl.DataFrame(
        {"margin": ordered[ranks - 1], "share": ranks / len(ordered), "slice": [name] * len(ranks)},
        schema={"margin": pl.Float64, "share": pl.Float64, "slice": pl.String},
    )
