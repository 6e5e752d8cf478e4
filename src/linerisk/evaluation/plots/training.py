"""Plots of the recipe search (trials and Pareto front) and of the rolling evaluation."""

from __future__ import annotations

import math
from typing import Any

import altair as alt
import polars as pl

from linerisk.evaluation.plots.style import FRAUD, FULL_WIDTH, HEIGHT, INK, QUIET, Plot, log_axis, render_svg
from linerisk.evaluation.rolling import RollingEvaluation
from linerisk.training.search_trials import Trial, Tuned

_KINDS = {
    "pruned": ("cross", "#9ca3af"),
    "finished": ("circle", "#9ca3af"),
    "Pareto front": ("circle", INK),
    "starting recipe": ("square", "#4269a8"),
    "chosen": ("diamond", FRAUD),
}
"""Kind of trial -> shape and colour; later kinds are drawn over earlier ones."""
_PANEL_HEIGHT = 110
_PANELS = {
    "average_precision": ("average precision", [0.0, 1.0]),
    "log_loss_skill": ("log-loss skill", None),
    "predicted_over_observed": ("predicted / observed", [0.0, 3.0]),
}
"""Measures of the rolling evaluation -> axis title, and fixed ends of the axis if any."""


def tuning_plot(tuned: Tuned) -> Plot:
    """Every trial by cost of its reasons and log loss, with the Pareto front and the chosen trial."""
    trials = pl.DataFrame(
        # A trial without splits costs 0, and a log axis has no zero.
        [{"cost": max(t.reason_cost, 1), "loss": t.log_loss, "what": _kind(t, tuned)} for t in tuned.trials]
    )
    least, most, baseline_fits = _ends(tuned)
    costs: list[int] = trials["cost"].to_list()
    # Wide enough for a tick inside, also with few trials.
    low, high = min(costs) / 2, max(costs) * 2
    x = alt.X(
        "cost:Q",
        title="cost of reasons: look-ups per row, all trees (log)",
        scale=alt.Scale(type="log", domain=[low, high], nice=False),
        axis=log_axis(low, high),
    )
    y = alt.Y(
        "loss:Q",
        title="log loss on validation lines, nats",
        scale=alt.Scale(domain=[least, most], nice=False, zero=False, clamp=True),
    )
    names = list(_KINDS)
    legend = alt.Legend(orient="bottom")
    points = (
        alt.Chart(trials.sort(pl.col("what").replace_strict({name: place for place, name in enumerate(names)})))
        .mark_point(filled=True, opacity=0.85)
        .encode(
            x=x,
            y=y,
            size=alt.condition(alt.datum.what == "chosen", alt.value(190), alt.value(45)),
            shape=alt.Shape(
                "what:N", scale=alt.Scale(domain=names, range=[_KINDS[n][0] for n in names]), title=None, legend=legend
            ),
            color=alt.Color(
                "what:N", scale=alt.Scale(domain=names, range=[_KINDS[n][1] for n in names]), title=None, legend=legend
            ),
        )
    )
    front = pl.DataFrame(
        [{"cost": max(t.reason_cost, 1), "loss": t.log_loss} for t in (tuned.trials[number] for number in tuned.front)]
    )
    steps = alt.Chart(front).mark_line(color=INK, strokeWidth=1.2, interpolate="step-after").encode(x=x, y=y)
    losses = pl.DataFrame({"loss": [tuned.nothing] if baseline_fits else []}, schema={"loss": pl.Float64})
    baseline = alt.Chart(losses).mark_rule(color=QUIET, strokeDash=[4, 4]).encode(y=y)
    where = "the dashed line" if baseline_fits else "far above the plot"
    lines, fraud = tuned.validated_on
    chosen = "no trial was chosen" if tuned.chosen is None else f"trial {tuned.chosen} was chosen"
    title = "Recipe search: cost of reasons and log loss per trial"
    return Plot(
        "tuning_front",
        "tuning",
        title,
        f"Each mark is one of {len(tuned.trials)} trials, validated on {lines:,} lines of the training slice, {fraud} "
        "of them fraud; down and to the left is better. No trial beats those on the Pareto front in both. Pruned "
        "trials are drawn where they stopped, or at the upper edge. Always predicting the prevalence gives a log loss "
        f"of {tuned.nothing:.4f} ({where}). A trial must beat it by more than one standard error to be chosen. In this "
        f"search {chosen}.",
        render_svg(alt.layer(baseline, steps, points).properties(width=FULL_WIDTH, height=HEIGHT), title=title),
        wide=True,
    )


