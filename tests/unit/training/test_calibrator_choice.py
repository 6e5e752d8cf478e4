"""The calibration is chosen where it was not fitted, and beta stands unless the spline is better beyond chance."""

import numpy as np
import numpy.typing as npt
import pytest

from linerisk.errors import EvidenceError
from linerisk.model.calibration import BetaCalibration, Calibration, SplineCalibration
from linerisk.model.calibration_fit import fit_beta, fit_spline
from linerisk.training.calibrator_choice import FOLDS, choose_calibration, folds

BENT = SplineCalibration(knots=(-6.0, -3.0, -2.0, 0.0, 3.0), slopes=(1.5, 1.5, 0.05, 0.05, 2.0), c=-5.0)
STRAIGHT = BetaCalibration(1.1, 0.9, 0.2)


def drawn(planted: Calibration, rows: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    rng = np.random.default_rng(0)
    margin = rng.normal(-2, 2.5, rows)
    return margin, rng.random(rows) < planted.probability(margin)


def test_the_spline_is_chosen_where_the_true_curve_bends_twice() -> None:
    margin, fraud = drawn(BENT, 20_000)
    choice = choose_calibration(margin, fraud)
    assert choice.calibration == fit_spline(margin, fraud)
    assert choice.gain is not None
    assert choice.gain_se is not None
    assert choice.gain > choice.gain_se > 0


def test_beta_is_chosen_where_the_true_curve_is_beta() -> None:
    margin, fraud = drawn(STRAIGHT, 20_000)
    choice = choose_calibration(margin, fraud)
    assert choice.calibration == fit_beta(margin, fraud)
    assert choice.gain is not None
    assert choice.gain_se is not None
    assert choice.gain <= choice.gain_se


def test_with_few_frauds_beta_is_taken_without_a_comparison() -> None:
    margin = np.linspace(-5, 1, 1_000)
    choice = choose_calibration(margin, np.arange(1_000) >= 951)
    assert choice.calibration.kind == "beta"
    assert choice.gain is None
    assert choice.summary() == "beta: too few rows to compare"


def test_too_few_to_calibrate_at_all_are_refused() -> None:
    with pytest.raises(EvidenceError):
        choose_calibration(np.zeros(100), np.arange(100) < 9)


def test_every_fold_has_the_whole_scale_of_either_kind() -> None:
    margin, fraud = drawn(STRAIGHT, 1_000)
    fold = folds(margin, fraud)
    for kind in (fraud, ~fraud):
        counts = np.bincount(fold[kind], minlength=FOLDS)
        assert counts.max() - counts.min() <= 1
        means = [margin[kind & (fold == number)].mean() for number in range(FOLDS)]
        assert np.ptp(means) < 0.3


def test_the_record_has_both_losses_and_the_rule() -> None:
    record = choose_calibration(*drawn(BENT, 20_000)).describe()
    assert record["chosen"] == "spline"
    assert record["beta_log_loss"] - record["spline_log_loss"] == pytest.approx(record["gain"])
    assert "calibration slice" in record["rule"]
