"""Tables and sentences of an evaluation, shared by page, card, command line and registry."""

from __future__ import annotations

from collections.abc import Sequence

from linerisk.evaluation.evaluate import Evaluation
from linerisk.evaluation.gates.run import GateResult
from linerisk.evaluation.metrics import Estimate, TierRow
from linerisk.evaluation.rolling import RollingEvaluation

Table = tuple[tuple[str, ...], ...]
"""Rows of cells; the first row is the header."""


def figure_table(evaluation: Evaluation) -> Table:
    """Measures with intervals and meaning."""
    e = evaluation
    rows = [
        _figure(
            "average precision",
            e.average_precision,
            f"mean precision over all thresholds; random flagging gives {e.prevalence:.4f}",
        ),
        _figure("recall at FPR 1e-3", e.recall_at_fpr, "share of fraud found at 1 in 1,000 legitimate lines flagged"),
        _figure("log-loss skill", e.log_loss_skill, "gain over always predicting the prevalence; 0 is none, 1 perfect"),
        _figure("AUC", e.auc, "probability that a fraud line ranks above a legitimate one"),
        _figure(
            f"precision at capacity {e.capacity}",
            e.precision_at_capacity,
            "share of fraud among the lines that reviewers can look at in a day",
        ),
    ]
    if e.predicted_over_observed is not None:
        rows.append(
            _figure(
                "predicted over observed fraud",
                e.predicted_over_observed,
                "total fraud predicted over total fraud found; 1 is ideal",
                digits=2,
            )
        )
    rows.append(
        (
            "calibration error",
            f"{e.calibration_error:.4f}",
            "",
            "mean distance between predicted and observed rates over ten bins of equal size",
        )
    )
    return (("measure", "value", "95 % interval", "meaning"), *rows)


def tier_table(evaluation: Evaluation) -> Table:
    """Counts, rates, proven and requested bounds per tier."""
    head = (
        "tier",
        "from margin",
        "lines",
        "fraud",
        "fraud rate, exact 95 %",
        "legitimate at or above, observed",
        "proven bound",
        "requested bound",
        "legitimate lines missing",
    )
    return (head, *(_tier_cells(row) for row in evaluation.tiers))


def reliability_table(evaluation: Evaluation) -> Table:
    """Predicted and observed fraud rate per bin of similar probability."""
    return (
        ("predicted", "observed", "exact 95 %", "lines"),
        *(
            (
                f"{b.predicted:.2g}",
                f"{b.observed.value:.2g}",
                f"{b.observed.low:.2g} – {b.observed.high:.2g}",
                f"{b.lines:,}",
            )
            for b in evaluation.reliability
        ),
    )


def gate_table(gates: Sequence[GateResult]) -> Table:
    """Results of gates, without their limits."""
    return (
        ("gate", "requirement", "result", "finding"),
        *((g.code, g.title, str(g.outcome), g.finding) for g in gates),
    )


def rolling_table(rolling: RollingEvaluation) -> Table:
    """Results of past trainings, or why they could not be measured."""

    def cell(estimate: Estimate | None) -> str:
        return "" if estimate is None else f"{estimate:.3f}"

    return (
        ("trained at", "lines", "fraud", "average precision", "log-loss skill", "predicted / observed", "problem"),
        *(
            (
                step.trained_at[:10],
                f"{step.lines:,}",
                f"{step.fraud:,}",
                cell(step.average_precision),
                cell(step.log_loss_skill),
                cell(step.predicted_over_observed),
                step.problem or "",
            )
            for step in rolling.steps
        ),
    )


def as_markdown(table: Sequence[Sequence[str]]) -> str:
    """A table as Markdown, with cells escaped."""
    head, *rows = table
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(in_one_line(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


def in_one_line(text: str) -> str:
    """The text with every run of whitespace as one space."""
    return " ".join(text.split())


def evidence_sentences(evaluation: Evaluation) -> tuple[str, ...]:
    """Per raised tier: the proven bound, the requested bound, and the legitimate lines missing to prove it."""
    return tuple(_evidence(row) for row in evaluation.tiers if row.proven is not None and row.wished is not None)


def _figure(name: str, estimate: Estimate, meaning: str, *, digits: int = 3) -> tuple[str, ...]:
    return (
        name,
        f"{estimate.value:.{digits}f}",
        f"{estimate.low:.{digits}f} – {estimate.high:.{digits}f}",
        meaning,
    )


def _tier_cells(row: TierRow) -> tuple[str, ...]:
    rate, seen = row.fraud_rate, row.legitimate_at_or_above
    missing = ""
    if row.proven is not None and row.wished is not None:
        held = row.proven <= row.wished * (1 + 1e-6)
        missing = f"{row.missing:,}" if row.missing else "none" if held else "none; bound widened"
    return (
        str(row.tier),
        "" if row.from_margin is None else f"{row.from_margin:.3f}",
        f"{row.lines:,}",
        f"{row.fraud:,}",
        "no line" if rate is None else f"{100 * rate.value:.1f} % [{100 * rate.low:.1f}, {100 * rate.high:.1f}]",
        "" if seen is None else f"{seen.value:.1e}",
        "" if row.proven is None else f"{row.proven:.1e}",
        "" if row.wished is None else f"{row.wished:.0e}",
        missing,
    )


def _evidence(row: TierRow) -> str:
    if row.proven is None or row.wished is None:
        return f"{row.tier}: no bound."
    bound = f"{row.tier}: at most {row.proven:.2g} of legitimate lines at or above it, proven at 95 % confidence"
    if row.missing:
        return f"{bound}. To prove the requested {row.wished:g}, {row.missing:,} more legitimate lines are needed."
    if row.proven > row.wished * (1 + 1e-6):
        return f"{bound}. The requested {row.wished:g} was widened to separate the tier from the one above."
    return f"{bound}, as requested."
