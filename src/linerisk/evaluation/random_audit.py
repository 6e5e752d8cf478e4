"""What a random audit says: the one measure that neither complaints nor our own decisions have chosen the lines for.

Lines that are suspended stop producing records and findings, and complaints choose loud lines; so prevalence, false
alarms and calibration measured on all labels lean. Audited lines were drawn by chance, so their shares do not.
"""

from __future__ import annotations

from dataclasses import dataclass

from linerisk.evaluation.metrics import Estimate, predicted_over_observed, share
from linerisk.model.risk_model import RiskModel
from linerisk.model.tiers import RAISED, Tier
from linerisk.training.examples import Examples

AUDIT = "random_audit"
FEWEST_LINES = 20
"""Audited lines below which shares are not told: without any fraud seen, 19 lines leave open up to 18 % of it."""


@dataclass(frozen=True, slots=True)
class AuditMeasure:
    """Measured on audited lines of the test slice.

    Attributes:
        lines: Lines audited about the observation window.
        fraud: Fraud found among them.
        prevalence: Share of fraud, exact interval.
        false_positives: Share of audited legitimate lines at or above each raised tier, exact interval; empty where all
            were fraud.
        predicted: Fraud predicted among them in all.
        predicted_over_observed: That over fraud found, exact Poisson interval; None where none was found.
    """

    lines: int
    fraud: int
    prevalence: Estimate
    false_positives: dict[Tier, Estimate]
    predicted: float
    predicted_over_observed: Estimate | None

    @property
    def too_few(self) -> bool:
        """Whether so few lines were audited that their shares are not worth a plot."""
        return self.lines < FEWEST_LINES

    def said(self) -> str:
        """The audit in one line."""
        if self.too_few:
            return (
                f"{self.lines:,} lines drawn by chance, {self.fraud} fraud: fewer than {FEWEST_LINES} audited lines "
                "say too little of false alarms or of how common fraud is "
                f"(anything from {self.prevalence.low:.0%} to {self.prevalence.high:.0%} would agree with them)"
            )
        alarms = ", ".join(f"{tier} at most {found.high:.2g}" for tier, found in self.false_positives.items())
        return (
            f"{self.lines:,} lines drawn by chance, {self.fraud} fraud: prevalence {self.prevalence:.4f}; "
            f"{self.predicted:.1f} predicted; false alarms with 97.5 % confidence: {alarms or 'no legitimate line'}"
        )

    def figures(self) -> dict[str, float]:
        """The plain numbers, by the names under which they are logged."""
        return {
            "audit_lines": float(self.lines),
            "audit_fraud": float(self.fraud),
            "audit_prevalence_low": self.prevalence.low,
            "audit_prevalence_high": self.prevalence.high,
            "audit_predicted": self.predicted,
            **{f"audit_fpr_{tier}_high": found.high for tier, found in self.false_positives.items()},
        }


def measure_audit(model: RiskModel, test: Examples) -> AuditMeasure | None:
    """Measure a model on the audited lines of the test slice; None where there is none.

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
        prevalence=share(fraud, len(audited)),
        false_positives={
            name: share(int((tier >= index).sum()), legitimate)
            for index, name in enumerate(RAISED, start=1)
            if legitimate
        },
        predicted=predicted,
        predicted_over_observed=predicted_over_observed(predicted, fraud),
    )
