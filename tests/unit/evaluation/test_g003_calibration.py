"""G003: probabilities are calibrated and better than the prevalence alone."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.optimize import brentq

from linerisk.evaluation.evaluate import Evaluation
from linerisk.evaluation.gates.run import Outcome
from linerisk.evaluation.metrics import Estimate, share_estimate
from linerisk.evaluation.reliability_bands import ReliabilityBin, miscalibrated_bins
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


def test_g003_fails_on_a_model_that_predicts_too_little_fraud(bench: Any, model: RiskModel, slices: Slices) -> None:
    calibration = model.calibration
    low = replace(model, calibration=BetaCalibration(calibration.a, calibration.b, calibration.c - 1.0))
    assert bench.answer("G003", bench.measure(low, slices)).outcome is Outcome.FAILED


def test_g003_fails_without_skill_although_the_total_is_right(bench: Any, model: RiskModel, slices: Slices) -> None:
    margin, steep = model.margin(slices.test.rows), 12.0

    def overconfident(constant: float) -> BetaCalibration:
        return BetaCalibration(steep, steep, constant)

    constant = brentq(lambda c: overconfident(c).probability(margin).sum() - slices.test.fraud.sum(), -50, 50)
    found = bench.measure(replace(model, calibration=overconfident(constant)), slices)
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
def test_g003_passes_where_the_interval_overlaps_the_limits(
    bench: Any, evaluation: Evaluation, low: float, high: float, outcome: Outcome
) -> None:
    ratio = Estimate((low + high) / 2, low, high)
    assert bench.answer("G003", replace(evaluation, predicted_over_observed=ratio)).outcome is outcome


def test_g003_fails_on_miscalibrated_bins_although_total_and_skill_are_right(
    bench: Any, model: RiskModel, slices: Slices
) -> None:
    margin, calibration = model.margin(slices.test.rows), model.calibration

    def steeper(constant: float) -> BetaCalibration:
        return BetaCalibration(2.2 * calibration.a, 2.2 * calibration.b, constant)

    constant = brentq(lambda c: steeper(c).probability(margin).sum() - slices.test.fraud.sum(), -50, 50)
    found = bench.measure(replace(model, calibration=steeper(constant)), slices)
    assert found.predicted_over_observed.low < 1 < found.predicted_over_observed.high
    assert found.log_loss_skill.low > 0
    answer = bench.answer("G003", found)
    assert answer.outcome is Outcome.FAILED
    assert "bins off: predicted " in answer.finding


def reliability_bin(predicted: float, fraud: int, lines: int) -> ReliabilityBin:
    return ReliabilityBin(predicted, share_estimate(fraud, lines), lines)


@pytest.mark.parametrize(
    ("seen", "off"),
    [
        (reliability_bin(0.01, 100, 10_000), False),
        (reliability_bin(0.01, 190, 10_000), False),
        (reliability_bin(0.01, 300, 10_000), True),
        (reliability_bin(0.01, 20, 10_000), True),
        (reliability_bin(0.01, 0, 100), False),
        (reliability_bin(0.0, 1, 100), True),
        (reliability_bin(0.99, 9_700, 10_000), True),
        (reliability_bin(1.0, 50, 50), False),
        (reliability_bin(1.0, 49, 50), True),
        (reliability_bin(float("nan"), 1, 100), True),
    ],
)
def test_a_bin_is_miscalibrated_if_its_odds_are_provably_off_by_a_factor_of_two(
    seen: ReliabilityBin, *, off: bool
) -> None:
    assert bool(miscalibrated_bins([seen], max_odds_ratio=2.0)) is off


def test_a_calibrated_model_rarely_has_a_miscalibrated_bin() -> None:
    rng = np.random.default_rng(0)
    rates = np.geomspace(1e-3, 0.6, 10)
    wrong = []
    for _ in range(400):
        bins = [reliability_bin(rate, int(rng.binomial(400, rate)), 400) for rate in rates]
        wrong.append(bool(miscalibrated_bins(bins, max_odds_ratio=1.0)))
    assert np.mean(wrong) <= 0.05
