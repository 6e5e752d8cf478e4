"""A frozen decision is said again bit for bit by the model that made it, and by no other."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import lightgbm as lgb
import msgspec
import numpy as np
import pytest

from linerisk.decisions.record import DecisionRecord, RecordedModel
from linerisk.decisions.recorded_features import frozen_features, matrix_row
from linerisk.decisions.replay import Difference, Replay, replay
from linerisk.errors import ArtefactError, DecisionLogError
from linerisk.explanation import contributions
from linerisk.model.calibration import BetaCalibration
from linerisk.model.cut_points import cut_points
from linerisk.model.risk_model import FeatureColumn, RiskModel, Rows, ScoreBand
from linerisk.model.tiers import TIERS, TierPromise

MakeRecord = Callable[..., DecisionRecord]

FAMILIES = {"calls_7d": "activity", "share": "places", "gap": "activity"}
NAMES = tuple(FAMILIES)


@pytest.fixture(scope="module")
def rows() -> Rows:
    rng = np.random.default_rng(3)
    drawn = rng.random((2_000, len(NAMES)), dtype=np.float32)
    drawn[rng.random(drawn.shape) < 0.1] = np.nan
    return drawn


@pytest.fixture(scope="module")
def model(rows: Rows, tmp_path_factory: pytest.TempPathFactory) -> RiskModel:
    fraud = np.nan_to_num(rows[:, 0]) + np.nan_to_num(rows[:, 1]) > 1.4
    booster = lgb.train(
        {"objective": "binary", "verbosity": -1, "num_threads": 1, "num_leaves": 7, "seed": 1},
        lgb.Dataset(rows, fraud.astype(float), feature_name=list(NAMES)),
        num_boost_round=20,
    )
    margins = booster.predict(rows, raw_score=True)
    made = RiskModel(
        name="linerisk",
        version="7",
        columns=tuple(FeatureColumn(name, family) for name, family in FAMILIES.items()),
        trees=booster.model_to_string(),
        calibration=BetaCalibration(0.9, 1.1, -0.2),
        cuts=cut_points(margins[~fraud], TierPromise(alpha=(0.1, 0.03, 0.01))),
        bands=(ScoreBand(-99.0, 10, 1, 0.01, 0.2), ScoreBand(0.0, 10, 5, 0.3, 0.9)),
    )
    folder: Path = tmp_path_factory.mktemp("artefact")
    made.save(folder)
    return RiskModel.load(folder, version="7")


@pytest.fixture
def records(make_record: MakeRecord, model: RiskModel, rows: Rows) -> list[DecisionRecord]:
    """Forty decisions of one batch, as a service would have recorded them."""
    batch = rows[:40]
    margin = model.margin(batch)
    probability = model.probability(margin)
    low, high = model.interval(margin, probability)
    tier = model.tier(margin)
    parts = contributions(model, batch)
    made = []
    for i, features in enumerate(frozen_features(NAMES, batch)):
        made.append(
            make_record(
                margin=float(margin[i]),
                probability=float(probability[i]),
                probability_low=float(low[i]),
                probability_high=float(high[i]),
                tier=TIERS[tier[i]].value,
                features=features,
                base=parts.base,
                calibration=parts.calibration,
                contributions=dict(zip(model.families, parts.by_family[i].tolist(), strict=True)),
                model=RecordedModel(name="linerisk", version="7", fingerprint=model.fingerprint),
            )
        )
    return made


def test_decisions_of_a_batch_are_said_again_one_by_one_with_the_same_bits(
    records: list[DecisionRecord], model: RiskModel
) -> None:
    assert len({record.tier for record in records}) > 1
    for record in records:
        kept = DecisionRecord.from_json(record.to_json())
        assert replay(kept, model) == Replay(identical=True, differences=())


@pytest.mark.parametrize(
    "field", ["margin", "probability", "probability_low", "probability_high", "base", "calibration"]
)
def test_a_number_off_by_its_last_bit_is_named(records: list[DecisionRecord], model: RiskModel, field: str) -> None:
    true = getattr(records[0], field)
    off = float(np.nextafter(true, 9.0))
    changed = msgspec.structs.replace(records[0], **{field: off})
    said = replay(changed, model)
    assert said == Replay(identical=False, differences=(Difference(field, off, true),))


def test_another_tier_is_named(records: list[DecisionRecord], model: RiskModel) -> None:
    other = next(tier.value for tier in TIERS if tier.value != records[0].tier)
    said = replay(msgspec.structs.replace(records[0], tier=other), model)
    assert said.differences == (Difference("tier", other, records[0].tier),)


def test_a_family_that_only_one_side_knows_is_named(records: list[DecisionRecord], model: RiskModel) -> None:
    true = records[0].contributions
    other = {"activity": true["activity"], "network": 0.5}
    said = replay(msgspec.structs.replace(records[0], contributions=other), model)
    assert said.differences == (
        Difference("contributions.network", 0.5, None),
        Difference("contributions.places", None, true["places"]),
    )


def test_recorded_parts_add_up_to_the_log_odds_of_the_probability(records: list[DecisionRecord]) -> None:
    for record in records:
        whole = record.base + record.calibration + sum(record.contributions.values())
        assert whole == pytest.approx(math.log(record.probability / (1 - record.probability)), abs=1e-9)


def test_another_feature_value_changes_the_margin(records: list[DecisionRecord], model: RiskModel) -> None:
    row = matrix_row(records[0].features, NAMES)
    row[0, [NAMES.index("calls_7d"), NAMES.index("share")]] = 0.999
    [features] = frozen_features(NAMES, row)
    said = replay(msgspec.structs.replace(records[0], features=features), model)
    assert said.differences[0].field == "margin"


def test_a_model_with_another_fingerprint_is_refused(records: list[DecisionRecord], model: RiskModel) -> None:
    with pytest.raises(ArtefactError, match="another model") as caught:
        replay(records[0], replace(model, fingerprint="0" * 64))
    assert caught.value.found == "0" * 64


def test_a_record_made_of_other_columns_than_its_models_is_refused(
    records: list[DecisionRecord], model: RiskModel
) -> None:
    [features] = frozen_features(["calls_7d"], np.ones((1, 1), dtype=np.float32))
    short = msgspec.structs.replace(records[0], features=features)
    with pytest.raises(DecisionLogError, match="other columns"):
        replay(short, model)
