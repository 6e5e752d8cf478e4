"""The shipped reason texts, and small real models to explain."""

from collections.abc import Callable
from pathlib import Path

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pytest

from linerisk.explanation import Wording
from linerisk.features.catalogue import FEATURES
from linerisk.model.calibration import BetaCalibration
from linerisk.model.risk_model import FeatureColumn, RiskModel

SHIPPED = Path(__file__).parents[3] / "policies"
Rows = npt.NDArray[np.float32]


@pytest.fixture(scope="session")
def wording() -> Wording:
    return Wording.load(SHIPPED)


@pytest.fixture(scope="session")
def lines() -> Rows:
    """2,000 made-up lines with every feature of the catalogue, in its unit, one value in ten missing."""
    rng = np.random.default_rng(3)
    rows = np.empty((2_000, len(FEATURES)), dtype=np.float32)
    for j, feature in enumerate(FEATURES):
        if feature.unit in {"share", "0-1"}:
            rows[:, j] = rng.random(len(rows))
        elif feature.unit == "0/1":
            rows[:, j] = rng.integers(0, 2, len(rows))
        else:
            rows[:, j] = np.floor(rng.exponential(40, len(rows)))
    rows[rng.random(rows.shape) < 0.1] = np.nan
    return rows


def fitted(rows: Rows, columns: tuple[FeatureColumn, ...], *, weights: tuple[float, ...] = ()) -> RiskModel:
    """A real LightGBM model of planted log-odds on ranks of the columns, with a calibration that is not linear."""
    rng = np.random.default_rng(5)
    ranks = np.nan_to_num(rows.argsort(axis=0).argsort(axis=0) / len(rows) - 0.5)
    planted = np.array(weights or rng.normal(0, 2, rows.shape[1]))
    fraud = rng.random(len(rows)) < 1 / (1 + np.exp(1.5 - ranks @ planted))
    data = lgb.Dataset(rows, fraud, feature_name=[column.name for column in columns], free_raw_data=True)
    params = {"objective": "binary", "max_depth": 5, "num_leaves": 15, "num_threads": 1, "verbose": -1, "seed": 1}
    booster = lgb.train(params, data, num_boost_round=40)
    return RiskModel(
        "small", "1", columns, booster.model_to_string(), BetaCalibration(0.6, 1.7, -0.8), cuts=(), bands=()
    )


@pytest.fixture(scope="session")
def model(lines: Rows) -> RiskModel:
    typical = np.nanmedian(lines, axis=0)
    columns = tuple(
        FeatureColumn(feature.name, feature.family, float(value))
        for feature, value in zip(FEATURES, typical, strict=True)
    )
    return fitted(lines, columns)


@pytest.fixture(scope="session")
def fit() -> Callable[..., RiskModel]:
    return fitted
