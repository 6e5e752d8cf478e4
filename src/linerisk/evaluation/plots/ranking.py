"""Plots of ranking and calibration on the test slice."""

from __future__ import annotations

import altair as alt
import numpy as np
import numpy.typing as npt
import polars as pl
from sklearn.metrics import precision_recall_curve

from linerisk.evaluation.evaluate import Evaluation
from linerisk.evaluation.metrics import average_precision
from linerisk.evaluation.plots.style import (
    FRAUD,
    FULL_WIDTH,
    HEIGHT,
    INK,
    QUIET,
    ROOM,
    TIER_COLOURS,
    WIDTH,
    Plot,
    log_axis,
    render_svg,
    tier_colours,
)
from linerisk.model.risk_model import RiskModel

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

_RARE = 0.1
"""Prevalence below which probabilities have log axes."""
_LEAST = 1e-6
_MOST_FALSE = 0.1
"""Right end of the axis of legitimate lines flagged; more is no usable threshold."""
_MOST_POINTS = 600
"""Maximum points of a curve; a plot of 400 pixels shows no more."""


def precision_recall_plot(margin: Floats, fraud: Flags, evaluation: Evaluation) -> Plot:
    """Precision over recall, with the prevalence as baseline."""
    precision, recall, _ = precision_recall_curve(fraud, margin)
    curve = (
        pl.DataFrame({"precision": precision[::-1], "recall": recall[::-1]})
        .group_by("recall", maintain_order=True)
        .agg(pl.col("precision").max())
    )
    line = (
        alt.Chart(curve.gather_every(max(1, curve.height // _MOST_POINTS)))
        .mark_line(color=FRAUD, interpolate="step-before")
        .encode(
            x=alt.X("recall:Q", title="recall: share of fraud found", scale=alt.Scale(domain=[0, 1])),
            y=alt.Y("precision:Q", title="precision: fraud among flagged lines", scale=alt.Scale(domain=[0, 1])),
        )
    )
    base = alt.Chart(pl.DataFrame({"y": [evaluation.prevalence]})).mark_rule(color=QUIET, strokeDash=[4, 4])
    title = f"Precision and recall: average precision {evaluation.average_precision}"
    return Plot(
        "precision_recall",
        "ranking",
        title,
        "Each point is a threshold; up and to the right is better. The dashed line is the precision of random flagging "
        f"({evaluation.prevalence:.2%}).",
        render_svg((line + base.encode(y="y:Q")).properties(width=WIDTH, height=HEIGHT), title=title),
    )


def recall_plot(
    margin: Floats,
    fraud: Flags,
    model: RiskModel,
    *,
    champion: RiskModel | None = None,
    champion_margin: Floats | None = None,
) -> Plot:
    """Recall at low false-positive rates, with the tiers, and the champion's curve if given.

    Args:
        margin: Margins of the test lines, shape (n,).
        fraud: Their outcomes, shape (n,).
        model: Gives the cut points.
        champion: The live model.
        champion_margin: Its margins of the same lines, shape (n,).
    """
    none_at = _none_at(int((~fraud).sum()))
    x = alt.X(
        "false:Q",
        title="false-positive rate: legitimate lines flagged (log)",
        scale=alt.Scale(type="log", domain=[none_at, _MOST_FALSE], nice=False, clamp=True, padding=ROOM),
        axis=log_axis(none_at, _MOST_FALSE, none_at=none_at),
    )
    y = alt.Y("recall:Q", title="recall: share of fraud found", scale=alt.Scale(domain=[0, 1]))
    both = champion is not None and champion_margin is not None
    layers: list[alt.Chart] = []
    tier = tier_colours()
    shape = alt.Shape(
        "role:N",
        scale=alt.Scale(domain=["challenger", "champion"], range=["circle", "diamond"]),
        title=None,
        legend=alt.Legend(orient="bottom"),
    )
    for role, its_margin, its_model in (("champion", champion_margin, champion), ("challenger", margin, model)):
        if its_margin is None or its_model is None:
            continue
        dash = [5, 3] if role == "champion" else [1, 0]
        layers.append(
            alt.Chart(_recall_curve(its_margin, fraud))
            .mark_line(color=QUIET if role == "champion" else INK, strokeDash=dash, interpolate="step-after")
            .encode(x=x, y=y)
        )
        points = alt.Chart(_tier_points(its_margin, fraud, its_model).with_columns(role=pl.lit(role))).mark_point(
            filled=True, size=100, opacity=1
        )
        encoded = points.encode(x=x, y=y, color=tier)
        layers.append(encoded.encode(shape=shape) if both else encoded)
    chart = alt.layer(*layers).properties(width=WIDTH, height=HEIGHT)
    caption = (
        "The curve is the share of fraud found at each false-positive rate. Points are the lower ends of the tiers. At "
        f'"none" no legitimate line of {int((~fraud).sum()):,} is flagged; a single one is a rate of '
        f"{2 * none_at:.1e}, the lowest that these lines can measure."
    )
    if not both:
        title = "Recall at low false-positive rates"
        return Plot("recall_at_low_fpr", "ranking", title, caption, render_svg(chart, title=title))
    title = "Challenger (solid) and champion (dashed) on the same lines"
    return Plot(
        "champion_and_challenger",
        "champion",
        title,
        "The higher curve finds more fraud at the same false-positive rate; where they cross, neither is better. "
        f"Average precision {average_precision(margin, fraud):.3f} against "
        f"{average_precision(champion_margin, fraud):.3f}.",  # type: ignore[arg-type]
        render_svg(chart, title=title),
    )


def _none_at(legitimate: int) -> float:
    """Position of zero flagged lines on a log axis of shares: half a line."""
    return 0.5 / legitimate


def _recall_curve(margin: Floats, fraud: Flags) -> pl.DataFrame:
    legitimate = np.sort(margin[~fraud])[::-1]
    ranks = np.unique(np.geomspace(1, max(2, len(legitimate) // 10), 200).astype(int))
    # With the next legitimate line left below the threshold, at most `rank` of them are flagged.
    found = [float(np.mean(margin[fraud] > legitimate[min(rank, len(legitimate) - 1)])) for rank in ranks]
    # The curve starts with the recall at zero legitimate lines flagged.
    at_none = float(np.mean(margin[fraud] > legitimate[0]))
    shares = [_none_at(len(legitimate)), *(ranks / len(legitimate))]
    return pl.DataFrame({"false": shares, "recall": [at_none, *found]})


def _tier_points(margin: Floats, fraud: Flags, model: RiskModel) -> pl.DataFrame:
    legitimate, own = margin[~fraud], margin[fraud]
    return pl.DataFrame(
        [
            {
                "tier": str(cut.tier),
                "false": max(float(np.mean(legitimate >= cut.margin)), _none_at(len(legitimate))),
                "recall": float(np.mean(own >= cut.margin)),
            }
            for cut in model.cuts
        ]
    )


def margin_plot(margin: Floats, fraud: Flags, model: RiskModel) -> Plot:
    """Distribution of margins of fraud and legitimate lines, with the cut points of the tiers."""
    at = [cut.margin for cut in model.cuts]
    edges = np.linspace(margin.min(), margin.max() + 1e-9, 41)
    # A cut point may be outside the range of these lines.
    ends = [float(min(edges[0], *at)), float(max(edges[-1], *at))]
    rows = []
    for name, chosen in (("legitimate", ~fraud), ("fraud", fraud)):
        counts, _ = np.histogram(margin[chosen], edges)
        rows += [
            {"kind": name, "from": float(a), "to": float(b), "share": float(c) / max(1, int(chosen.sum()))}
            for a, b, c in zip(edges[:-1], edges[1:], counts, strict=True)
        ]
    bars = (
        alt.Chart(pl.DataFrame(rows))
        .mark_bar(opacity=0.55, binSpacing=0)
        .encode(
            x=alt.X(
                "from:Q",
                bin="binned",
                title="margin (log-odds before calibration)",
                scale=alt.Scale(domain=ends, nice=False),
            ),
            x2="to:Q",
            y=alt.Y("share:Q", title="share of fraud / legitimate lines", stack=None, axis=alt.Axis(format="~%")),
            color=alt.Color(
                "kind:N",
                scale=alt.Scale(domain=["legitimate", "fraud"], range=[QUIET, FRAUD]),
                title=None,
                legend=alt.Legend(orient="bottom"),
            ),
        )
    )
    cuts = pl.DataFrame([{"at": cut.margin, "colour": TIER_COLOURS[str(cut.tier)]} for cut in model.cuts])
    rules = alt.Chart(cuts).mark_rule(strokeWidth=1.5).encode(x="at:Q", color=alt.Color("colour:N", scale=None))
    tiers = ", ".join(str(cut.tier) for cut in sorted(model.cuts, key=lambda cut: cut.margin))
    title = "Distribution of margins"
    return Plot(
        "margins",
        "ranking",
        title,
        f"Bars of one colour sum to 100 %. Vertical lines are cut points, from the left {tiers}. Fraud left of the "
        "first one is missed.",
        render_svg((bars + rules).properties(width=FULL_WIDTH, height=HEIGHT), title=title),
        wide=True,
    )


def reliability_plot(evaluation: Evaluation) -> Plot:
    """Reliability diagram: predicted against observed rates, with the exact interval of each bin."""
    rare = evaluation.prevalence < _RARE
    lowest = min(
        [b.predicted for b in evaluation.reliability] + [b.observed.value or 1 for b in evaluation.reliability]
    )
    floor = max(lowest, _LEAST) / 2 if rare else 0.0
    bins = pl.DataFrame(
        [
            {
                "predicted": max(b.predicted, _LEAST),
                "observed": max(b.observed.value, floor),
                "low": max(b.observed.low, floor),
                "high": max(b.observed.high, floor),
                "has_fraud": b.observed.value > 0,
            }
            for b in evaluation.reliability
        ]
    )
    scale = alt.Scale(type="log" if rare else "linear", domain=[floor, 1], nice=False, padding=ROOM)
    axis, suffix = (log_axis(floor, 1), " (log)") if rare else (alt.Axis(), "")
    x = alt.X("predicted:Q", title=f"predicted probability{suffix}", scale=scale, axis=axis)
    y = {
        column: alt.Y(f"{column}:Q", title=f"observed fraud rate, exact 95 %{suffix}", scale=scale, axis=axis)
        for column in ("low", "observed")
    }
    bars = alt.Chart(bins).mark_rule(color=QUIET, strokeWidth=1.5).encode(x=x, y=y["low"], y2="high:Q")
    dots = alt.Chart(bins.filter("has_fraud")).mark_point(filled=True, color=FRAUD, size=60, opacity=1)
    diagonal = pl.DataFrame({"predicted": [floor, 1.0], "observed": [floor, 1.0]})
    line = alt.Chart(diagonal).mark_line(color=INK, strokeDash=[4, 4], strokeWidth=1).encode(x=x, y=y["observed"])
    chart = (line + bars + dots.encode(x=x, y=y["observed"])).properties(width=WIDTH, height=HEIGHT)
    title = "Reliability: predicted and observed fraud"
    return Plot(
        "reliability",
        "calibration",
        title,
        "Each bar is a bin of lines with similar probability. A bar that crosses the dashed diagonal agrees with the "
        "prediction. Above the diagonal the model predicts too little fraud, below it too much. A bar without a dot "
        "has no fraud.",
        render_svg(chart, title=title),
    )
