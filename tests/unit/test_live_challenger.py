"""The version that asks to be live: kept beside the live pair, told apart from it, and never in its way."""

from __future__ import annotations

from pathlib import Path

import lightgbm as lgb
import numpy as np
import pytest

from linerisk.errors import ArtefactError, StoreError
from linerisk.live import ChallengerHolder, Live, put_challenger, put_model, put_no_challenger
from linerisk.model.calibration import BetaCalibration
from linerisk.model.risk_model import FeatureColumn, RiskModel, ScoreBand
from linerisk.model.tiers import CutPoint, Tier


def _model(seed: int) -> RiskModel:
    rows = np.random.default_rng(seed).random((200, 2), dtype=np.float32)
    params = {"objective": "binary", "num_leaves": 4, "verbosity": -1, "num_threads": 1}
    booster = lgb.train(params, lgb.Dataset(rows, rows[:, 0] > 0.5, feature_name=["a", "b"]), num_boost_round=2)
    return RiskModel(
        name="m",
        version="",
        columns=(FeatureColumn("a", "activity"), FeatureColumn("b", "activity")),
        trees=booster.model_to_string(),
        calibration=BetaCalibration(1.0, 1.0, 0.0),
        cuts=(CutPoint(Tier.MEDIUM_LOW, 1.0, 0.1, 0.1, 100, 9, 0),),
        bands=(ScoreBand(-np.inf, 100, 1, 0.0, 0.1),),
    )


@pytest.fixture
def live(tmp_path: Path) -> Path:
    """A live folder in which version 1 is live."""
    artefact = tmp_path / "artefact-1"
    _model(1).save(artefact)
    put_model(tmp_path / "live", artefact, name="linerisk", version="1", expires_at=None)
    return tmp_path / "live"


def challenge(live: Path, version: str, *, gates: str = "passed") -> Path:
    artefact = live.parent / f"artefact-{version}"
    _model(int(version)).save(artefact)
    put_challenger(live, artefact, name="linerisk", version=version, gates=gates)
    return artefact


def test_there_is_none_until_one_is_put_and_none_after_it_is_taken_back(live: Path) -> None:
    holder = ChallengerHolder(live)
    assert holder.current() is None
    challenge(live, "2", gates="failed")
    challenger = holder.current()
    assert challenger is not None
    assert (challenger.meta.version, challenger.meta.gates, challenger.model.version) == ("2", "failed", "2")
    put_no_challenger(live)
    assert holder.current() is None
    assert list((live / "challengers").iterdir()) == []


def test_the_next_one_takes_the_place_of_the_one_before(live: Path) -> None:
    holder = ChallengerHolder(live)
    challenge(live, "2")
    first = holder.current()
    assert holder.current() is first
    challenge(live, "3")
    second = holder.current()
    assert second is not None
    assert second.meta.version == "3"
    assert [folder.name for folder in (live / "challengers").iterdir()] == [second.meta.fingerprint]


def test_it_is_neither_live_nor_among_the_models_of_old_decisions(live: Path) -> None:
    before, pointer = Live.open(live), (live / "current.json").read_bytes()
    models = sorted((live / "models").iterdir())
    challenge(live, "2")
    assert Live.open(live).model_meta == before.model_meta
    assert (live / "current.json").read_bytes() == pointer
    assert sorted((live / "models").iterdir()) == models


@pytest.mark.parametrize("file", ["trees.txt", "model.json", "checksums.json"])
def test_a_damaged_one_is_said_and_the_live_pair_answers(live: Path, file: str) -> None:
    challenge(live, "2")
    (damaged,) = (live / "challengers").glob(f"*/{file}")
    damaged.write_bytes(damaged.read_bytes()[:-20] + b"x")
    holder = ChallengerHolder(live)
    with pytest.raises(ArtefactError):
        holder.current()
    assert Live.open(live).model_meta.version == "1"
    challenge(live, "2")
    assert holder.current() is not None


def test_checksums_of_another_shape_are_a_damaged_artefact(live: Path) -> None:
    challenge(live, "2")
    (sums,) = (live / "challengers").glob("*/checksums.json")
    sums.write_text("[]")
    with pytest.raises(ArtefactError, match="cannot be read"):
        ChallengerHolder(live).current()


def test_a_missing_artefact_is_said(live: Path) -> None:
    challenge(live, "2")
    (artefact,) = (live / "challengers").iterdir()
    artefact.rename(live.parent / "elsewhere")
    with pytest.raises(ArtefactError):
        ChallengerHolder(live).current()


def test_what_names_it_may_be_damaged_too(live: Path) -> None:
    (live / "challenger.json").write_text("{")
    with pytest.raises(StoreError, match=r"challenger\.json"):
        ChallengerHolder(live).current()
    assert Live.open(live).model_meta.version == "1"


def test_why_one_could_not_be_brought_is_kept(live: Path) -> None:
    challenge(live, "2")
    put_no_challenger(live, name="linerisk", version="3", problem="its artefact is gone")
    with pytest.raises(ArtefactError, match="version 3 could not be brought here") as raised:
        ChallengerHolder(live).current()
    assert raised.value.found == "its artefact is gone"


def test_a_damaged_artefact_does_not_take_the_place_of_a_whole_one(live: Path) -> None:
    challenge(live, "2")
    artefact = live.parent / "artefact-3"
    _model(3).save(artefact)
    (artefact / "trees.txt").write_text("nothing")
    with pytest.raises(ArtefactError):
        put_challenger(live, artefact, name="linerisk", version="3", gates="passed")
    challenger = ChallengerHolder(live).current()
    assert challenger is not None
    assert challenger.meta.version == "2"


def test_its_contributions_are_those_of_any_model_without_a_wait(live: Path) -> None:
    challenge(live, "2")
    challenger = ChallengerHolder(live).current()
    assert challenger is not None
    assert challenger.model.tree_shap is None
    rows = np.random.default_rng(5).random((3, 2), dtype=np.float32)
    np.testing.assert_allclose(challenger.model.shap_values(rows), _model(2).shap_values(rows), atol=1e-12)
