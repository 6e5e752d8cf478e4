"""Contributions sum to the calibrated log-odds over the whole scale, and are equal for single rows and batches."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from linerisk.explanation import Wording, contributions, explain, feature_contributions
from linerisk.explanation.contributions import mean_slope
from linerisk.features.catalogue import FEATURES
from linerisk.model.calibration import BetaCalibration, Calibration, SplineCalibration
from linerisk.model.risk_model import RiskModel

Rows = npt.NDArray[np.float32]
anything = st.one_of(st.just(np.float32(np.nan)), st.floats(-1e6, 1e6, width=32), st.integers(0, 400).map(np.float32))
slopes, constants = st.floats(1e-3, 20), st.floats(-30, 30)
knots = st.lists(st.integers(-900, 900), min_size=3, max_size=3, unique=True).map(
    lambda k: tuple(x / 100 for x in sorted(k))
)
calibrations = st.one_of(
    st.builds(BetaCalibration, slopes, slopes, constants),
    st.builds(SplineCalibration, knots, st.tuples(slopes, slopes, slopes), constants),
)


@settings(deadline=None, max_examples=60)
@given(rows=arrays(np.float32, (3, len(FEATURES)), elements=anything), calibration=calibrations)
def test_base_calibration_and_contributions_sum_to_the_calibrated_log_odds(
    model: RiskModel, wording: Wording, rows: Rows, calibration: Calibration
) -> None:
    model = replace(model, calibration=calibration)
    log_odds = calibration.log_odds(model.margin(rows))
    for explanation, expected in zip(explain(model, rows, wording), log_odds, strict=True):
        total = explanation.base + explanation.calibration + sum(explanation.contributions.values())
        assert total == pytest.approx(expected, abs=1e-9, rel=0)


def test_features_sum_to_their_family(model: RiskModel, lines: Rows) -> None:
    parts, by_feature = contributions(model, lines[:50]), feature_contributions(model, lines[:50])
    for k, family in enumerate(model.families):
        own = [i for i, column in enumerate(model.columns) if column.family == family]
        assert by_feature[:, own].sum(axis=1) == pytest.approx(parts.by_family[:, k], abs=1e-12)


@pytest.mark.parametrize("margin", [-745.0, -40.0, 0.0, 40.0, 745.0])
@pytest.mark.parametrize("base", [-9.0, 0.0, 3.0])
def test_mean_slope_times_distance_is_the_rise_of_the_calibration(base: float, margin: float) -> None:
    calibration = BetaCalibration(0.6, 1.7, -0.8)
    slope = mean_slope(calibration, base, np.array([margin]))
    rise = float(calibration.log_odds(np.array(margin)) - calibration.log_odds(np.array(base)))
    assert float(slope[0]) * (margin - base) == pytest.approx(rise, abs=1e-9)
    assert 0.6 - 1e-9 <= float(slope[0]) <= 1.7 + 1e-9


@pytest.mark.parametrize("base", [-9.0, -1.0, 0.4999999, 0.5, 3.0])
@pytest.mark.parametrize("distance", [-700.0, -2.0, -1e-6, -1e-9, 0.0, 1e-9, 9.9e-7, 1.1e-6, 0.3, 700.0])
def test_the_mean_slope_is_exact_across_the_knots_of_a_spline(base: float, distance: float) -> None:
    calibration = SplineCalibration(knots=(-1.0, 0.5, 0.51), slopes=(0.2, 3.0, 0.4), c=-2.0)
    slope = mean_slope(calibration, base, np.array([base + distance]))
    rise = float(calibration.log_odds(np.array(base + distance)) - calibration.log_odds(np.array(base)))
    assert float(slope[0]) * (base + distance - base) == pytest.approx(rise, abs=1e-9)
    assert 0.2 - 1e-6 <= float(slope[0]) <= 3.0 + 1e-6


@pytest.mark.parametrize("distance", [0.0, 1e-300, 1e-12, 9.9e-5, 1.01e-4, -1e-8])
def test_near_the_base_the_mean_slope_is_the_slope_of_the_calibration(distance: float) -> None:
    calibration = BetaCalibration(0.6, 1.7, -0.8)
    slope = mean_slope(calibration, 0.0, np.array([distance]))
    # d/dm at 0: (a + b) / 2
    assert float(slope[0]) == pytest.approx(1.15, abs=1e-4)


def test_a_linear_calibration_scales_every_contribution_equally(model: RiskModel, lines: Rows) -> None:
    identity = contributions(replace(model, calibration=BetaCalibration(1.0, 1.0, 0.0)), lines[:20])
    doubled = contributions(replace(model, calibration=BetaCalibration(2.0, 2.0, 0.5)), lines[:20])
    assert doubled.by_family == pytest.approx(2 * identity.by_family, abs=1e-12)
    assert doubled.calibration == pytest.approx(identity.base + 0.5)


def test_a_single_row_and_a_batch_give_identical_explanations(model: RiskModel, lines: Rows, wording: Wording) -> None:
    batch = explain(model, lines[:100], wording)
    assert [explain(model, lines[i : i + 1], wording)[0] for i in range(100)] == batch


def test_no_rows_give_no_explanations(model: RiskModel, lines: Rows, wording: Wording) -> None:
    assert explain(model, lines[:0], wording) == []
