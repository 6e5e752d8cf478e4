"""One real MLflow store on SQLite, and a small real model to register in it."""

from collections.abc import Callable
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pytest

from linerisk.model.calibration import BetaCalibration
from linerisk.model.cut_points import cut_points
from linerisk.model.risk_model import FeatureColumn, RiskModel, ScoreBand
from linerisk.model.tiers import TierPromise
from linerisk.registry import Described, Registry, Version

Register = Callable[..., Version]


@pytest.fixture(scope="package")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the store, its artefacts and the sources of the artefacts are."""
    return tmp_path_factory.mktemp("registry")


@pytest.fixture(scope="package")
def model() -> RiskModel:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(400, 2)).astype(np.float32)
    params = {"objective": "binary", "verbosity": -1, "num_threads": 1, "num_leaves": 4}
    booster = lgb.train(params, lgb.Dataset(rows, rows[:, 0] > 0, feature_name=["a", "b"]), 3)
    return RiskModel(
        name="small",
        version="",
        columns=(FeatureColumn("a", "other"), FeatureColumn("b", "other")),
        trees=booster.model_to_string(),
        calibration=BetaCalibration(1.0, 1.0, 0.0),
        cuts=cut_points(np.asarray(booster.predict(rows, raw_score=True)), TierPromise()),
        bands=(ScoreBand(-9.0, 400, 200, 0.45, 0.55),),
    )


@pytest.fixture(scope="package")
def open_registry(folder: Path) -> Callable[[str], Registry]:
    """Open the registry of a model of some name; each test uses a name of its own in the one store."""
    return lambda name: Registry(f"sqlite:///{folder / 'mlflow.db'}", artefacts=folder / "artefacts", name=name)


@pytest.fixture(scope="package")
def register(folder: Path, model: RiskModel) -> Register:
    """Register the small model: `register(registry, trained_by="li", gates="passed")`."""
    artefact, attachments = folder / "source" / "model", folder / "source" / "attachments"
    model.save(artefact)
    attachments.mkdir()
    (attachments / "gates.json").write_text("[]", encoding="utf-8")

    def _register(
        registry: Registry,
        *,
        trained_by: str = "li",
        gates: str = "passed",
        failed: tuple[str, ...] = (),
        against: str | None = None,
        **figures: float,
    ) -> Version:
        return registry.register(
            artefact,
            attachments=attachments,
            params={"trees": 3},
            figures={"average_precision": 0.6, **figures},
            tags={"data": "d" * 64, "commit": "c" * 40, "lock": "e" * 64},
            trained_by=trained_by,
            gates=gates,
            failed=failed,
            against=against,
            described=Described(f"{registry.name}, seed 1", "Tested on **400** lines."),
        )

    return _register
