"""Counterfactuals: families as usual, and the same line at another age."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from linerisk.explanation import at_ages, each_family_as_usual, families_that_lower_the_tier
from linerisk.features.catalogue import FEATURES
from linerisk.model.risk_model import FeatureColumn, RiskModel
from linerisk.model.tiers import CutPoint, Tier

Rows = npt.NDArray[np.float32]
Fit = Callable[..., RiskModel]
COLUMNS = (
    FeatureColumn("tenure_days", "tenure", 1_500.0),
    FeatureColumn("out_calls_count_7d", "activity", 10.0),
    FeatureColumn("distinct_devices_count_28d", "devices", None),
)


def cut(tier: Tier, margin: float) -> CutPoint:
    return CutPoint(tier, margin, wished=0.1, proven=0.1, legitimate=100, legitimate_above=5, missing=0)


@pytest.fixture(scope="module")
def rows() -> Rows:
    rng = np.random.default_rng(8)
    return np.floor(rng.exponential((900.0, 40.0, 3.0), (3_000, 3))).astype(np.float32)


@pytest.fixture(scope="module")
def model(rows: Rows, fit: Fit) -> RiskModel:
    """Age lowers the risk; calls and devices raise it."""
    plain = fit(rows, COLUMNS, weights=(-4.0, 5.0, 2.0))
    low, high = np.quantile(plain.margin(rows), [0.6, 0.9]).tolist()
    return replace(plain, cuts=(cut(Tier.MEDIUM_LOW, low), cut(Tier.MEDIUM_HIGH, high)))


@pytest.fixture(scope="module")
def raised(model: RiskModel, rows: Rows) -> Rows:
    """The line with the largest margin."""
    at = int(np.argmax(model.margin(rows)))
    return rows[at : at + 1]


def test_a_family_as_usual_changes_only_its_columns_to_typical_values(model: RiskModel, raised: Rows) -> None:
    by_family = {found.families: found for found in each_family_as_usual(model, raised)}
    assert list(by_family) == [("tenure",), ("activity",), ("devices",)]
    expected = raised.copy()
    expected[0, 1] = 10.0
    assert by_family["activity",].probability == model.probability(model.margin(expected))[0]
    missing = raised.copy()
    missing[0, 2] = np.nan
    assert by_family["devices",].probability == model.probability(model.margin(missing))[0]


def test_counterfactuals_do_not_change_the_row(model: RiskModel, raised: Rows) -> None:
    before = raised.copy()
    for counterfactual in (each_family_as_usual, families_that_lower_the_tier, at_ages):
        counterfactual(model, raised)
    np.testing.assert_array_equal(raised, before)


def test_a_family_set_that_lowers_the_tier_is_found(model: RiskModel, raised: Rows) -> None:
    found = families_that_lower_the_tier(model, raised)
    assert found is not None
    assert found.families
    changed = raised.copy()
    for at, column in enumerate(COLUMNS):
        if column.family in found.families:
            changed[0, at] = np.nan if column.typical is None else column.typical
    assert model.tier(model.margin(changed))[0] < model.tier(model.margin(raised))[0]


def test_the_lowest_tier_has_no_family_set_that_lowers_it(model: RiskModel, rows: Rows) -> None:
    at = int(np.argmin(model.margin(rows)))
    assert families_that_lower_the_tier(model, rows[at : at + 1]) is None


def test_another_age_shifts_tenure_and_days_to_burst_equally(fit: Fit) -> None:
    rng = np.random.default_rng(2)
    columns = (
        FeatureColumn("tenure_days", "tenure", 1_500.0),
        FeatureColumn("days_to_burst_28d", "tenure", None),
        FeatureColumn("out_calls_count_7d", "activity", 10.0),
    )
    rows = np.floor(rng.exponential((900.0, 400.0, 40.0), (3_000, 3))).astype(np.float32)
    model = fit(rows, columns, weights=(-4.0, -3.0, 3.0))
    curve = {each.tenure_days: each for each in at_ages(model, np.array([[26.0, 20.0, 90.0]], np.float32))}
    assert [age for age, each in curve.items() if each.own] == [26]
    older = np.array([[3_650.0, 3_644.0, 90.0]], np.float32)
    assert curve[3_650].probability == model.probability(model.margin(older))[0]
    younger = np.array([[7.0, 1.0, 90.0]], np.float32)
    assert curve[7].probability == model.probability(model.margin(younger))[0]


def test_the_age_curve_is_sorted_and_marks_the_own_age(model: RiskModel, raised: Rows) -> None:
    curve = at_ages(model, raised)
    assert [each.tenure_days for each in curve] == sorted(each.tenure_days for each in curve)
    [own] = [each for each in curve if each.own]
    assert own.tenure_days == int(raised[0, 0])
    assert own.probability == model.probability(model.margin(raised))[0]


def test_a_line_of_unknown_age_has_no_age_curve(model: RiskModel, raised: Rows) -> None:
    unknown = raised.copy()
    unknown[0, 0] = np.nan
    assert at_ages(model, unknown) == ()


def test_a_model_without_age_has_no_age_curve(rows: Rows, fit: Fit) -> None:
    assert at_ages(fit(rows[:, 1:], COLUMNS[1:]), rows[:1, 1:]) == ()


def test_the_columns_that_depend_on_age_are_in_the_catalogue() -> None:
    names = {feature.name for feature in FEATURES}
    assert {"tenure_days", "days_to_burst_28d"} <= names