def _kind(trial: Trial, tuned: Tuned) -> str:
    if trial.number == tuned.chosen:
        return "chosen"
    if trial.number == 0:
        return "starting recipe"
    if trial.pruned:
        return "pruned"
    return "Pareto front" if trial.number in tuned.front else "finished"


def _ends(tuned: Tuned) -> tuple[float, float, bool]:
    """Ends of the log-loss axis around all finished trials, and whether the baseline fits in.

    A baseline far above would compress all trials into one line.
    """
    losses = [trial.log_loss for trial in tuned.trials if not trial.pruned]
    low, high = min(losses), max(losses)
    baseline_fits = tuned.nothing <= low + 3 * (high - low)
    high = max(high, tuned.nothing) if baseline_fits else high
    room = 0.06 * (high - low) or 0.01 * high
    return low - room, high + room, baseline_fits


def rolling_plot(rolling: RollingEvaluation) -> Plot | None:
    """Past trainings over time, one panel per measure; None for fewer than two, which the table shows anyway."""
    curves = [
        row for row in rolling.curves() if all(math.isfinite(float(row[key])) for key in ("value", "low", "high"))
    ]
    if len({row["trained_at"] for row in curves}) <= 1:
        return None
    rows = pl.DataFrame(curves).with_columns(pl.col("trained_at").str.slice(0, 10))
    days = [step.trained_at[:10] for step in rolling.steps]
    prevalence = {step.trained_at[:10]: step.fraud / step.lines for step in rolling.steps if step.lines}
    panels = []
    for measure, (axis, ends) in _PANELS.items():
        references = {"average_precision": prevalence, "log_loss_skill": dict.fromkeys(days, 0.0)}
        marks = references.get(measure, dict.fromkeys(days, 1.0))
        panels.append(
            _panel(rows.filter(measure=measure), marks, days=days, axis=axis, ends=ends, last=measure == [*_PANELS][-1])
        )
    title = "Rolling evaluation: the same recipe trained at past instants"
    return Plot(
        "rolling",
        "rolling",
        title,
        "Dots are results of each past training on the 28 days after it, bars 95 % intervals. A date without a dot "
        "could not be measured; the table gives the reason. Grey ticks are reference values: for average precision the "
        "prevalence, for skill 0, for predicted / observed the ideal 1. Dots that fall from left to right mean that "
        "the patterns that the model learns have changed. Bars are cut at 3.",
        render_svg(alt.vconcat(*panels, spacing=14), title=title),
        wide=True,
    )


def _panel(
    rows: pl.DataFrame,
    marks: dict[str, float],
    *,
    days: list[str],
    axis: str,
    ends: list[float] | None,
    last: bool,
) -> alt.LayerChart:
    """One measure over time; only the last panel has labelled dates."""
    # Altair treats a missing option differently from None.
    scale: dict[str, Any] = {} if ends is None else {"scale": alt.Scale(domain=ends, clamp=True, nice=False)}
    x = alt.X(
        "trained_at:N",
        sort=days,
        scale=alt.Scale(domain=days),
        title="trained and scored at" if last else None,
        axis=alt.Axis(labelAngle=0, labels=last, ticks=last),
    )
    y = {column: alt.Y(f"{column}:Q", title=axis, axis=alt.Axis(tickCount=4), **scale) for column in ("low", "value")}
    base = alt.Chart(rows)
    marked = pl.DataFrame({"trained_at": list(marks), "value": list(marks.values())})
    ticks = alt.Chart(marked).mark_tick(color="#9ca3af", thickness=2, size=40).encode(x=x, y=y["value"])
    bars = base.mark_rule(color=QUIET, strokeWidth=2).encode(x=x, y=y["low"], y2="high:Q")
    dots = base.mark_point(filled=True, color=INK, size=70, opacity=1).encode(x=x, y=y["value"])
    return alt.layer(ticks, bars, dots).properties(width=FULL_WIDTH - 40, height=_PANEL_HEIGHT)
