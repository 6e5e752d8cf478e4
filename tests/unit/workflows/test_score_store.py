"""A batch of a store marks the lines that were suspended or closed, and says so on the screen."""

import json
from pathlib import Path

import lightgbm as lgb
import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from linerisk.cli import app
from linerisk.model.calibration import BetaCalibration
from linerisk.model.cut_points import cut_points
from linerisk.model.risk_model import FeatureColumn, RiskModel, ScoreBand
from linerisk.model.tiers import TierPromise
from linerisk.settings import Settings
from linerisk.workflows.registries import registry_for

AS_OF = "2024-07-26"


def run(*words: str) -> str:
    answered = CliRunner().invoke(app, words, env={"NO_COLOR": "1", "TERM": "dumb"})
    assert answered.exit_code == 0, answered.output
    return answered.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of 1,500 simulated lines, some of them out of use, and a version that knows two features."""
    folder = tmp_path_factory.mktemp("score")
    home, source, store = (str(folder / name) for name in ("home", "source", "store"))
    run("simulate", source, "--lines", "1500", "--days", "14", "--seed", "1", "--start", "2024-07-12")
    run("ingest", source, "--store", store, "--home", home)
    names = ("out_calls_count_7d", "tenure_days")
    rows = np.random.default_rng(3).random((600, 2), dtype=np.float32)
    booster = lgb.train(
        {"objective": "binary", "num_leaves": 7, "verbosity": -1, "num_threads": 1},
        lgb.Dataset(rows, rows[:, 0] > 0.7, feature_name=list(names)),
        num_boost_round=5,
    )
    model = RiskModel(
        name="linerisk",
        version="",
        columns=(FeatureColumn(names[0], "activity"), FeatureColumn(names[1], "tenure")),
        trees=booster.model_to_string(),
        calibration=BetaCalibration(1.0, 1.0, 0.0),
        cuts=cut_points(np.asarray(booster.predict(rows, raw_score=True)), TierPromise()),
        bands=(ScoreBand(-9.0, 400, 200, 0.45, 0.55),),
    )
    model.save(folder / "artefact")
    (folder / "attachments").mkdir()
    registry_for(Settings(home=folder / "home"), create=True).register(
        folder / "artefact",
        attachments=folder / "attachments",
        params={},
        figures={},
        tags={},
        trained_by="li",
        gates="passed",
    )
    return folder


def test_every_line_has_the_status_that_its_account_had(folder: Path) -> None:
    out = folder / "scores.parquet"
    output = run(
        *("score", "--store", str(folder / "store"), "--as-of", AS_OF, "--model", "1", "--out", str(out)),
        *("--home", str(folder / "home"), "--json"),
    )
    known = (
        pl.read_parquet(folder / "source" / "accounts")
        .filter(pl.col("known_at") <= pl.lit(AS_OF).str.to_datetime(time_zone="UTC"))
        .sort("known_at")
        .group_by("line_id")
        .last()
    )
    expected = dict(known.select(pl.col("line_id").cast(pl.String), pl.col("status").cast(pl.String)).iter_rows())
    scored = pl.read_parquet(out)
    found = dict(scored.select("line_id", pl.col("line_status").cast(pl.String)).iter_rows())
    assert found == {line: expected.get(line) for line in found}
    counts = json.loads(output.splitlines()[-1])["line_status"]
    out_of_use = {status: n for status, n in counts.items() if status in ("suspended", "closed")}
    assert sum(counts.values()) == scored.height
    assert sum(out_of_use.values()) > 0
    for status, number in out_of_use.items():
        assert f"{number:,} {status}" in output
    out_of_use_normal = scored.filter(
        pl.col("line_status").cast(pl.String).is_in(list(out_of_use)), pl.col("tier") == "normal"
    )
    normal = next(line.split() for line in output.splitlines() if line.strip().startswith("normal "))
    assert normal[1:] == [f"{(scored['tier'] == 'normal').sum():,}", f"{out_of_use_normal.height:,}"]
    assert "marked in the column line_status" in " ".join(output.split())
