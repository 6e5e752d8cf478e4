"""The evidence behind the tiers: the tail of legitimate lines, where cut points stand and what they prove."""

from __future__ import annotations

import altair as alt
import numpy as np
import numpy.typing as npt
import polars as pl

from linerisk.evaluation.plots.style import FULL_WIDTH, HEIGHT, INK, Plot, colours_of_tiers, log_axis, svg_of
from linerisk.model.risk_model import RiskModel
from linerisk.training.examples import Examples, Slices

_TAIL = 0.1
"""Share of legitimate lines that the plot begins with."""
_MOST_STEPS = 400
_LABEL = 0.08
"""Share of the width that is left free on the right, for the last label."""
_CALIBRATION, _TEST = "calibration slice, gave the cut points", "test slice, checks them"


def evidence_plot(model: RiskModel, slices: Slices) -> Plot:
    """Share of legitimate lines at or above each margin, with cut points, proven bounds and wishes."""
    tails = pl.concat([_tail(model, slices.calibration, _CALIBRATION), _tail(model, slices.test, _TEST)])
    cuts = _cuts(model, tails)
    least = float(min(cuts["wished"].min(), tails["share"].min()))  # type: ignore[arg-type, type-var]
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
    colour = colours_of_tiers()
    # Up to its margin a line counts: the curve stands until there and falls after it.
    steps = alt.Chart(tails).mark_line(color=INK, interpolate="step-before", strokeWidth=1.5)
    steps = steps.encode(x=x, y=y, strokeDash=of)
    base = alt.Chart(cuts)
    rules = base.mark_rule(strokeWidth=1.5).encode(x="at:Q", color=colour)
    proven = base.mark_point(filled=True, size=110, opacity=1).encode(x="at:Q", y="proven:Q", color=colour)
    wished = base.mark_point(size=110, strokeWidth=2, opacity=1).encode(x="at:Q", y="wished:Q", color=colour)
    # The next rule may run where a label stands: a white rim keeps it legible.
    rim, words = (
        base.mark_text(align="left", dx=10, dy=-9, fontSize=12, **look).encode(x="at:Q", y="said_at:Q", text="said:N")
        for look in ({"stroke": "white", "strokeWidth": 4, "color": "white", "aria": False}, {"color": INK})
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
        svg_of(
            alt.layer(rules, steps, wished, rim, words, proven).properties(width=FULL_WIDTH, height=HEIGHT), title=title
        ),
        wide=True,
    )


def _cuts(model: RiskModel, tails: pl.DataFrame) -> pl.DataFrame:
    """Where tiers begin, what was proven and wished there, and where that is said: above both curves.

    Curves only fall, so what stands above both at the rule is struck by neither to its right.
    """
    rows = []
    for cut in model.cuts:
        seen = tails.filter(pl.col("margin") >= cut.margin)["share"].to_list()
        rows.append(
            {
                "tier": str(cut.tier),
                "at": cut.margin,
                "proven": cut.proven,
                "wished": cut.wished,
                "said": f"{cut.proven:.1e}",
                "said_at": max([cut.proven, *seen]),
            }
        )
    return pl.DataFrame(rows)


def _tail(model: RiskModel, examples: Examples, name: str) -> pl.DataFrame:
    """Shares of legitimate lines at or above their own margins, from the highest down; thinned evenly on a log axis."""
    ordered: npt.NDArray[np.float64] = np.sort(model.margin(examples.rows[~examples.fraud]))[::-1]
    ranks = np.unique(np.geomspace(1, max(2, round(_TAIL * len(ordered))), _MOST_STEPS).round().astype(int))
    return pl.DataFrame(
        {"margin": ordered[ranks - 1], "share": ranks / len(ordered), "slice": [name] * len(ranks)},
        schema={"margin": pl.Float64, "share": pl.Float64, "slice": pl.String},
    )
