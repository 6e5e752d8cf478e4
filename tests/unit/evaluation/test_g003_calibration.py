"""G003: probabilities mean what they say, and say more than the prevalence does."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.optimize import brentq

from linerisk.evaluation.evaluate import Evaluation
from linerisk.evaluation.gates import Outcome
from linerisk.evaluation.metrics import Estimate
from linerisk.model.calibration import BetaCalibration
from linerisk.model.risk_model import RiskModel
from linerisk.training.examples import Slices


def test_g003_passes_on_a_calibrated_model(bench: Any, evaluation: Evaluation) -> None:
    assert bench.answer("G003", evaluation).outcome is Outcome.PASSED


def test_g003_fails_on_a_model_calibrated_on_a_thinned_sample(bench: Any, slices: Slices) -> None:
    kept = slices.calibration.fraud | (np.random.default_rng(0).random(len(slices.calibration)) < 0.2)
    thinned = replace(slices, calibration=slices.calibration.take(kept))
    found = bench.measure(bench.fit(thinned), slices)
    assert found.predicted_over_observed.value > 2
    assert bench.answer("G003", found).outcome is Outcome.FAILED


def test_g003_fails_on_a_model_that_underrates(bench: Any, model: RiskModel, slices: Slices) -> None:
    calibration = model.calibration
    timid = replace(model, calibration=BetaCalibration(calibration.a, calibration.b, calibration.c - 1.0))
    assert bench.answer("G003", bench.measure(timid, slices)).outcome is Outcome.FAILED


def test_g003_fails_on_a_model_that_is_right_in_all_and_wrong_in_each(
    bench: Any, model: RiskModel, slices: Slices
) -> None:
    margin, steep = model.margin(slices.test.rows), 12.0

    def overdone(constant: float) -> BetaCalibration:
        return BetaCalibration(steep, steep, constant)

    constant = brentq(lambda c: overdone(c).probability(margin).sum() - slices.test.fraud.sum(), -50, 50)
    found = bench.measure(replace(model, calibration=overdone(constant)), slices)
    assert found.predicted_over_observed.low < 1 < found.predicted_over_observed.high
    assert found.log_loss_skill.low <= 0
    assert bench.answer("G003", found).outcome is Outcome.FAILED


@pytest.mark.parametrize(
    ("low", "high", "outcome"),
    [
        (0.7, 0.81, Outcome.PASSED),
        (0.7, 0.79, Outcome.FAILED),
        (1.24, 1.9, Outcome.PASSED),
        (1.26, 1.9, Outcome.FAILED),
    ],
)
def test_g003_asks_whether_the_interval_reaches_the_limits(
    bench: Any, evaluation: Evaluation, low: float, high: float, outcome: Outcome
) -> None:
    ratio = Estimate((low + high) / 2, low, high)
    assert bench.answer("G003", replace(evaluation, predicted_over_observed=ratio)).outcome is outcome
