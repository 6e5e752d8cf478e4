"""Plots of ranking and of probabilities, on lines that the model never saw."""

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
    colours_of_tiers,
    log_axis,
    svg_of,
)
from linerisk.model.risk_model import RiskModel

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

_RARE = 0.1
"""Prevalence below which probabilities are drawn on log axes."""
_LEAST = 1e-6
_MOST_FALSE = 0.1
"""Share of legitimate lines flagged beyond which nobody would work."""
_MOST_POINTS = 600
"""Points of a curve at most; a plot of 400 pixels shows no more."""


def precision_recall_plot(margin: Floats, fraud: Flags, evaluation: Evaluation) -> Plot:
    """Precision over recall, with the prevalence as the line to beat."""
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
            x=alt.X("recall:Q", title="share of fraud found", scale=alt.Scale(domain=[0, 1])),
            y=alt.Y("precision:Q", title="share of fraud among lines flagged", scale=alt.Scale(domain=[0, 1])),
        )
    )
    base = alt.Chart(pl.DataFrame({"y": [evaluation.prevalence]})).mark_rule(color=QUIET, strokeDash=[4, 4])
    title = f"Precision and recall: average precision {evaluation.average_precision}"
    return Plot(
        "precision_recall",
        "ranking",
        title,
        "Each point is a threshold. Further up and to the right is better; the dashed line is what flagging at random "
        f"would find ({evaluation.prevalence:.2%}).",
        svg_of((line + base.encode(y="y:Q")).properties(width=WIDTH, height=HEIGHT), title=title),
    )


def recall_plot(
    margin: Floats,
    fraud: Flags,
    model: RiskModel,
    *,
    champion: RiskModel | None = None,
    champion_margin: Floats | None = None,
) -> Plot:
    """Fraud found where few legitimate lines are flagged, with the tiers; beside the champion's if it is given.

    Args:
        margin: Margins of the test lines, shape (n,).
        fraud: Their outcomes, shape (n,).
        model: For its cut points.
        champion: The model in use.
        champion_margin: Its margins of the same lines, shape (n,).
    """
    none_at = _none_at(int((~fraud).sum()))
    x = alt.X(
        "false:Q",
        title="share of legitimate lines flagged (log)",
        scale=alt.Scale(type="log", domain=[none_at, _MOST_FALSE], nice=False, clamp=True, padding=ROOM),
        axis=log_axis(none_at, _MOST_FALSE, none_at=none_at),
    )
    y = alt.Y("recall:Q", title="share of fraud found", scale=alt.Scale(domain=[0, 1]))
    both = champion is not None and champion_margin is not None
    layers: list[alt.Chart] = []
    tier = colours_of_tiers()
    shape = alt.Shape(
        "of:N",
        scale=alt.Scale(domain=["challenger", "champion"], range=["circle", "diamond"]),
        title=None,
        legend=alt.Legend(orient="bottom"),
    )
    for of, own, whose in (("champion", champion_margin, champion), ("challenger", margin, model)):
        if own is None or whose is None:
            continue
        dash = [5, 3] if of == "champion" else [1, 0]
        layers.append(
            alt.Chart(_recall_curve(own, fraud))
            .mark_line(color=QUIET if of == "champion" else INK, strokeDash=dash, interpolate="step-after")
            .encode(x=x, y=y)
        )
        points = alt.Chart(_tier_points(own, fraud, whose).with_columns(of=pl.lit(of))).mark_point(
            filled=True, size=100, opacity=1
        )
        encoded = points.encode(x=x, y=y, color=tier)
        layers.append(encoded.encode(shape=shape) if both else encoded)
    chart = alt.layer(*layers).properties(width=WIDTH, height=HEIGHT)
    how = (
        "Read upwards from a share of false alarms: that much fraud is found at its price. Points show where the tiers "
        f'begin. At "none" no legitimate line of {int((~fraud).sum()):,} is flagged; one alone is a share of '
        f"{2 * none_at:.1e}, and below that nothing can be told."
    )
    if not both:
        title = "Fraud found where false alarms are rare"
        return Plot("recall_at_low_fpr", "ranking", title, how, svg_of(chart, title=title))
    title = "Challenger (solid) and champion (dashed) on the same lines"
    return Plot(
        "champion_and_challenger",
        "champion",
        title,
        "The higher curve finds more fraud at the same share of false alarms; where they cross, neither is better. "
        f"Average precision {average_precision(margin, fraud):.3f} against "
        f"{average_precision(champion_margin, fraud):.3f}.",  # type: ignore[arg-type]
        svg_of(chart, title=title),
    )


