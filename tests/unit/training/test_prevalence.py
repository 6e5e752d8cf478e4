"""Trained where fraud was frequent, used where it is rare: the odds move by one factor, ranks and tiers by none."""

from dataclasses import replace

import numpy as np
import pytest

from linerisk.errors import InputError
from linerisk.evaluation.metrics import predicted_over_observed
from linerisk.model.calibration_fit import fit_spline
from linerisk.model.risk_model import RiskModel
from linerisk.model.tiers import TierPromise
from linerisk.training.examples import Examples, Slices
from linerisk.training.fit import Recipe, fit_model
from linerisk.training.prevalence import at_prevalence, check_prevalence, thinned

RARE = 0.01


@pytest.fixture(scope="module")
def model(slices: Slices) -> RiskModel:
    return fit_model(slices, name="planted", recipe=Recipe(trees=80), promise=TierPromise())


@pytest.fixture(scope="module")
def rare(slices: Slices) -> Examples:
    return thinned(slices.test, RARE, seed=1)


def corrected(model: RiskModel, slices: Slices) -> RiskModel:
    return at_prevalence(model, fitted=slices.calibration.prevalence, operation=RARE)


def ratio(model: RiskModel, rows: Examples) -> tuple[float, float, float]:
    found = predicted_over_observed(float(model.probability(model.margin(rows.rows)).sum()), int(rows.fraud.sum()))
    assert found is not None
    return found.low, found.value, found.high


def test_without_the_correction_far_too_much_fraud_is_predicted(
    model: RiskModel, slices: Slices, rare: Examples
) -> None:
    assert slices.test.prevalence > 5 * RARE
    assert ratio(model, rare)[0] > 2


def test_with_the_correction_predicted_fraud_matches_observed_fraud(
    model: RiskModel, slices: Slices, rare: Examples
) -> None:
    low, value, high = ratio(corrected(model, slices), rare)
    assert low < 1 < high
    assert value == pytest.approx(1.0, abs=0.25)


def test_margins_ranks_and_cut_points_stay(model: RiskModel, slices: Slices, rare: Examples) -> None:
    after = corrected(model, slices)
    margin = model.margin(rare.rows)
    assert after.cuts == model.cuts
    assert (after.tier(margin) == model.tier(margin)).all()
    assert np.array_equal(np.argsort(after.probability(margin)), np.argsort(model.probability(margin)))


def test_bands_keep_their_lines_and_their_intervals_shift_with_the_probabilities(
    model: RiskModel, slices: Slices
) -> None:
    after = corrected(model, slices)
    for before, moved in zip(model.bands, after.bands, strict=True):
        assert (moved.from_margin, moved.rows, moved.fraud) == (before.from_margin, before.rows, before.fraud)
        assert moved.low <= before.low
        assert moved.high < before.high or before.high == 1.0


def test_the_record_has_both_prevalences(model: RiskModel, slices: Slices) -> None:
    record = corrected(model, slices).facts["prevalence"]
    assert record["fitted"] == slices.calibration.prevalence
    assert record["operation"] == RARE
    assert record["log_odds_shift"] < -1.5


@pytest.mark.parametrize("requested", [0.01, 0.5])
def test_thinning_removes_rows_of_the_excess_class_only(slices: Slices, requested: float) -> None:
    kept = thinned(slices.test, requested, seed=1)
    assert kept.prevalence == pytest.approx(requested, rel=0.01)
    rarer = kept.fraud.sum() if requested > slices.test.prevalence else (~kept.fraud).sum()
    assert rarer == (slices.test.fraud if requested > slices.test.prevalence else ~slices.test.fraud).sum()
    assert thinned(slices.test, requested, seed=1).line_key.tolist() == kept.line_key.tolist()


@pytest.mark.parametrize("wrong", [0.0, 1.0, -0.1, 5.0, float("nan")])
def test_a_prevalence_that_is_no_share_is_refused(wrong: float) -> None:
    with pytest.raises(InputError, match="not a prevalence"):
        check_prevalence(wrong)


def test_a_calibration_that_is_a_spline_is_corrected_too(model: RiskModel, slices: Slices, rare: Examples) -> None:
    margin = model.margin(slices.calibration.rows)
    spline = replace(model, calibration=fit_spline(margin, slices.calibration.fraud))
    low, _, high = ratio(corrected(spline, slices), rare)
    assert low < 1 < high
