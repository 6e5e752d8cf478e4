"""Measures on randomly audited lines, which are free of selection by complaints or by our own decisions.

Suspended lines stop producing records and findings, and complaints select conspicuous lines. Prevalence, false
positives and calibration measured on all labels are therefore biased; on a random sample they are not.
"""

from __future__ import annotations

from dataclasses import dataclass

from linerisk.evaluation.metrics import Estimate, predicted_over_observed, share_estimate
from linerisk.model.risk_model import RiskModel
from linerisk.model.tiers import RAISED, Tier
from linerisk.training.examples import Examples

AUDIT = "random_audit"
FEWEST_LINES = 20
"""Audited lines below which shares are not reported: 19 lines without fraud are compatible with up to 18 %."""


@dataclass(frozen=True, slots=True)
class AuditMeasure:
    """Measures on the audited lines of the test slice.

    Attributes:
        lines: Lines audited about the observation window.
        fraud: Fraud found among them.
        prevalence: Share of fraud, exact interval.
        false_positives: Share of audited legitimate lines at or above each raised tier, exact interval; empty where all
            were fraud.
        predicted: Total fraud predicted among them.
        predicted_over_observed: `predicted` over `fraud`, exact Poisson interval; None where no fraud was found.
    """

    lines: int
    fraud: int
    prevalence: Estimate
    false_positives: dict[Tier, Estimate]
    predicted: float
    predicted_over_observed: Estimate | None

    @property
    def too_few(self) -> bool:
        """Whether there are too few audited lines to report or plot their shares."""
        return self.lines < FEWEST_LINES

    def describe(self) -> str:
        """The audit in one line."""
        if self.too_few:
            return (
                f"{self.lines:,} randomly drawn lines, {self.fraud} fraud: fewer than {FEWEST_LINES} audited lines are "
                "too few to estimate false positives or prevalence "
                f"(the 95 % interval runs from {self.prevalence.low:.0%} to {self.prevalence.high:.0%})"
            )
        rates = ", ".join(f"{tier} at most {found.high:.2g}" for tier, found in self.false_positives.items())
        return (
            f"{self.lines:,} randomly drawn lines, {self.fraud} fraud: prevalence {self.prevalence:.4f}; "
            f"{self.predicted:.1f} fraud predicted; false-positive rates with 97.5 % confidence: "
            f"{rates or 'no legitimate line'}"
        )

    def figures(self) -> dict[str, float]:
        """The numbers by metric name, as logged to MLflow."""
        return {
            "audit_lines": float(self.lines),
            "audit_fraud": float(self.fraud),
            "audit_prevalence_low": self.prevalence.low,
            "audit_prevalence_high": self.prevalence.high,
            "audit_predicted": self.predicted,
            **{f"audit_fpr_{tier}_high": found.high for tier, found in self.false_positives.items()},
        }


def measure_audit(model: RiskModel, test: Examples) -> AuditMeasure | None:
    """Measure a model on the audited lines of the test slice; None without any.

    Args:
        model: The model.
        test: One row per line, with the source of each label.
    """
    if test.source is None or not (test.source == AUDIT).any():
        return None
    audited = test.take(test.source == AUDIT)
    fraud = int(audited.fraud.sum())
    legitimate = len(audited) - fraud
    margin = model.margin(audited.rows)
    tier = model.tier(margin)[~audited.fraud]
    predicted = float(model.probability(margin).sum())
    return AuditMeasure(
        lines=len(audited),
        fraud=fraud,
        prevalence=share_estimate(fraud, len(audited)),
        false_positives={
            name: share_estimate(int((tier >= index).sum()), legitimate)
            for index, name in enumerate(RAISED, start=1)
            if legitimate
        },
        predicted=predicted,
        predicted_over_observed=predicted_over_observed(predicted, fraud),
    )
