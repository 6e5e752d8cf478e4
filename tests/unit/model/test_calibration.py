"""Both calibrations recover planted truth, never change an order, and are read back as they were written."""

import json

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linerisk.errors import ArtefactError, EvidenceError
from linerisk.model.calibration import (
    BetaCalibration,
    Calibration,
    SplineCalibration,
    as_plain,
    from_plain,
    logit,
    prevalence_shift,
    sigmoid,
)
from linerisk.model.calibration_fit import fit_beta, fit_spline

SPLINE = SplineCalibration(knots=(-4.0, 0.0, 2.0), slopes=(0.5, 1.5, 0.1), c=-3.0)
slopes, margins = st.floats(1e-3, 5), st.lists(st.floats(-30, 30), min_size=2, max_size=20)


def drawn(planted: Calibration, rows: int, seed: int = 0) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Margins, and outcomes that the planted calibration gives them."""
    rng = np.random.default_rng(seed)
    margin = rng.normal(-3, 2.5, rows)
    return margin, rng.random(rows) < planted.probability(margin)


def test_beta_recovers_planted_parameters() -> None:
    planted = BetaCalibration(a=0.7, b=1.3, c=0.4)
    found = fit_beta(*drawn(planted, 200_000))
    grid = np.linspace(-8, 2, 21)
    assert np.abs(found.log_odds(grid) - planted.log_odds(grid)).max() < 0.12


def test_a_spline_recovers_a_planted_bend_that_beta_cannot_have() -> None:
    planted = SplineCalibration(knots=(-6.0, -3.0, -2.0, 0.0, 3.0), slopes=(1.5, 1.5, 0.1, 0.1, 2.0), c=-5.0)
    margin, fraud = drawn(planted, 200_000)
    grid = np.linspace(-6, 2, 17)

    def furthest(found: Calibration) -> float:
        return float(np.abs(found.log_odds(grid) - planted.log_odds(grid)).max())

    assert furthest(fit_spline(margin, fraud)) < 0.4
    assert furthest(fit_beta(margin, fraud)) > 0.6


def test_a_spline_is_the_integral_of_its_slope() -> None:
    # From -4 to 0 the slope rises from 0.5 to 1.5, from 0 to 2 it falls to 0.1; outside it stays 0.5 and 0.1.
    at = np.array([-6.0, -4.0, 0.0, 2.0, 12.0])
    assert SPLINE.log_odds(at).tolist() == pytest.approx([-4.0, -3.0, 1.0, 2.6, 3.6])
    assert SPLINE.slope(at).tolist() == pytest.approx([0.5, 0.5, 1.5, 0.1, 0.1])


@pytest.mark.parametrize("calibration", [SPLINE, BetaCalibration(0.7, 1.3, 0.4)], ids=["spline", "beta"])
def test_the_slope_is_that_of_the_log_odds(calibration: Calibration) -> None:
    at = np.linspace(-5, 3, 33) + 0.01
    rise = calibration.log_odds(at + 1e-6) - calibration.log_odds(at - 1e-6)
    assert calibration.slope(at) == pytest.approx(rise / 2e-6, rel=1e-6)


@given(slopes, slopes, st.floats(-5, 5), margins)
def test_beta_never_changes_an_order(a: float, b: float, c: float, some: list[float]) -> None:
    assert (np.diff(BetaCalibration(a, b, c).log_odds(np.sort(some))) >= 0).all()


@given(st.tuples(slopes, slopes, slopes), margins)
def test_a_spline_keeps_the_order_and_ties_only_margins_equal_in_float_precision(
    slope: tuple[float, float, float], some: list[float]
) -> None:
    ordered = np.sort(some)
    rise = np.diff(SplineCalibration((-4.0, 0.0, 2.0), slope, -3.0).log_odds(ordered))
    assert (rise >= -1e-12).all()
    assert (rise[np.diff(ordered) > 1e-6] > 0).all()


def test_no_fit_has_a_slope_of_zero_even_where_ranks_are_upside_down() -> None:
    margin = np.linspace(-3, 3, 1_000)
    upside_down = margin < 0
    spline, beta = fit_spline(margin, upside_down), fit_beta(margin, upside_down)
    assert min(*spline.slopes, beta.a, beta.b) >= 1e-3


def test_a_spline_of_equal_margins_predicts_the_prevalence() -> None:
    found = fit_spline(np.full(100, -2.0), np.arange(100) < 25)
    assert float(found.probability(np.array(-2.0))) == pytest.approx(0.25, abs=1e-3)


def test_a_row_is_calibrated_with_the_same_bits_alone_and_among_others() -> None:
    some = np.random.default_rng(0).normal(size=1_000)
    assert [float(SPLINE.log_odds(one)) for one in some] == SPLINE.log_odds(some).tolist()


def test_probability_is_the_sigmoid_of_the_log_odds() -> None:
    margin = np.array([-800.0, -3.0, 0.0, 3.0, 800.0])
    assert BetaCalibration(1.0, 1.0, 0.0).probability(margin) == pytest.approx(sigmoid(margin))
    assert SPLINE.probability(margin) == pytest.approx(sigmoid(SPLINE.log_odds(margin)))


@pytest.mark.parametrize("fit", [fit_beta, fit_spline])
def test_too_few_frauds_are_refused(fit: object) -> None:
    assert callable(fit)
    with pytest.raises(EvidenceError, match="at least 10 fraud"):
        fit(np.zeros(100), np.arange(100) < 5)


@pytest.mark.parametrize("fit", [fit_beta, fit_spline])
def test_a_weight_of_two_counts_a_row_twice(fit: object) -> None:
    assert callable(fit)
    margin, fraud = drawn(SPLINE, 4_000)
    twice = fit(margin, fraud, np.where(fraud, 2.0, 1.0))
    repeated = fit(np.append(margin, margin[fraud]), np.append(fraud, fraud[fraud]))
    assert twice.log_odds(np.array([-2.0, 0.0])) == pytest.approx(repeated.log_odds(np.array([-2.0, 0.0])), abs=0.02)


# As JSON -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("calibration", [SPLINE, BetaCalibration(0.7, 1.3, 0.4)], ids=["spline", "beta"])
def test_what_is_read_back_is_what_was_written(calibration: Calibration) -> None:
    assert from_plain(json.loads(json.dumps(as_plain(calibration)))) == calibration


def test_parameters_without_a_kind_are_read_as_beta() -> None:
    assert from_plain({"a": 1.0, "b": 2.0, "c": 3.0}) == BetaCalibration(1.0, 2.0, 3.0)


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ArtefactError, match="isotonic"):
        from_plain({"kind": "isotonic"})


# Another prevalence --------------------------------------------------------------------------------------------------


def test_a_shift_carries_the_mean_from_one_prevalence_to_another() -> None:
    margin, fraud = drawn(BetaCalibration(1.0, 1.0, 0.0), 200_000)
    kept = ~fraud | (np.random.default_rng(1).random(len(fraud)) < 0.1)
    calibration = fit_beta(margin, fraud)
    rare = float(fraud[kept].mean())
    shifted = calibration.shifted(prevalence_shift(fitted=float(fraud.mean()), operation=rare))
    assert float(calibration.probability(margin[kept]).mean()) > 3 * rare
    assert float(shifted.probability(margin[kept]).mean()) == pytest.approx(rare, rel=0.05)


@pytest.mark.parametrize("calibration", [SPLINE, BetaCalibration(0.7, 1.3, 0.4)], ids=["spline", "beta"])
def test_a_shift_adds_the_same_amount_to_all_log_odds(calibration: Calibration) -> None:
    at = np.linspace(-9, 9, 7)
    assert calibration.shifted(-1.5).log_odds(at) == pytest.approx(calibration.log_odds(at) - 1.5)
    assert logit(0.5) == 0.0
