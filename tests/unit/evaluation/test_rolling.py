"""Past trainings as metrics and plot rows; a step that could not be measured gives no number."""

import pytest

from linerisk.evaluation.metrics import Estimate
from linerisk.evaluation.rolling import RollingEvaluation, RollingStep, measure_step
from linerisk.model.risk_model import RiskModel
from linerisk.training.examples import Slices

MAY, JUNE, JULY = "2024-05-03T00:00:00Z", "2024-06-01T00:00:00Z", "2024-06-28T00:00:00Z"


def step(trained_at: str, average_precision: float) -> RollingStep:
    return RollingStep(
        trained_at=trained_at,
        outcomes_by=JULY,
        lines=1_000,
        fraud=20,
        average_precision=Estimate(average_precision, 0.1, 0.9),
        log_loss_skill=Estimate(0.4, 0.3, 0.5),
    )


@pytest.fixture
def rolling() -> RollingEvaluation:
    failed = RollingStep(MAY, JULY, lines=1_000, fraud=3, problem="the test slice is too small")
    return RollingEvaluation((failed, step(JUNE, 0.5), step(JULY, 0.7)))


def test_rolling_figures_are_named_by_day_with_lowest_and_mean(rolling: RollingEvaluation) -> None:
    figures = rolling.figures()
    assert figures["rolling_steps"] == 3
    assert figures["rolling_average_precision_2024-06-01"] == 0.5
    assert figures["rolling_average_precision_lowest"] == 0.5
    assert figures["rolling_average_precision_mean"] == pytest.approx(0.6)
    assert not [name for name in figures if "2024-05" in name or "predicted_over_observed" in name]


def test_curves_have_a_row_per_step_and_measure(rolling: RollingEvaluation) -> None:
    rows = rolling.curves()
    assert [(row["trained_at"], row["measure"]) for row in rows] == [
        (instant, measure) for instant in (JUNE, JULY) for measure in ("average_precision", "log_loss_skill")
    ]
    assert {key: rows[0][key] for key in ("value", "low", "high")} == {"value": 0.5, "low": 0.1, "high": 0.9}


def test_a_failed_step_describes_its_problem(rolling: RollingEvaluation) -> None:
    assert rolling.steps[0].describe() == "1,000 lines, 3 fraud: the test slice is too small"
    assert rolling.steps[1].describe().startswith("1,000 lines, 20 fraud: average precision 0.500 [0.100, 0.900]")


def test_a_step_is_measured_on_its_test_lines(model: RiskModel, slices: Slices) -> None:
    measured = measure_step(model, slices.test, trained_at=JUNE, outcomes_by=JULY)
    assert (measured.lines, measured.fraud) == (len(slices.test), slices.test.fraud.sum())
    assert measured.average_precision is not None
    assert measured.average_precision.low < measured.average_precision.value < measured.average_precision.high
    assert measured.predicted_over_observed is not None
    assert measured.predicted_over_observed.low < 1 < measured.predicted_over_observed.high
