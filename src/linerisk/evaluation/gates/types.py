"""What a gate answers, and where each stands: the one place of all limits that are not policy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from linerisk.evaluation.evaluate import Evaluation


class Outcome(StrEnum):
    """What a gate answers."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True, slots=True)
class GateLimits:
    """Where each gate stands.

    Attributes:
        least_fraud: Fraud lines in the test slice at least.
        least_legitimate: Legitimate lines in the test slice at least.
        least_rank_gain: Share of the way from prevalence to 1 that average precision must go, lower bound.
        calibration_low: Least ratio of predicted to observed fraud that the interval must reach.
        calibration_high: Highest such ratio.
        most_bin_odds: How many times the odds of fraud observed in a group of like probability the predicted ones may
            be, or the other way round, provably.
        most_shuffled_gain: Share of the way from prevalence to 1 that shuffled labels may go.
        most_leaves: Leaves of all trees at most, so that exact reasons stay affordable with every decision.
        least_of_archetype: Lines of each archetype at least.
        most_ordinary: Share of lines of an archetype in ordinary use that may be at or above `medium_high`.
        most_conspicuous: The same of an archetype that calls many strangers, and looks it.
        most_extreme: Share of any archetype that may be at `extremely_high`.
        most_gap: How many times the false-positive rate of all others a group's may be.
        most_gap_of_tenure: The same of a band of tenure: age is a declared cause, and lowers the risk by itself. Twenty
            times the promise of 1 in 1,000 is 1 in 50.
        least_agreement: Agreement of refits about the families named, beyond that of families drawn blindly, of 1.
        most_auc_alone: AUC that a column may have alone, lower bound.
        most_recall_alone: Share of fraud that a column may find alone at 1 in 1,000 legitimate lines, lower bound.
        most_lost_alone: AUC that a column may lose from training to test, between the nearer bounds.
        most_score_ratio: Time of a score at most, as a multiple of the trees' own prediction.
        ratio_asked_from_us: Below so many microseconds the bare trees' time is not asked: fixed costs rule there.
        most_score_us: Time of a score at most, microseconds.
        most_reasons_ratio: Time of reasons at most, as a multiple of the trees' own contributions.
        most_reasons_us: Time of reasons at most, microseconds.
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
    ratio_asked_from_us: float = 1_000.0
    most_score_us: float = 2_000.0
    most_reasons_ratio: float = 3.0
    most_reasons_us: float = 5_000.0


@dataclass(frozen=True, slots=True)
class GateResult:
    """One gate's answer."""

    code: str
    title: str
    outcome: Outcome
    limit: str
    finding: str


Answer = tuple[Outcome, str, str]
"""Outcome, limit, finding."""
Gate = tuple[str, str, Callable[[Evaluation, GateLimits], Answer]]
"""Code, title, and who answers."""


def answer(passed: bool, limit: str, finding: str) -> Answer:  # noqa: FBT001 - the verdict is the point
    """Passed or failed, with the limit and the finding."""
    return (Outcome.PASSED if passed else Outcome.FAILED), limit, finding
