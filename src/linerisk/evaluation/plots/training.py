"""How the recipe came about and how it would have done before: the front of tuning, and past trainings."""

from __future__ import annotations

import math
from typing import Any

import altair as alt
import polars as pl

from linerisk.evaluation.plots.style import FRAUD, FULL_WIDTH, HEIGHT, INK, QUIET, Plot, log_axis, svg_of
from linerisk.evaluation.rolling import RollingEvaluation
from linerisk.training.search_trials import Trial, Tuned

_KINDS = {
    "pruned": ("cross", "#9ca3af"),
    "finished": ("circle", "#9ca3af"),
    "on the front": ("circle", INK),
    "began with": ("square", "#4269a8"),
    "chosen": ("diamond", FRAUD),
}
"""What a trial can be, each over the ones before it: shape and colour."""
_PANEL_HEIGHT = 110
_PANELS = {
    "average_precision": ("average precision", [0.0, 1.0]),
    "log_loss_skill": ("log-loss skill", None),
    "predicted_over_observed": ("predicted / observed", [0.0, 3.0]),
}
"""Measures of a past training, with the ends of their axes where they are fixed."""


def tuning_plot(tuned: Tuned) -> Plot:
    """Every trial by what its reasons cost and how well it predicts, with the front and the chosen one."""
    trials = pl.DataFrame(
        # A trial that splits nothing costs nothing, and a log axis has no zero.
        [{"cost": max(t.reason_cost, 1), "loss": t.log_loss, "what": _kind(t, tuned)} for t in tuned.trials]
    )
    least, most, shows_nothing = _ends(tuned)
    costs: list[int] = trials["cost"].to_list()
    # Wide enough that a tick falls within, however few trials there are.
    low, high = min(costs) / 2, max(costs) * 2
    x = alt.X(
        "cost:Q",
        title="cost of reasons: look-ups a row, over all trees (log)",
        scale=alt.Scale(type="log", domain=[low, high], nice=False),
        axis=log_axis(low, high),
    )
    y = alt.Y(
        "loss:Q",
        title="log loss on validating lines, nats",
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
    shown = pl.DataFrame({"loss": [tuned.nothing] if shows_nothing else []}, schema={"loss": pl.Float64})
    nothing = alt.Chart(shown).mark_rule(color=QUIET, strokeDash=[4, 4]).encode(y=y)
    where = "the dashed line" if shows_nothing else "far above the plot"
    lines, fraud = tuned.validated_on
    chosen = "none was chosen" if tuned.chosen is None else f"trial {tuned.chosen} was chosen"
    title = "Recipes tried: what reasons cost, and how well they predict"
    return Plot(
        "tuning_front",
        "tuning",
        title,
        f"Each mark is one of {len(tuned.trials)} trials, judged on {lines:,} lines of the training slice, {fraud} of "
        "them fraud; further down and to the left is better. Nothing beats the trials on the line in both. Pruned "
        "trials stand where they were given up, or at the upper edge. Always saying the prevalence would lose "
        f"{tuned.nothing:.4f} ({where}): a trial that does not beat that by more than one standard error is never "
        f"chosen. Here {chosen}.",
        svg_of(alt.layer(nothing, steps, points).properties(width=FULL_WIDTH, height=HEIGHT), title=title),
        wide=True,
    )


def _kind(trial: Trial, tuned: Tuned) -> str:
    if trial.number == tuned.chosen:
        return "chosen"
    if trial.number == 0:
        return "began with"
    if trial.pruned:
        return "pruned"
    return "on the front" if trial.number in tuned.front else "finished"


def _ends(tuned: Tuned) -> tuple[float, float, bool]:
    """Of the axis of log loss: all finished trials, with a little room; and whether what says nothing is near enough.

    Drawn from far above, it would press all trials into one line.
    """
    losses = [trial.log_loss for trial in tuned.trials if not trial.pruned]
    low, high = min(losses), max(losses)
    shows_nothing = tuned.nothing <= low + 3 * (high - low)
    high = max(high, tuned.nothing) if shows_nothing else high
    room = 0.06 * (high - low) or 0.01 * high
    return low - room, high + room, shows_nothing


def rolling_plot(rolling: RollingEvaluation) -> Plot | None:
    """Past trainings over time, a panel per measure; None where fewer than two were measured: the table has those."""
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
        said = {"average_precision": prevalence, "log_loss_skill": dict.fromkeys(days, 0.0)}
        marks = said.get(measure, dict.fromkeys(days, 1.0))
        panels.append(
            _panel(rows.filter(measure=measure), marks, days=days, axis=axis, ends=ends, last=measure == [*_PANELS][-1])
        )
    title = "The same recipe, trained at past instants"
    return Plot(
        "rolling",
        "rolling",
        title,
        "Dots are what came of each past training in the 28 days after it, bars 95 % intervals; empty where nothing "
        "could be measured, and the table says why. Grey ticks are what saying nothing would give (the share of fraud, "
        "and a skill of 0), and below, what is right: 1. Dots that fall from left to right: what the model learns from "
        "has changed. Bars that pass 3 are cut there.",
        svg_of(alt.vconcat(*panels, spacing=14), title=title),
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
    """One measure over time; days are named below the last panel only."""
    # An absent option is another thing to Altair than None.
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
