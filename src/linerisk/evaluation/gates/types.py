"""Types of the promotion gates, and the one place for all gate limits that are not policy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from linerisk.evaluation.evaluate import Evaluation


class Outcome(StrEnum):
    """Result of one gate."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True, slots=True)
class GateLimits:
    """Limits of all gates. `least` is a minimum, `most` a maximum.

    Attributes:
        least_fraud: Fraud lines in the test slice.
        least_legitimate: Legitimate lines in the test slice.
        least_rank_gain: (average precision - prevalence) / (1 - prevalence), lower bound.
        calibration_low: Lowest ratio of predicted to observed fraud; the interval must reach it.
        calibration_high: Highest such ratio.
        most_bin_odds: Factor between predicted and observed odds of fraud in a reliability bin, in either direction;
            a bin fails only where the excess is proven.
        most_shuffled_gain: (average precision - prevalence) / (1 - prevalence) with shuffled labels.
        most_leaves: Leaves of all trees, so that exact reasons stay affordable for every decision.
        least_of_archetype: Lines per archetype.
        most_ordinary: Share of an ordinary archetype's lines at or above `medium_high`.
        most_conspicuous: The same share for an archetype that calls many strangers, as fraud does.
        most_extreme: Share of any archetype's lines at `extremely_high`.
        most_gap: False-positive rate of a group over that of all other lines.
        most_gap_of_tenure: The same ratio for a tenure band: age is a declared cause, and lowers the risk by itself.
            Twenty times the promise of 1 in 1,000 is 1 in 50.
        least_agreement: Agreement of refits on the strongest families, corrected for chance; 1 is full agreement.
        most_auc_alone: AUC of a single column, lower bound.
        most_recall_alone: Share of fraud that a single column finds at 1 in 1,000 legitimate lines, lower bound.
        most_lost_alone: AUC that a single column loses from training to test, between the nearer bounds.
        most_score_ratio: Time of a score over the time of the trees' own prediction.
        ratio_applies_from_us: Time in microseconds below which ratios are ignored, because fixed costs dominate.
        most_score_us: Time of a score, microseconds.
        most_reasons_ratio: Time of reasons over the time of the trees' own contributions.
        most_reasons_us: Time of reasons, microseconds.
    """

    least_fraud: int = 30
    least_legitimate: int = 500
    least_rank_gain: float = 0.2
    calibration_low: float = 0.8
    calibration_high: float = 1.25
    most_bin_odds: float = 2.0
    most_shuffled_gain: float = 0.15
    most_leaves: int = 250 * 31
    least_of_archetype: int = 100
    most_ordinary: float = 0.02
    most_conspicuous: float = 0.05
    most_extreme: float = 0.01
    most_gap: float = 3.0
    most_gap_of_tenure: float = 20.0
    least_agreement: float = 0.25
    most_auc_alone: float = 0.98
    most_recall_alone: float = 0.5
    most_lost_alone: float = 0.1
    most_score_ratio: float = 5.0
    ratio_applies_from_us: float = 1_000.0
    most_score_us: float = 2_000.0
    most_reasons_ratio: float = 3.0
    most_reasons_us: float = 5_000.0


@dataclass(frozen=True, slots=True)
class GateResult:
    """Result of one gate, with its limit and finding as text."""

    code: str
    title: str
    outcome: Outcome
    limit: str
    finding: str


Answer = tuple[Outcome, str, str]
"""Outcome, limit, finding."""
Gate = tuple[str, str, Callable[[Evaluation, GateLimits], Answer]]
"""Code, title, and the function that checks it."""


def answer(passed: bool, limit: str, finding: str) -> Answer:  # noqa: FBT001 - the verdict is the point
    """Build a passed or failed answer."""
    return (Outcome.PASSED if passed else Outcome.FAILED), limit, finding
