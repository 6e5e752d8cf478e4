"""Contributions by look-up are LightGBM's, and have the same bits whoever else is inputs for."""

from __future__ import annotations

from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pytest

from linerisk.model.tree_shap import TreeShap

Rows = npt.NDArray[np.float32]


def made_up(n: int = 3_000, seed: int = 3) -> Rows:
    """Rows of twelve columns: some missing, some whole, one missing nowhere, one always the same."""
    rng = np.random.default_rng(seed)
    rows = rng.gamma(1.5, 2.0, (n, 12)).astype(np.float32)
    rows[:, 4:7] = np.round(rows[:, 4:7])
    rows[:, 0:8][rng.random((n, 8)) < 0.15] = np.nan
    rows[:, 11] = 1.0
    return rows


def fit(rows: Rows, *, categories: Any = "auto", **params: Any) -> lgb.Booster:
    rng = np.random.default_rng(5)
    seen = np.nan_to_num(rows)
    fraud = rng.random(len(rows)) < 1 / (1 + np.exp(3 - seen[:, 0] - seen[:, 4] + seen[:, 9]))
    settings = {
        "objective": "binary",
        "num_leaves": 15,
        "max_depth": 6,
        "verbosity": -1,
        "num_threads": 1,
        "min_data_in_leaf": 5,
    }
    return lgb.train(
        settings | params, lgb.Dataset(rows, fraud.astype(float), categorical_feature=categories), num_boost_round=30
    )


@pytest.fixture(scope="module")
def rows() -> Rows:
    return made_up()


@pytest.fixture(scope="module")
def booster(rows: Rows) -> lgb.Booster:
    return fit(rows)


@pytest.fixture
def shap(booster: lgb.Booster) -> TreeShap:
    found = TreeShap.of(booster)
    assert found is not None
    return found


def test_contributions_are_those_of_lightgbm(shap: TreeShap, booster: lgb.Booster, rows: Rows) -> None:
    expected = np.asarray(booster.predict(rows, pred_contrib=True))
    np.testing.assert_allclose(shap.values(rows), expected, rtol=0, atol=1e-12)


def test_contributions_add_up_to_the_margin(shap: TreeShap, booster: lgb.Booster, rows: Rows) -> None:
    margin = np.asarray(booster.predict(rows, raw_score=True))
    np.testing.assert_allclose(shap.values(rows).sum(axis=1), margin, rtol=0, atol=1e-12)


def test_values_that_no_row_had_and_rows_on_a_threshold_go_the_way_that_lightgbm_takes(
    shap: TreeShap, booster: lgb.Booster, rows: Rows
) -> None:
    inputs = np.repeat(rows[:50], 4, axis=0)
    inputs[0::4] = np.nan
    inputs[1::4, 11] = np.nan  # a column that was never missing
    inputs[2::4] = -7.5
    thresholds = np.unique(
        np.concatenate(
            [np.array(line.split("=")[1].split(), dtype=float) for line in booster.model_to_string().split("\n")
             if line.startswith("threshold=")]
        )
    ).astype(np.float32)  # fmt: skip
    inputs[3::4] = np.random.default_rng(1).choice(thresholds, (50, 12))
    expected = np.asarray(booster.predict(inputs, pred_contrib=True))
    np.testing.assert_allclose(shap.values(inputs), expected, rtol=0, atol=1e-12)


def test_a_row_has_the_same_bits_alone_and_among_others(shap: TreeShap, rows: Rows) -> None:
    whole = shap.values(rows[:2_300])
    assert np.concatenate([shap.values(rows[i : i + 1]) for i in range(300)]).tobytes() == whole[:300].tobytes()
    assert shap.values(rows[299::-1])[::-1].tobytes() == whole[:300].tobytes()
    for few in (5, 8, 9, 1_001):
        assert shap.values(rows[:few]).tobytes() == whole[:few].tobytes()


def test_no_rows_have_no_contributions(shap: TreeShap, rows: Rows) -> None:
    assert shap.values(rows[:0]).shape == (0, 13)


@pytest.mark.parametrize("params", [{"num_leaves": 31, "max_depth": 8}, {"num_leaves": 4, "max_depth": 2}], ids=str)
def test_trees_of_every_shape_that_tuning_may_try_are_looked_up(rows: Rows, params: dict[str, Any]) -> None:
    booster = fit(rows, **params)
    shap = TreeShap.of(booster)
    assert shap is not None
    np.testing.assert_allclose(
        shap.values(rows), np.asarray(booster.predict(rows, pred_contrib=True)), rtol=0, atol=1e-12
    )


@pytest.mark.parametrize(
    "params",
    [{"num_leaves": 31, "min_data_in_leaf": 1, "max_depth": -1}, {"zero_as_missing": True}, {"categories": [5]}],
    ids=["deep trees", "zero as missing", "categories"],
)
def test_trees_of_another_kind_are_left_to_lightgbm(rows: Rows, params: dict[str, Any]) -> None:
    assert TreeShap.of(fit(rows, **params)) is None


def test_a_tree_without_a_split_contributes_nothing(rows: Rows) -> None:
    booster = fit(rows[:200], min_data_in_leaf=150)
    shap = TreeShap.of(booster)
    assert shap is not None
    np.testing.assert_allclose(
        shap.values(rows[:20]), np.asarray(booster.predict(rows[:20], pred_contrib=True)), rtol=0, atol=1e-12
    )
