"""The evidence behind the tiers: the tail of legitimate lines, where cut points stand and what they prove."""

from __future__ import annotations

import altair as alt
import numpy as np
import numpy.typing as npt
import polars as pl

from linerisk.evaluation.drawing import FULL_WIDTH, HEIGHT, INK, Plot, colours_of_tiers, log_axis, svg_of
from linerisk.model.risk_model import RiskModel
from linerisk.training.examples import Examples, Slices

_TAIL = 0.1
"""Share of legitimate lines that the plot begins with."""
_MOST_STEPS = 400
_CALIBRATION, _TEST = "calibration slice, gave the cut points", "test slice, checks them"


def evidence_plot(model: RiskModel, slices: Slices) -> Plot:
    """Share of legitimate lines at or above each margin, with cut points, proven bounds and wishes."""
    tails = pl.concat([_tail(model, slices.calibration, _CALIBRATION), _tail(model, slices.test, _TEST)])
    cuts = pl.DataFrame(
        [
            {"tier": str(c.tier), "at": c.margin, "proven": c.proven, "wished": c.wished, "floor": c.wished / 2}
            for c in model.cuts
        ]
    )
    least = float(min(cuts["wished"].min(), tails["share"].min()))  # type: ignore[arg-type, type-var]
    right = max(float(tails["margin"].max()), float(cuts["at"].max())) + 0.5  # type: ignore[arg-type]
    x = alt.X(
        "margin:Q",
        title="margin (log-odds before calibration)",
        scale=alt.Scale(domain=[float(tails["margin"].min()), right], nice=False),  # type: ignore[arg-type]
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
    colour = colours_of_tiers()
    steps = alt.Chart(tails).mark_line(color=INK, interpolate="step", strokeWidth=1.5).encode(x=x, y=y, strokeDash=of)
    base = alt.Chart(cuts)
    rules = base.mark_rule(strokeWidth=1.5).encode(x="at:Q", color=colour)
    proven = base.mark_point(filled=True, size=110, opacity=1).encode(x="at:Q", y="proven:Q", color=colour)
    wished = base.mark_point(size=110, strokeWidth=2, opacity=1).encode(x="at:Q", y="wished:Q", color=colour)
    said = base.mark_text(align="left", dx=8, dy=-8, fontSize=11, color=INK).encode(
        x="at:Q", y="proven:Q", text=alt.Text("proven:Q", format=".1e")
    )
    title = "What could be proven about legitimate lines"
    return Plot(
        "cut_point_evidence",
        "tiers",
        title,
        "The solid curve falls as fewer legitimate lines are left. At each rule a tier begins: the filled dot is the "
        "share that could be proven there, the ring the share wished for. A dot above its ring: these lines are too "
        "few to prove the wish. The dashed curve far above a dot would be a promise broken on the test slice, which "
        "gate G004 judges.",
        svg_of(alt.layer(rules, steps, wished, proven, said).properties(width=FULL_WIDTH, height=HEIGHT), title=title),
        wide=True,
    )


def _tail(model: RiskModel, examples: Examples, name: str) -> pl.DataFrame:
    """Shares of legitimate lines at or above their own margins, from the highest down; thinned evenly on a log axis."""
    ordered: npt.NDArray[np.float64] = np.sort(model.margin(examples.rows[~examples.fraud]))[::-1]
    ranks = np.unique(np.geomspace(1, max(2, round(_TAIL * len(ordered))), _MOST_STEPS).round().astype(int))
    return pl.DataFrame(
        {"margin": ordered[ranks - 1], "share": ranks / len(ordered), "slice": [name] * len(ranks)},
        schema={"margin": pl.Float64, "share": pl.Float64, "slice": pl.String},
    )
