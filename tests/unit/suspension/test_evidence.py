"""The evidence of a decision: the record, and values recomputed from it."""

from __future__ import annotations

import hashlib
import math
import re
from datetime import UTC, datetime

import lightgbm as lgb
import numpy as np
import pytest

from linerisk.decisions.ids import decision_ids
from linerisk.decisions.record import DecisionRecord, RecordedAction, RecordedModel, RecordedReason
from linerisk.decisions.recorded_features import frozen_features
from linerisk.errors import ArtefactError
from linerisk.explanation import Wording, explain
from linerisk.features.catalogue import BY_NAME, FEATURES
from linerisk.features.segments import COMPARED
from linerisk.model.calibration import BetaCalibration
from linerisk.model.risk_model import FeatureColumn, RiskModel, ScoreBand
from linerisk.policy import Policy
from linerisk.scoring import score
from linerisk.suspension.evidence import OWN_PAST_RATIOS, gather_evidence, usual_values
from linerisk.suspension.evidence_page import evidence_page

SCORED_AT = datetime(2024, 7, 27, 4, 10, tzinfo=UTC)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> RiskModel:
    """A small real model of every feature of the catalogue, saved and loaded to have a fingerprint."""
    rng = np.random.default_rng(5)
    rows = rng.gamma(2.0, 2.0, (1_500, len(FEATURES))).astype(np.float32)
    fraud = rows[:, 0] + rows[:, 5] + rng.normal(0, 1, len(rows)) > 9
    booster = lgb.train(
        {"objective": "binary", "num_leaves": 7, "num_threads": 1, "verbose": -1, "seed": 1},
        lgb.Dataset(rows, fraud.astype(float), feature_name=[feature.name for feature in FEATURES]),
        num_boost_round=20,
    )
    made = RiskModel(
        name="linerisk",
        version="7",
        columns=tuple(FeatureColumn(feature.name, feature.family, 2.0) for feature in FEATURES),
        trees=booster.model_to_string(),
        calibration=BetaCalibration(0.9, 1.1, 0.1),
        cuts=(),
        bands=(ScoreBand(-np.inf, 900, 20, 0.01, 0.04), ScoreBand(0.0, 600, 500, 0.7, 0.9)),
    )
    folder = tmp_path_factory.mktemp("artefact")
    made.save(folder)
    return RiskModel.load(folder, version="7")


@pytest.fixture(scope="module")
def record(model: RiskModel, wording: Wording) -> DecisionRecord:
    """A decision as the service records it."""
    row = np.random.default_rng(8).gamma(2.0, 3.0, (1, len(FEATURES))).astype(np.float32)
    row[0, 3] = np.nan
    scored, [explanation] = score(model, row), explain(model, row, wording)
    return DecisionRecord(
        decision_id=decision_ids(SCORED_AT, 1)[0],
        request_id="r-1",
        line_id="<b>13912345678",
        as_of=SCORED_AT,
        scored_at=SCORED_AT,
        status="fresh",
        margin=float(scored.margin[0]),
        probability=float(scored.probability[0]),
        probability_low=float(scored.low[0]),
        probability_high=float(scored.high[0]),
        tier=scored.tiers[0].value,
        action=RecordedAction(kind="none", policy="shenzhen-2024-07-b"),
        reasons=tuple(
            RecordedReason(
                code=each.code,
                family=each.family,
                direction=each.direction,
                zh=each.zh,
                en=each.en,
                contribution=each.contribution,
                facts=each.facts,
            )
            for each in explanation.reasons
        ),
        base=explanation.base,
        calibration=explanation.calibration,
        contributions=explanation.contributions,
        model=RecordedModel(name="linerisk", version="7", fingerprint=model.fingerprint),
        features_from="records",
        features=frozen_features(model.feature_names, row)[0],
        scored_by="suspension",
    )


@pytest.fixture
def policy(policies: dict[str, Policy]) -> Policy:
    return policies["shenzhen-2024-07-b"]


def test_the_evidence_has_every_feature_with_value_unit_window_and_meaning(
    record: DecisionRecord, model: RiskModel, policy: Policy
) -> None:
    evidence = gather_evidence(record, model, policy)
    assert [each.name for each in evidence.features] == [feature.name for feature in FEATURES]
    assert evidence.features[3].value is None
    for each in evidence.features:
        known = BY_NAME[each.name]
        assert (each.unit, each.window, each.meaning) == (known.unit, known.window, known.meaning)
        assert each.typical == 2.0


def test_the_evidence_sums_to_the_probability_and_replays_identically(
    record: DecisionRecord, model: RiskModel, policy: Policy
) -> None:
    evidence = gather_evidence(record, model, policy)
    assert evidence.log_odds == pytest.approx(math.log(record.probability) - math.log1p(-record.probability), abs=1e-9)
    assert evidence.replay.identical
    assert evidence.record_sha256 == hashlib.sha256(record.to_json()).hexdigest()
    assert evidence.policy.fingerprint == policy.fingerprint


def test_a_changed_record_does_not_replay_identically(record: DecisionRecord, model: RiskModel, policy: Policy) -> None:
    changed = DecisionRecord.from_json(record.to_json().replace(b'"tier":"normal"', b'"tier":"medium_low"'))
    evidence = gather_evidence(changed, model, policy)
    assert [each.field for each in evidence.replay.differences] == ["tier"]
    assert "differs" in evidence_page(evidence).decode()


def test_evidence_of_another_model_is_refused(record: DecisionRecord, policy: Policy, model: RiskModel) -> None:
    other = DecisionRecord.from_json(record.to_json().replace(model.fingerprint.encode(), b"0" * 64))
    with pytest.raises(ArtefactError, match="another model"):
        gather_evidence(other, model, policy)


def test_usual_values_are_derived_from_the_scored_ratios() -> None:
    values = {name: 30.0 for name, _ in OWN_PAST_RATIOS.values()} | dict.fromkeys(OWN_PAST_RATIOS, 4.0)
    usual = usual_values(values, OWN_PAST_RATIOS)
    assert usual["out_calls_count_7d"] == pytest.approx((30 + 1) / 4 - 1)
    assert usual["out_of_town_share_7d"] == pytest.approx((30 + 0.1) / 4 - 0.1)
    assert usual_values({"out_calls_count_7d": None, "out_calls_vs_own_past_ratio_7d": 2.0}, OWN_PAST_RATIOS) == {}
    assert set(OWN_PAST_RATIOS) | set(COMPARED) <= set(BY_NAME)
    assert {name for name, _ in (*OWN_PAST_RATIOS.values(), *COMPARED.values())} <= set(BY_NAME)


def test_the_evidence_covers_every_ratio_feature() -> None:
    ratios = {name for name in BY_NAME if "_vs_own_past_ratio" in name or "_vs_segment_ratio" in name}
    assert ratios == set(OWN_PAST_RATIOS) | set(COMPARED)


def test_the_evidence_page_is_complete_and_has_no_script_and_no_external_resource(
    record: DecisionRecord, model: RiskModel, policy: Policy
) -> None:
    evidence = gather_evidence(record, model, policy)
    page = evidence_page(evidence).decode()
    assert policy.id in page
    assert all(f"<code>{each.name}</code>" in page for each in evidence.features)
    for fact in (record.decision_id, evidence.record_sha256, model.fingerprint, "identical", "&lt;b&gt;13912345678"):
        assert fact in page
    assert "<script" not in page
    assert not re.search(r"\b(?:src|href|action)=|url\(|@import", page)
    assert page.count("<svg") == 2
