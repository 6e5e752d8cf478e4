"""Plot of the random audit: false positives against the proven bounds, and fraud found against fraud predicted."""

from __future__ import annotations

import altair as alt
import polars as pl

from linerisk.evaluation.evaluate import Evaluation
from linerisk.evaluation.metrics import Estimate, count_estimate
from linerisk.evaluation.plots.style import FRAUD, INK, QUIET, ROOM, Plot, log_axis, render_svg
from linerisk.evaluation.random_audit import AuditMeasure

_ROW, _WIDTH = 40, 560
_SCHEMA = {"name": pl.String, "value": pl.Float64, "low": pl.Float64, "high": pl.Float64, "reference": pl.Float64}


def audit_plot(evaluation: Evaluation, audit: AuditMeasure) -> Plot:
    """Audited false positives per raised tier with the proven bounds, and fraud found with fraud predicted.

    Args:
        evaluation: Gives the proven bounds of the tiers.
        audit: Measured on the same model.
    """
    found = count_estimate(audit.fraud)
    panels = [_fraud_panel(audit, found)]
    if audit.false_positives:
        panels.insert(0, _false_positive_panel(evaluation, audit))
    title = f"Random audit of {audit.lines:,} lines"
    return Plot(
        "audit",
        "audit",
        title,
        "Top: share of legitimate audited lines at or above each tier. Dots are observed shares (no dot for a share of "
        "zero), bars are exact 95 % intervals (they start at zero if they touch the left edge), red ticks are the "
        "tier's proven bound. A bar entirely right of its tick breaks the bound; a bar across its tick has too few "
        "lines to decide. Bottom: fraud found with its exact interval, and fraud predicted (red tick). A tick outside "
        "the bar means that fraud is rarer or more common than the labels suggest.",
        render_svg(alt.vconcat(*panels, spacing=18), title=title),
        wide=True,
    )


def _false_positive_panel(evaluation: Evaluation, audit: AuditMeasure) -> alt.LayerChart:
    bounds = {row.tier: row.proven for row in evaluation.tiers if row.proven is not None}
    legitimate = audit.lines - audit.fraud
    ends = [e.low for e in audit.false_positives.values() if e.low > 0] + list(bounds.values())
    floor = min(ends) / 3
    top = max([e.high for e in audit.false_positives.values()] + list(bounds.values())) * 1.5
    rows = pl.DataFrame(
        [
            {
                "name": f"{tier} ({round(seen.value * legitimate)} of {legitimate:,})",
                "value": seen.value or None,
                "low": max(seen.low, floor),
                "high": seen.high,
                "reference": bounds.get(tier),
            }
            for tier, seen in audit.false_positives.items()
        ],
        schema=_SCHEMA,
    )
    scale = alt.Scale(type="log", domain=[floor, top], nice=False, clamp=True)
    x = alt.X("low:Q", title="share of legitimate audited lines (log)", scale=scale, axis=log_axis(floor, top))
    return _panel(rows, x)


def _fraud_panel(audit: AuditMeasure, found: Estimate) -> alt.LayerChart:
    rows = pl.DataFrame(
        [
            {
                "name": f"fraud ({audit.fraud} of {audit.lines:,})",
                "value": found.value,
                "low": found.low,
                "high": found.high,
                "reference": audit.predicted,
            }
        ],
        schema=_SCHEMA,
    )
    top = max(found.high, audit.predicted)
    x = alt.X(
        "low:Q",
        title="fraud among audited lines, found and predicted",
        scale=alt.Scale(domain=[0, top], nice=False, padding=ROOM),
        # Counts of lines are integers.
        axis=alt.Axis(format=",d", tickMinStep=1, tickCount=8),
    )
    return _panel(rows, x)


def _panel(rows: pl.DataFrame, x: alt.X) -> alt.LayerChart:
    y = alt.Y("name:N", sort=rows["name"].to_list(), title=None, axis=alt.Axis(labelLimit=260))
    base = alt.Chart(rows)
    bars = base.mark_rule(color=QUIET, strokeWidth=2).encode(x=x, x2="high:Q", y=y)
    dots = base.transform_filter("isValid(datum.value)").mark_point(filled=True, color=INK, size=70, opacity=1)
    ticks = base.transform_filter("isValid(datum.reference)").mark_tick(color=FRAUD, thickness=2.5, size=22)
    layers = (bars, dots.encode(x="value:Q", y=y), ticks.encode(x="reference:Q", y=y))
    return alt.layer(*layers).properties(width=_WIDTH, height=_ROW * rows.height)
