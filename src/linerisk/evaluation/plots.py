"""Plots of an evaluation, drawn as SVG so that a report opens anywhere, offline, without script."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
import numpy.typing as npt
import polars as pl
import vl_convert
from sklearn.metrics import precision_recall_curve

from linerisk.evaluation.evaluate import SAMPLE_FOR_FAMILIES, Evaluation
from linerisk.model.risk_model import RiskModel
from linerisk.model.tiers import TIERS

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

TIER_COLOURS = {
    "normal": "#6b7280",
    "medium_low": "#b58900",
    "medium_high": "#d9661f",
    "extremely_high": "#b3261e",
}
_INK, _FRAUD, _QUIET = "#1f2937", "#b3261e", "#6b7280"
_WIDTH, _HEIGHT = 380, 260
_LOG_AXIS = alt.Axis(labelOverlap="greedy", tickCount=6)
_RARE = 0.1
"""Prevalence below which probabilities are drawn on log axes."""


def draw(model: RiskModel, evaluation: Evaluation, margin: Floats, fraud: Flags) -> dict[str, str]:
    """All plots by name, as SVG text.

    Args:
        model: For its cut points.
        evaluation: What was measured.
        margin: Margins of the test lines, shape (n,).
        fraud: Their outcomes, shape (n,).
    """
    charts = {
        "precision_recall": _precision_recall(margin, fraud, evaluation),
        "recall_at_low_fpr": _recall_at_low_fpr(margin, fraud, model),
        "reliability": _reliability(evaluation),
        "margins": _margins(margin, fraud, model),
        "families": _families(evaluation),
    }
    if evaluation.ages:
        charts["age_bands"] = _ages(evaluation)
    return {name: _svg(chart) for name, chart in charts.items()}


def _svg(chart: alt.Chart | alt.LayerChart) -> str:
    styled = (
        chart.properties(width=_WIDTH, height=_HEIGHT)
        .configure_view(stroke=None)
        .configure_axis(
            gridColor="#e5e7eb", domainColor="#9ca3af", labelColor=_INK, titleColor=_INK, titleFontWeight=500
        )
        .configure_title(anchor="start", color=_INK, fontSize=14, fontWeight=600, subtitleColor=_QUIET)
    )
    out: str = vl_convert.vegalite_to_svg(styled.to_dict())
    return out


def _title(text: str, subtitle: str) -> Any:
    return alt.TitleParams(text, subtitle=subtitle)


def _thin(curve: pl.DataFrame, most: int = 600) -> pl.DataFrame:
    """Every k-th point of a long curve; a plot of 400 pixels shows no more."""
    return curve.gather_every(max(1, curve.height // most))


def _precision_recall(margin: Floats, fraud: Flags, evaluation: Evaluation) -> alt.LayerChart:
    precision, recall, _ = precision_recall_curve(fraud, margin)
    curve = pl.DataFrame({"precision": precision[::-1], "recall": recall[::-1]})
    curve = curve.group_by("recall", maintain_order=True).agg(pl.col("precision").max())
    line = (
        alt.Chart(_thin(curve))
        .mark_line(color=_FRAUD, interpolate="step-before")
        .encode(
            x=alt.X("recall:Q", title="share of fraud found", scale=alt.Scale(domain=[0, 1])),
            y=alt.Y("precision:Q", title="fraud among lines flagged", scale=alt.Scale(domain=[0, 1])),
        )
        .properties(title=_title("Precision and recall", f"average precision {evaluation.average_precision}"))
    )
    base = alt.Chart(pl.DataFrame({"y": [evaluation.prevalence]})).mark_rule(color=_QUIET, strokeDash=[4, 4])
    return line + base.encode(y="y:Q")


def _recall_at_low_fpr(margin: Floats, fraud: Flags, model: RiskModel) -> alt.LayerChart:
    legitimate = np.sort(margin[~fraud])[::-1]
    ranks = np.unique(np.geomspace(1, max(2, len(legitimate) // 20), 200).astype(int))
    # With the next legitimate line left below the threshold, at most `rank` of them are flagged.
    found = [float(np.mean(margin[fraud] > legitimate[min(rank, len(legitimate) - 1)])) for rank in ranks]
    # What is found before the first legitimate line: the curve begins there, not in the air.
    alone = float(np.mean(margin[fraud] > legitimate[0]))
    curve = pl.DataFrame({"false": [0.5 / len(legitimate), *(ranks / len(legitimate))], "recall": [alone, *found]})
    cuts = pl.DataFrame(
        [
            {
                "tier": str(cut.tier),
                "false": max(float(np.mean(legitimate >= cut.margin)), 0.5 / len(legitimate)),
                "recall": float(np.mean(margin[fraud] >= cut.margin)),
            }
            for cut in model.cuts
        ]
    )
    log = alt.Scale(type="log", domain=[0.5 / len(legitimate), 0.1], nice=False, clamp=True)
    x = alt.X("false:Q", title="share of legitimate lines flagged (log)", scale=log, axis=_LOG_AXIS)
    y = alt.Y("recall:Q", title="share of fraud found", scale=alt.Scale(domain=[0, 1]))
    line = alt.Chart(curve).mark_line(color=_INK, interpolate="step-after").encode(x=x, y=y)
    points = alt.Chart(cuts).mark_point(filled=True, size=90, opacity=1).encode(x=x, y=y, color=_tier_colour())
    return (line + points).properties(
        title=_title("Fraud found where false alarms are rare", "points: where the tiers begin")
    )


def _tier_colour() -> Any:
    names = [str(tier) for tier in TIERS[1:]]
    scale = alt.Scale(domain=names, range=[TIER_COLOURS[name] for name in names])
    return alt.Color("tier:N", scale=scale, title=None, legend=alt.Legend(orient="bottom"))


def _reliability(evaluation: Evaluation) -> alt.LayerChart:
    least = 1e-6
    bins = pl.DataFrame(
        [
            {
                "predicted": max(b.predicted, least),
                "observed": max(b.observed.value, least),
                "low": max(b.observed.low, least),
                "high": max(b.observed.high, least),
                "seen": b.observed.value > 0,
            }
            for b in evaluation.reliability
        ]
    )
    rare = evaluation.prevalence < _RARE
    lowest = min(
        [b.predicted for b in evaluation.reliability] + [b.observed.value or 1 for b in evaluation.reliability]
    )
    floor = max(lowest, least) / 2 if rare else 0.0
    bins = bins.with_columns(pl.col("low", "observed", "high").clip(lower_bound=floor))
    scale = alt.Scale(type="log" if rare else "linear", domain=[floor, 1], nice=False)
    axis, said = (_LOG_AXIS, " (log)") if rare else (alt.Axis(), "")
    x = alt.X("predicted:Q", title=f"probability predicted{said}", scale=scale, axis=axis)

    def y(column: str) -> alt.Y:
        return alt.Y(f"{column}:Q", title=f"fraud observed, exact 95 % interval{said}", scale=scale, axis=axis)

    bars = alt.Chart(bins).mark_rule(color=_QUIET).encode(x=x, y=y("low"), y2="high:Q")
    points = alt.Chart(bins.filter("seen")).mark_point(filled=True, color=_FRAUD, size=60).encode(x=x, y=y("observed"))
    diagonal = pl.DataFrame({"predicted": [floor, 1.0], "observed": [floor, 1.0]})
    line = alt.Chart(diagonal).mark_line(color=_INK, strokeDash=[4, 4], strokeWidth=1).encode(x=x, y=y("observed"))
    return (line + bars + points).properties(
        title=_title("Do probabilities mean what they say?", f"equal-mass error {evaluation.calibration_error:.4f}")
    )


def _margins(margin: Floats, fraud: Flags, model: RiskModel) -> alt.LayerChart:
    edges = np.linspace(margin.min(), margin.max() + 1e-9, 41)
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
            x=alt.X("from:Q", bin="binned", title="margin (log-odds before calibration)"),
            x2="to:Q",
            y=alt.Y("share:Q", title="share of lines of the kind", stack=None),
            color=alt.Color(
                "kind:N",
                scale=alt.Scale(domain=["legitimate", "fraud"], range=[_QUIET, _FRAUD]),
                title=None,
                legend=alt.Legend(orient="bottom"),
            ),
        )
    )
    cuts = pl.DataFrame([{"at": cut.margin, "colour": TIER_COLOURS[str(cut.tier)]} for cut in model.cuts])
    rules = alt.Chart(cuts).mark_rule(strokeWidth=1.5).encode(x="at:Q", color=alt.Color("colour:N", scale=None))
    return (bars + rules).properties(title=_title("Where lines stand", "rules: where the tiers begin"))


def _families(evaluation: Evaluation) -> alt.Chart:
    rows = pl.DataFrame({"family": list(evaluation.families), "contribution": list(evaluation.families.values())})
    return (
        alt.Chart(rows)
        .mark_bar(color=_INK)
        .encode(
            x=alt.X("contribution:Q", title="mean absolute contribution, log-odds"),
            y=alt.Y("family:N", sort="-x", title=None, axis=alt.Axis(labelLimit=220)),
        )
        .properties(title=_title("What speaks", f"over the {SAMPLE_FOR_FAMILIES:,} lines with the highest margins"))
    )


def _ages(evaluation: Evaluation) -> alt.LayerChart:
    names = {0: "under 1 month", 30: "1-6 months", 180: "6-24 months", 730: "2-5 years", 1825: "over 5 years"}
    rows = pl.DataFrame(
        [
            {
                "age": f"{names.get(band.from_days, band.from_days)} ({band.fraud} of {band.lines:,})",
                "value": band.average_precision.value if band.average_precision else None,
                "low": band.average_precision.low if band.average_precision else None,
                "high": band.average_precision.high if band.average_precision else None,
            }
            for band in evaluation.ages
        ],
        schema={"age": pl.String, "value": pl.Float64, "low": pl.Float64, "high": pl.Float64},
    )
    order = rows["age"].to_list()
    y = alt.Y("age:N", sort=order, title=None, axis=alt.Axis(labelLimit=220))
    scale = alt.Scale(domain=[0, 1])
    bars = (
        alt.Chart(rows)
        .mark_rule(color=_QUIET)
        .encode(x=alt.X("low:Q", title="average precision, 95 % interval", scale=scale), x2="high:Q", y=y)
    )
    points = alt.Chart(rows).mark_point(filled=True, color=_FRAUD, size=70).encode(x=alt.X("value:Q", scale=scale), y=y)
    return (bars + points).properties(
        title=_title(
            "Ranking by age of the line",
            "fraud of lines in brackets; empty where there are fewer than 5 of either kind",
        )
    )
