"""G003: probabilities mean what they say, and say more than the prevalence does."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.optimize import brentq

from linerisk.evaluation.evaluate import Evaluation
from linerisk.evaluation.gates.gates import Outcome
from linerisk.evaluation.metrics import Estimate, share
from linerisk.evaluation.reliability_bands import Bin, bins_off
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


def test_g003_fails_on_a_model_that_is_right_in_all_and_says_much_but_is_wrong_in_some_groups(
    bench: Any, model: RiskModel, slices: Slices
) -> None:
    margin, calibration = model.margin(slices.test.rows), model.calibration

    def bolder(constant: float) -> BetaCalibration:
        return BetaCalibration(2.2 * calibration.a, 2.2 * calibration.b, constant)

    constant = brentq(lambda c: bolder(c).probability(margin).sum() - slices.test.fraud.sum(), -50, 50)
    found = bench.measure(replace(model, calibration=bolder(constant)), slices)
    assert found.predicted_over_observed.low < 1 < found.predicted_over_observed.high
    assert found.log_loss_skill.low > 0
    answer = bench.answer("G003", found)
    assert answer.outcome is Outcome.FAILED
    assert "groups off: predicted " in answer.finding


def group(predicted: float, fraud: int, lines: int) -> Bin:
    return Bin(predicted, share(fraud, lines), lines)


@pytest.mark.parametrize(
    ("seen", "off"),
    [
        (group(0.01, 100, 10_000), False),
        (group(0.01, 190, 10_000), False),
        (group(0.01, 300, 10_000), True),
        (group(0.01, 20, 10_000), True),
        (group(0.01, 0, 100), False),
        (group(0.0, 1, 100), True),
        (group(0.99, 9_700, 10_000), True),
        (group(1.0, 50, 50), False),
        (group(1.0, 49, 50), True),
        (group(float("nan"), 1, 100), True),
    ],
)
def test_a_group_is_off_if_its_odds_are_provably_more_than_twice_or_less_than_half(seen: Bin, *, off: bool) -> None:
    assert bool(bins_off([seen], most=2.0)) is off


def test_a_calibrated_model_has_a_group_off_as_seldom_as_it_says() -> None:
    rng = np.random.default_rng(0)
    rates = np.geomspace(1e-3, 0.6, 10)
    wrong = [
        bool(bins_off([group(rate, int(rng.binomial(400, rate)), 400) for rate in rates], most=1.0)) for _ in range(400)
    ]
    assert np.mean(wrong) <= 0.05