def _none_at(legitimate: int) -> float:
    """Where no line flagged is drawn on a log axis of shares: half of one line."""
    return 0.5 / legitimate


def _recall_curve(margin: Floats, fraud: Flags) -> pl.DataFrame:
    legitimate = np.sort(margin[~fraud])[::-1]
    ranks = np.unique(np.geomspace(1, max(2, len(legitimate) // 10), 200).astype(int))
    # With the next legitimate line left below the threshold, at most `rank` of them are flagged.
    found = [float(np.mean(margin[fraud] > legitimate[min(rank, len(legitimate) - 1)])) for rank in ranks]
    # What is found before the first legitimate line: the curve begins there, not in the air.
    alone = float(np.mean(margin[fraud] > legitimate[0]))
    shares = [_none_at(len(legitimate)), *(ranks / len(legitimate))]
    return pl.DataFrame({"false": shares, "recall": [alone, *found]})


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
    """Where lines of either kind stand, and where tiers begin."""
    at = [cut.margin for cut in model.cuts]
    edges = np.linspace(margin.min(), margin.max() + 1e-9, 41)
    # A tier may begin where no line of these stands.
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
            y=alt.Y("share:Q", title="share of lines of the kind", stack=None, axis=alt.Axis(format="~%")),
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
    title = "Where lines stand"
    return Plot(
        "margins",
        "ranking",
        title,
        f"Bars of a kind add up to 100 %. Rules are where the tiers begin, from the left {tiers}; fraud left of the "
        "first rule is missed.",
        svg_of((bars + rules).properties(width=FULL_WIDTH, height=HEIGHT), title=title),
        wide=True,
    )


def reliability_plot(evaluation: Evaluation) -> Plot:
    """Predicted against observed rates, with the exact interval of each bin."""
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
                "seen": b.observed.value > 0,
            }
            for b in evaluation.reliability
        ]
    )
    scale = alt.Scale(type="log" if rare else "linear", domain=[floor, 1], nice=False, padding=ROOM)
    axis, said = (log_axis(floor, 1), " (log)") if rare else (alt.Axis(), "")
    x = alt.X("predicted:Q", title=f"probability predicted{said}", scale=scale, axis=axis)
    y = {
        column: alt.Y(f"{column}:Q", title=f"fraud observed, exact 95 % interval{said}", scale=scale, axis=axis)
        for column in ("low", "observed")
    }
    bars = alt.Chart(bins).mark_rule(color=QUIET, strokeWidth=1.5).encode(x=x, y=y["low"], y2="high:Q")
    dots = alt.Chart(bins.filter("seen")).mark_point(filled=True, color=FRAUD, size=60, opacity=1)
    diagonal = pl.DataFrame({"predicted": [floor, 1.0], "observed": [floor, 1.0]})
    line = alt.Chart(diagonal).mark_line(color=INK, strokeDash=[4, 4], strokeWidth=1).encode(x=x, y=y["observed"])
    chart = (line + bars + dots.encode(x=x, y=y["observed"])).properties(width=WIDTH, height=HEIGHT)
    title = "Do probabilities mean what they say?"
    return Plot(
        "reliability",
        "calibration",
        title,
        "Each bar is a group of lines of like probability. A bar that meets the dashed diagonal agrees with what was "
        "predicted; above it the model says too little, below it too much. A bar without a dot saw no fraud.",
        svg_of(chart, title=title),
    )
