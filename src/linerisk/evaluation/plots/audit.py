"""What a random audit found, beside what was promised and predicted."""

from __future__ import annotations

import altair as alt
import polars as pl

from linerisk.evaluation.evaluate import Evaluation
from linerisk.evaluation.metrics import Estimate, count
from linerisk.evaluation.plots.style import FRAUD, INK, QUIET, ROOM, Plot, log_axis, svg_of
from linerisk.evaluation.random_audit import AuditMeasure

_ROW, _WIDTH = 40, 560
_SCHEMA = {"name": pl.String, "value": pl.Float64, "low": pl.Float64, "high": pl.Float64, "said": pl.Float64}


def audit_plot(evaluation: Evaluation, audit: AuditMeasure) -> Plot:
    """Legitimate audited lines per raised tier beside the promise, and fraud found beside fraud predicted.

    Args:
        evaluation: For what the tiers promise.
        audit: Measured of the same model.
    """
    found = count(audit.fraud)
    panels = [_fraud_panel(audit, found)]
    if audit.false_positives:
        panels.insert(0, _promise_panel(evaluation, audit))
    title = f"What a random audit of {audit.lines:,} lines says"
    return Plot(
        "audit",
        "audit",
        title,
        "Above, the share of legitimate audited lines at or above each tier: dots are what was seen (none where it was "
        "no line), bars exact 95 % intervals (from zero where they begin at the edge), red ticks what the tier "
        "promises. A bar wholly right of its tick is a broken promise; one that reaches across it has too few audited "
        "lines to tell. Below, fraud found with its exact interval, and fraud predicted (red tick): with the tick "
        "outside the bar, fraud is rarer or more common than the labels had it.",
        svg_of(alt.vconcat(*panels, spacing=18), title=title),
        wide=True,
    )


def _promise_panel(evaluation: Evaluation, audit: AuditMeasure) -> alt.LayerChart:
    promised = {row.tier: row.proven for row in evaluation.tiers if row.proven is not None}
    legitimate = audit.lines - audit.fraud
    ends = [e.low for e in audit.false_positives.values() if e.low > 0] + list(promised.values())
    floor = min(ends) / 3
    top = max([e.high for e in audit.false_positives.values()] + list(promised.values())) * 1.5
    rows = pl.DataFrame(
        [
            {
                "name": f"{tier} ({round(seen.value * legitimate)} of {legitimate:,})",
                "value": seen.value or None,
                "low": max(seen.low, floor),
                "high": seen.high,
                "said": promised.get(tier),
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
                "said": audit.predicted,
            }
        ],
        schema=_SCHEMA,
    )
    top = max(found.high, audit.predicted)
    x = alt.X(
        "low:Q",
        title="audited lines found and predicted to be fraud",
        scale=alt.Scale(domain=[0, top], nice=False, padding=ROOM),
        # Lines come whole.
        axis=alt.Axis(format=",d", tickMinStep=1, tickCount=8),
    )
    return _panel(rows, x)


def _panel(rows: pl.DataFrame, x: alt.X) -> alt.LayerChart:
    y = alt.Y("name:N", sort=rows["name"].to_list(), title=None, axis=alt.Axis(labelLimit=260))
    base = alt.Chart(rows)
    bars = base.mark_rule(color=QUIET, strokeWidth=2).encode(x=x, x2="high:Q", y=y)
    dots = base.transform_filter("isValid(datum.value)").mark_point(filled=True, color=INK, size=70, opacity=1)
    ticks = base.transform_filter("isValid(datum.said)").mark_tick(color=FRAUD, thickness=2.5, size=22)
    layers = (bars, dots.encode(x="value:Q", y=y), ticks.encode(x="said:Q", y=y))
    return alt.layer(*layers).properties(width=_WIDTH, height=_ROW * rows.height)
