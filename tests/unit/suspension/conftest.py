"""Recorded decisions of every tier and policy."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from linerisk.decisions.record import DecisionRecord, RecordedAction, RecordedModel, RecordedReason
from linerisk.decisions.recorded_features import frozen_features
from linerisk.explanation import Wording
from linerisk.model.tiers import Tier
from linerisk.policy import Policy, load_policies

SHIPPED = Path(__file__).parents[3] / "policies"
SCORED_AT = datetime(2024, 7, 27, 4, 10, tzinfo=UTC)

CALLED = RecordedReason(
    code="A01",
    family="contacts",
    direction="raises",
    zh="近7天您的号码向312个此前未联系过的号码拨出电话",
    en="In the last 7 days your number called 312 numbers it had no contact with before",
    contribution=2.4375,
    facts={"new_callees_count_7d": 312.0},
)
AWAY = RecordedReason(
    code="A02",
    family="places",
    direction="raises",
    zh="近7天拨出的电话中，外地号码占93%，高于多数正常号码",
    en="In the last 7 days, 93 % of calls went to other cities, above a typical line",
    contribution=1.8125,
    facts={"out_of_town_share_7d": 0.93},
)
OLD = RecordedReason(
    code="B01",
    family="tenure",
    direction="lowers",
    zh="号码已使用8.8年",
    en="The number has been in use for 8.8 years",
    contribution=-0.6875,
    facts={"tenure_days": 3220.0},
)

Decide = Callable[..., DecisionRecord]


@pytest.fixture(scope="session")
def policies() -> dict[str, Policy]:
    return {policy.id: policy for policy in load_policies(SHIPPED)}


@pytest.fixture(scope="session")
def wording() -> Wording:
    return Wording.load(SHIPPED)


@pytest.fixture(scope="session")
def decide(policies: dict[str, Policy]) -> Decide:
    """Makes a decision of a tier under a policy; keyword arguments change fields."""

    def make_decision(
        tier: str = "medium_high", policy: str = "shenzhen-2024-07-b", *, held_by: str | None = None, **changed: Any
    ) -> DecisionRecord:
        rule = policies[policy].tiers[Tier(tier)]
        fields: dict[str, Any] = {
            "decision_id": "01J3S1W6V0ABCDEFGHJKMNPQRS",
            "request_id": "r-1",
            "line_id": "13912345678",
            "as_of": SCORED_AT,
            "scored_at": SCORED_AT,
            "status": "fresh",
            "margin": 4.4375,
            "probability": 0.8413,
            "probability_low": 0.7912,
            "probability_high": 0.8822,
            "tier": tier,
            "action": RecordedAction(kind=rule.kind, policy=policy, steps=rule.steps, held_by=held_by),
            "reasons": (CALLED, AWAY, OLD),
            "base": -2.5,
            "calibration": 0.25,
            "contributions": {"contacts": 2.4375, "places": 1.8125, "tenure": -0.6875},
            "model": RecordedModel(name="linerisk", version="7", fingerprint="f" * 64),
            "features_from": "snapshot",
            "snapshot_id": "20240727T000000Z-0123456789ab",
            "features": frozen_features(("a",), np.array([[1.0]], dtype=np.float32))[0],
            "scored_by": "suspension",
        }
        return DecisionRecord(**{**fields, **changed})

    return make_decision
