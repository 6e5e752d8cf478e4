"""Rolling evaluation: the same recipe trained at past instants on what was known then, tested on what followed.

References:
    Dawid (1984), "Statistical theory: the prequential approach", Journal of the Royal Statistical Society A 147(2).
"""

from __future__ import annotations

from dataclasses import dataclass

from linerisk.evaluation.metrics import (
    Estimate,
    average_precision,
    bootstrap,
    log_loss_skill,
    predicted_over_observed,
)
from linerisk.model.risk_model import RiskModel
from linerisk.training.examples import Examples


@dataclass(frozen=True, slots=True)
class RollingStep:
    """Result of one past training. A figure that could not be measured is None.

    Attributes:
        trained_at: Instant of training and scoring, UTC ISO 8601.
        outcomes_by: Instant by which outcomes are known, UTC ISO 8601.
        lines: Lines tested.
        fraud: Fraud among them.
        average_precision: Ranking.
        log_loss_skill: Against always predicting the prevalence.
        predicted_over_observed: Total fraud predicted over fraud observed.
        problem: Why nothing was measured; None if measured.
    """

    trained_at: str
    outcomes_by: str
    lines: int
    fraud: int
    average_precision: Estimate | None = None
    log_loss_skill: Estimate | None = None
    predicted_over_observed: Estimate | None = None
    problem: str | None = None

    def describe(self) -> str:
        """The step in one line."""
        if self.average_precision is None or self.log_loss_skill is None:
            return f"{self.lines:,} lines, {self.fraud} fraud: {self.problem}"
        ratio = "no fraud" if self.predicted_over_observed is None else f"{self.predicted_over_observed:.2f}"
        return (
            f"{self.lines:,} lines, {self.fraud} fraud: average precision {self.average_precision}, log-loss skill "
            f"{self.log_loss_skill}, predicted over observed {ratio}"
        )


@dataclass(frozen=True, slots=True)
class RollingEvaluation:
    """All steps, earliest first."""

    steps: tuple[RollingStep, ...]

    def figures(self) -> dict[str, float]:
        """Numbers per step and over steps by metric name, as logged to MLflow."""
        out: dict[str, float] = {"rolling_steps": float(len(self.steps))}
        for measure in ("average_precision", "log_loss_skill", "predicted_over_observed"):
            values = {step.trained_at[:10]: getattr(step, measure) for step in self.steps}
            found = {day: estimate.value for day, estimate in values.items() if estimate is not None}
            out |= {f"rolling_{measure}_{day}": value for day, value in found.items()}
            if found:
                out[f"rolling_{measure}_lowest"] = min(found.values())
                out[f"rolling_{measure}_mean"] = sum(found.values()) / len(found)
        return out

    def curves(self) -> list[dict[str, str | float]]:
        """Rows for a plot, one per step and measure: `trained_at`, `measure`, `value`, `low`, `high`."""
        return [
            {
                "trained_at": step.trained_at,
                "measure": measure,
                "value": estimate.value,
                "low": estimate.low,
                "high": estimate.high,
            }
            for step in self.steps
            for measure in ("average_precision", "log_loss_skill", "predicted_over_observed")
            if (estimate := getattr(step, measure)) is not None
        ]


def measure_step(model: RiskModel, test: Examples, *, trained_at: str, outcomes_by: str) -> RollingStep:
    """Measure a past model on the lines that it would have scored.

    Args:
        model: Trained on what was known at `trained_at`.
        test: Lines as of `trained_at`, none of them in training, with outcomes known by `outcomes_by`.
        trained_at: UTC ISO 8601.
        outcomes_by: UTC ISO 8601.
    """
    margin, fraud = model.margin(test.rows), test.fraud
    probability = model.probability(margin)
    return RollingStep(
        trained_at=trained_at,
        outcomes_by=outcomes_by,
        lines=len(test),
        fraud=int(fraud.sum()),
        average_precision=bootstrap(lambda rows: average_precision(margin[rows], fraud[rows]), fraud),
        log_loss_skill=bootstrap(lambda rows: log_loss_skill(probability[rows], fraud[rows]), fraud),
        predicted_over_observed=predicted_over_observed(float(probability.sum()), int(fraud.sum())),
    )
