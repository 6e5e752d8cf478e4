"""Older lines never get a higher tier, though the data say that age is risky; without the constraint they do."""

from typing import Any

import numpy as np
import pytest

from linerisk.evaluation.evaluate import tenure_check
from linerisk.features.catalogue import BY_NAME
from linerisk.model.calibration import sigmoid
from linerisk.model.risk_model import FeatureColumn, RiskModel
from linerisk.model.tiers import TierPromise
from linerisk.training.examples import Examples, Slices
from linerisk.training.fit import Recipe, fit_model

AGEING = ("tenure_days", "number_age_days")
NAMES = (*AGEING, "out_calls_count_7d", "one_shot_callee_share_7d", "distinct_devices_count_28d")
LINES = 10_000
PROMISE = TierPromise(alpha=(0.1, 0.03, 0.01))
RECIPE = {"trees": 60, "depth": 5, "learning_rate": 0.1}


class Unconstrained(Recipe):
    """The same recipe without the catalogue's directions."""

    def lightgbm(self, columns: tuple[str, ...]) -> dict[str, Any]:
        chosen = Recipe.lightgbm(self, columns)
        return {name: value for name, value in chosen.items() if not name.startswith("monotone")}


def lines(count: int, seed: int) -> Examples:
    """Old lines are planted as the risky ones, and calls and devices too; one value in twenty is missing."""
    rng = np.random.default_rng(seed)
    tenure, calls = rng.uniform(0, 3_000, count), rng.lognormal(2.5, 1.0, count)
    number, one_shot = tenure + rng.uniform(0, 2_000, count), rng.beta(2, 3, count)
    devices = 1 + rng.poisson(0.4, count)
    log_odds = -5 + 1.5 * (np.log1p(tenure) - 7) + 1.5 * (np.log(calls) - 2.5) + 6 * (one_shot - 0.4)
    rows = np.column_stack([tenure, number, calls, one_shot, devices]).astype(np.float32)
    rows[rng.random(rows.shape) < 0.05] = np.nan
    columns = tuple(FeatureColumn(name, BY_NAME[name].family) for name in NAMES)
    return Examples(columns, rows, rng.random(count) < sigmoid(log_odds), np.arange(count) + count * seed)


SLICES = Slices(lines(6_000, 1), lines(6_000, 2), lines(LINES, 3), how="planted")


def fitted(recipe: Recipe) -> RiskModel:
    return fit_model(SLICES, name="planted", recipe=recipe, promise=PROMISE)


def raised_by_age(model: RiskModel) -> int:
    """Lines whose tier rises when they are made older by any number of days."""
    rng = np.random.default_rng(4)
    before = model.tier(model.margin(SLICES.test.rows))
    raised = np.zeros(LINES, dtype=bool)
    for _ in range(5):
        older = SLICES.test.rows.copy()
        older[:, : len(AGEING)] += rng.uniform(0, 3_650, (LINES, 1)).astype(np.float32)
        raised |= model.tier(model.margin(older)) > before
    return int(raised.sum())


def test_the_catalogue_declares_that_age_only_lowers_the_risk() -> None:
    assert [BY_NAME[name].monotone for name in AGEING] == [-1, -1]


@pytest.fixture(scope="module")
def model() -> RiskModel:
    return fitted(Recipe(**RECIPE))


def test_lines_are_in_every_tier(model: RiskModel) -> None:
    assert (np.bincount(model.tier(model.margin(SLICES.test.rows)), minlength=4) > 20).all()


def test_no_line_of_ten_thousand_gets_a_higher_tier_by_being_older(model: RiskModel) -> None:
    assert raised_by_age(model) == 0
    assert tenure_check(model, SLICES.test) == (LINES, 0)


def test_without_the_constraint_the_check_finds_raised_lines() -> None:
    twin = fitted(Unconstrained(**RECIPE))
    assert raised_by_age(twin) > LINES // 100
    checked, raised = tenure_check(twin, SLICES.test)
    assert checked == LINES
    assert raised is not None
    assert raised > LINES // 100
