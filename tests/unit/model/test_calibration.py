"""Beta calibration recovers planted truth and never changes an order."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linerisk.errors import EvidenceError
from linerisk.model.calibration import BetaCalibration, fit_beta, sigmoid


def test_recovers_planted_parameters() -> None:
    rng = np.random.default_rng(0)
    margin = rng.normal(-4, 2.5, 200_000)
    planted = BetaCalibration(a=0.7, b=1.3, c=0.4)
    fraud = rng.random(len(margin)) < planted.probability(margin)
    found = fit_beta(margin, fraud)
    grid = np.linspace(-8, 2, 21)
    assert np.abs(found.log_odds(grid) - planted.log_odds(grid)).max() < 0.12


@given(st.floats(1e-3, 5), st.floats(1e-3, 5), st.floats(-5, 5), st.lists(st.floats(-30, 30), min_size=2, max_size=20))
def test_never_changes_an_order(a: float, b: float, c: float, margins: list[float]) -> None:
    ordered = np.sort(np.array(margins))
    assert (np.diff(BetaCalibration(a, b, c).log_odds(ordered)) >= 0).all()


def test_probability_is_the_sigmoid_of_the_log_odds() -> None:
    calibration = BetaCalibration(1.0, 1.0, 0.0)
    margin = np.array([-800.0, -3.0, 0.0, 3.0, 800.0])
    assert calibration.probability(margin) == pytest.approx(sigmoid(margin))


def test_too_few_frauds_are_refused() -> None:
    with pytest.raises(EvidenceError, match="at least 10 fraud"):
        fit_beta(np.zeros(100), np.arange(100) < 5)
