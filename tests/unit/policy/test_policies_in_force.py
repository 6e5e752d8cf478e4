"""Which policy is in force at an instant, and the steps of each tier: exactly those of its table."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from linerisk.errors import PolicyError
from linerisk.model.tiers import TIERS, Tier
from linerisk.policy import Action, Policy, in_force

A, B = "shenzhen-2024-07-a", "shenzhen-2024-07-b"
AS_OF = datetime(2024, 7, 20, 12, tzinfo=UTC)
HALL = ("business_hall_real_person", "guangdong_residence_code")
TABLE = {
    (A, Tier.NORMAL): ("none", ()),
    (A, Tier.MEDIUM_LOW): ("verify", ("online_real_person",)),
    (A, Tier.MEDIUM_HIGH): ("verify", HALL),
    (A, Tier.EXTREMELY_HIGH): ("verify", (*HALL, "social_insurance_record")),
    (B, Tier.NORMAL): ("none", ()),
    (B, Tier.MEDIUM_LOW): ("verify", ("online_real_person",)),
    (B, Tier.MEDIUM_HIGH): ("verify", HALL),
    (B, Tier.EXTREMELY_HIGH): ("verify", HALL),
}


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


@pytest.mark.parametrize(
    ("instant", "policy"),
    [
        ("2024-07-01T00:00:00+08:00", A),
        ("2024-07-25T23:59:59+08:00", A),
        ("2024-07-26T00:00:00+08:00", B),
        ("2024-07-25T16:00:00+00:00", B),  # midnight in Shenzhen, still the day before in UTC
        ("2031-01-01T00:00:00+00:00", B),
    ],
)
def test_a_policy_begins_at_midnight_in_its_own_time_zone(
    policies: tuple[Policy, ...], instant: str, policy: str
) -> None:
    assert in_force(policies, utc(instant)).id == policy


def test_no_policy_is_in_force_before_the_first_one(policies: tuple[Policy, ...]) -> None:
    with pytest.raises(PolicyError, match="2024-07-01 or later") as error:
        in_force(policies, utc("2024-06-30T23:59:59+08:00"))
    assert error.value.found == "2024-06-30T15:59:59Z"


def test_the_order_of_policies_does_not_matter(policies: tuple[Policy, ...]) -> None:
    assert in_force(tuple(reversed(policies)), utc("2024-08-01T00:00:00+08:00")).id == B


def test_an_instant_without_a_time_zone_is_refused(policies: tuple[Policy, ...]) -> None:
    with pytest.raises(PolicyError, match="no time zone"):
        in_force(policies, datetime(2024, 7, 20))  # noqa: DTZ001


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("day", ["2024-07-01", "2024-07-25", "2024-07-26", "2026-01-01"])
def test_the_offered_steps_equal_the_table_of_the_day(policies: tuple[Policy, ...], tier: Tier, day: str) -> None:
    policy = in_force(policies, utc(f"{day}T12:00:00+08:00"))
    kind, steps = TABLE[policy.id, tier]
    action = policy.action(tier, last_verified_at=None, as_of=AS_OF)
    assert action == Action(kind=kind, policy=policy.id, steps=steps, held_by=None)


def test_only_the_first_policy_asks_for_social_insurance(policies: tuple[Policy, ...]) -> None:
    assert {policy.id: policy.asks_for("social_insurance_record") for policy in policies} == {A: True, B: False}


@pytest.mark.parametrize(
    ("verified", "status", "held_by"),
    [
        (None, "fresh", None),
        (timedelta(0), "fresh", "cool_down"),
        (timedelta(days=10), "fresh", "cool_down"),
        (timedelta(days=30) - timedelta(seconds=1), "fresh", "cool_down"),
        (timedelta(days=30), "fresh", None),
        (timedelta(days=-1), "fresh", None),  # after as_of: not known yet
        (None, "stale", "stale"),
        (None, "degraded", "degraded"),
        (timedelta(days=10), "stale", "cool_down"),
        (timedelta(days=40), "degraded", "degraded"),
    ],
)
@pytest.mark.parametrize("tier", TIERS[1:])
def test_a_measure_is_held_by_a_cool_down_or_by_the_status(
    policies: tuple[Policy, ...], tier: Tier, verified: timedelta | None, status: str, held_by: str | None
) -> None:
    policy = policies[-1]
    last = None if verified is None else AS_OF - verified
    action = policy.action(tier, last_verified_at=last, as_of=AS_OF, status=status)
    assert action.held_by == held_by
    assert action.steps == TABLE[policy.id, tier][1]


@pytest.mark.parametrize("status", ["fresh", "stale", "degraded"])
def test_a_normal_line_gets_no_action_in_any_status(policies: tuple[Policy, ...], status: str) -> None:
    action = policies[-1].action(Tier.NORMAL, last_verified_at=AS_OF, as_of=AS_OF, status=status)
    assert action == Action(kind="none", policy=B, steps=(), held_by=None)


def test_an_unknown_status_is_refused(policies: tuple[Policy, ...]) -> None:
    with pytest.raises(PolicyError, match="fresh, stale, degraded"):
        policies[-1].action(Tier.MEDIUM_LOW, last_verified_at=None, as_of=AS_OF, status="unknown")


def test_every_material_has_an_alternative_and_a_face_check_is_never_the_only_way(policies: tuple[Policy, ...]) -> None:
    for policy in policies:
        assert all(material.alternatives for material in policy.materials.values())
        assert any("人工" in other.zh for other in policy.materials["live_check"].alternatives)
        assert any("港澳台" in other.zh for other in policy.materials["guangdong_residence_code"].alternatives)


def test_shipped_time_limits_halls_and_open_numbers(policies: tuple[Policy, ...]) -> None:
    for policy in policies:
        clocks = policy.clocks
        assert (clocks.verify_within_hours, clocks.cool_down_days) == (24, 30)
        assert (clocks.answer_target_hours, clocks.answer_limit_days) == (24, 15)
        assert policy.snapshot_max_age == timedelta(hours=36)
        assert policy.halls.scope == "country"
        assert set(policy.always_open) == {"110", "119", "120", "122", "10086"}


def test_the_summary_is_json_and_contains_the_whole_policy(policies: tuple[Policy, ...]) -> None:
    summary = json.loads(json.dumps(policies[-1].summary()))
    assert list(summary["tiers"]) == list(TIERS)
    assert summary["tiers"]["extremely_high"]["zh"] == "极高"
    assert summary["in_force_from"] == "2024-07-26"
    assert summary["starts_at"] == "2024-07-25T16:00:00Z"
    assert summary["fingerprint"] != policies[0].fingerprint


def test_the_wording_never_accuses_and_warns_of_impostors(policies: tuple[Policy, ...]) -> None:
    for policy in policies:
        zh = policy.wording.notice.zh
        assert "使用情况异常" in zh
        assert policy.wording.anti_imposter.zh in zh
        assert policy.wording.anti_imposter.en in policy.wording.notice.en
        assert not any(word in policy.wording.model_dump_json() for word in ("诈", "犯罪", "fraud", "criminal"))
