"""An evaluation as tables and sentences for people: page, card, command and registry say the same words."""

from __future__ import annotations

from collections.abc import Sequence

from linerisk.evaluation.evaluate import Evaluation
from linerisk.evaluation.gates.gates import GateResult
from linerisk.evaluation.metrics import Estimate, TierRow
from linerisk.evaluation.rolling import RollingEvaluation

Table = tuple[tuple[str, ...], ...]
"""Rows of cells; the first is the head."""


def figure_rows(evaluation: Evaluation) -> Table:
    """Measures with their intervals and what they say; the first row is the head."""
    e = evaluation
    rows = [
        _figure(
            "average precision",
            e.average_precision,
            f"mean share of fraud among flagged lines over all thresholds; flagging at random gives {e.prevalence:.4f}",
        ),
        _figure("recall at FPR 1e-3", e.recall_at_fpr, "fraud found while flagging one legitimate line in a thousand"),
        _figure("log-loss skill", e.log_loss_skill, "gain over always saying the prevalence; 0 is none, 1 is all"),
        _figure("AUC", e.auc, "chance that a fraud line ranks above a legitimate one"),
        _figure(
            f"precision at capacity {e.capacity}",
            e.precision_at_capacity,
            "fraud among the lines that reviewers can look at in a day",
        ),
    ]
    if e.predicted_over_observed is not None:
        rows.append(
            _figure(
                "predicted over observed fraud",
                e.predicted_over_observed,
                "fraud predicted in all over fraud found in all; 1 is right",
                digits=2,
            )
        )
    rows.append(
        (
            "calibration error",
            f"{e.calibration_error:.4f}",
            "",
            "mean distance of predicted and observed rates over ten bins of equally many lines",
        )
    )
    return (("measure", "value", "95 % interval", "what it says"), *rows)


def tier_table(evaluation: Evaluation) -> Table:
    """What was seen, proven and wished for per tier; the first row is the head."""
    head = (
        "tier",
        "from margin",
        "lines",
        "fraud",
        "fraud rate, exact 95 %",
        "legitimate at or above, seen",
        "proven bound",
        "wished",
        "legitimate lines missing",
    )
    return (head, *(_tier_cells(row) for row in evaluation.tiers))


def bin_rows(evaluation: Evaluation) -> Table:
    """Predicted and observed fraud per group of like probability; the first row is the head."""
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
    """What each gate answered, without its limit; the first row is the head."""
    return (("gate", "what", "answer", "finding"), *((g.code, g.title, str(g.outcome), g.finding) for g in gates))


def rolling_table(rolling: RollingEvaluation) -> Table:
    """Past trainings and what came of them, or why nothing did; the first row is the head."""

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
    """A table as Markdown; words from outside do not break it.

    Args:
        table: The first row is the head.
    """
    head, *rows = table
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(in_one_line(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


def in_one_line(text: str) -> str:
    """Words with single blanks between them."""
    return " ".join(text.split())


def evidence_sentences(evaluation: Evaluation) -> tuple[str, ...]:
    """What could be proven of each raised tier, what not, and how many legitimate lines are missing."""
    return tuple(_evidence(row) for row in evaluation.tiers if row.proven is not None and row.wished is not None)


def _figure(name: str, estimate: Estimate, what: str, *, digits: int = 3) -> tuple[str, ...]:
    return (
        name,
        f"{estimate.value:.{digits}f}",
        f"{estimate.low:.{digits}f} – {estimate.high:.{digits}f}",
        what,
    )


def _tier_cells(row: TierRow) -> tuple[str, ...]:
    rate, seen = row.fraud_rate, row.legitimate_at_or_above
    missing = ""
    if row.proven is not None and row.wished is not None:
        held = row.proven <= row.wished * (1 + 1e-6)
        missing = f"{row.missing:,}" if row.missing else "none" if held else "none; ladder widened"
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
    promised = f"{row.tier}: at most {row.proven:.2g} of legitimate lines at or above it, proven at 95 % confidence"
    if row.missing:
        return f"{promised}. The wish was {row.wished:g}; {row.missing:,} more legitimate lines are needed to prove it."
    if row.proven > row.wished * (1 + 1e-6):
        return f"{promised}. The wish of {row.wished:g} was widened so that the tier stands clear of the one above."
    return f"{promised}, as wished."
