"""An evaluation as tables and sentences for people: page and card say the same words."""

from __future__ import annotations

from linerisk.evaluation.evaluate import Evaluation
from linerisk.evaluation.metrics import Estimate, TierRow


def figure_rows(evaluation: Evaluation) -> tuple[tuple[str, ...], ...]:
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


def tier_table(evaluation: Evaluation) -> tuple[tuple[str, ...], ...]:
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


def bin_rows(evaluation: Evaluation) -> tuple[tuple[str, ...], ...]:
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
