"""Reading, explaining and replaying decisions; the policy and the model card."""

from __future__ import annotations

import math
from typing import Any

import pytest

from linerisk.features.catalogue import FEATURE_NAMES


@pytest.fixture(scope="module")
def decided(service: Any) -> dict[str, Any]:
    decision: dict[str, Any] = service.score("to-be-read", "line-005").json()["decisions"][0]
    return decision


@pytest.fixture
def reading(service: Any, decided: dict[str, Any]) -> Any:
    path = f"/v1/decisions/{decided['decision_id']}"

    def read(below: str = "", method: str = "GET") -> Any:
        answer = service.client("auditor").request(method, path + below)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return read


def test_the_stored_record_holds_the_answer_and_its_inputs(reading: Any, decided: dict[str, Any]) -> None:
    record = reading()
    assert {name: record[name] for name in decided if name != "model"} == {
        name: value for name, value in decided.items() if name != "model"
    }
    assert set(record["features"]) == set(FEATURE_NAMES)
    assert record["scored_by"] == "a-scorer"
    assert len(record["model"]["fingerprint"]) == 64


def test_the_explanation_adds_up(reading: Any, decided: dict[str, Any]) -> None:
    answer = reading("/explanation")
    p = decided["probability"]
    assert answer["log_odds"] == pytest.approx(math.log(p) - math.log1p(-p), abs=1e-9)
    assert answer["reasons"] == decided["reasons"]
    assert sum(answer["contributions"].values()) + answer["base"] + answer["calibration"] == pytest.approx(
        answer["log_odds"]
    )


def test_the_explanation_lists_what_would_change_the_tier(reading: Any, decided: dict[str, Any]) -> None:
    otherwise = reading("/explanation")["otherwise"]
    families = [each["families"] for each in otherwise["each_family_as_usual"]]
    assert sorted(families) == [[family] for family in sorted(decided["contributions"])]
    [own] = [each for each in otherwise["at_ages"] if each["own"]]
    assert (own["probability"], own["tier"]) == (decided["probability"], decided["tier"])
    by_age = [each["probability"] for each in otherwise["at_ages"]]
    assert by_age == sorted(by_age, reverse=True)


def test_a_replay_is_identical(reading: Any, decided: dict[str, Any]) -> None:
    assert reading("/replay", "POST") == {
        "decision_id": decided["decision_id"],
        "identical": True,
        "differences": [],
    }


@pytest.mark.parametrize("below", ["", "/explanation"])
def test_an_unknown_decision_is_not_found(service: Any, below: str) -> None:
    answer = service.client("auditor").get(f"/v1/decisions/01J1NR8X00AAAAAAAAAAAAAAAA{below}")
    assert answer.status_code == 404
    assert answer.json()["error"]["field"] == "id"


def test_the_history_of_a_line_is_paged_newest_first(service: Any) -> None:
    ids = [service.score(f"page-{i}", "line-010").json()["decisions"][0]["decision_id"] for i in range(5)]
    path = "/v1/lines/line-010/decisions"
    first = service.client("reviewer").get(path, params={"limit": 3}).json()
    assert [d["decision_id"] for d in first["decisions"]] == ids[:1:-1]
    rest = service.client("reviewer").get(path, params={"limit": 200, "before": first["next_before"]}).json()
    assert [d["decision_id"] for d in rest["decisions"]][:2] == ids[1::-1]
    assert rest["next_before"] is None


def test_a_line_without_decisions_has_an_empty_history(service: Any) -> None:
    answer = service.client().get("/v1/lines/never%2Fseen%20中/decisions").json()
    assert answer == {"line_id": "never/seen 中", "decisions": [], "next_before": None}


@pytest.mark.parametrize("limit", ["0", "201", "-1", "x", "1e1", "9" * 400, ""])
def test_a_wrong_limit_is_refused(service: Any, limit: str) -> None:
    answer = service.client().get("/v1/lines/a/decisions", params={"limit": limit})
    assert answer.status_code == 422
    assert answer.json()["error"]["field"] == "limit"


def test_an_ambiguous_query_is_malformed(service: Any) -> None:
    assert service.client().get("/v1/policy?on=2024-07-26&on=2024-07-01").status_code == 400
    assert service.client().get("/v1/policy?on=%FF").status_code == 400


@pytest.mark.parametrize(("on", "policy"), [("2024-07-05", "shenzhen-2024-07-a"), ("2024-12-31", "shenzhen-2024-07-b")])
def test_the_policy_of_a_day_is_returned(service: Any, on: str, policy: str) -> None:
    answer = service.client("lead").get("/v1/policy", params={"on": on}).json()
    assert answer["id"] == policy
    assert list(answer["tiers"]) == ["normal", "medium_low", "medium_high", "extremely_high"]


def test_the_policy_of_today_is_the_default(service: Any) -> None:
    assert service.client("lead").get("/v1/policy").json()["id"] == "shenzhen-2024-07-b"


@pytest.mark.parametrize(
    ("on", "status"), [("2020-01-01", 404), ("1066-10-14", 422), ("soon", 422), ("9999-12-31", 422), ("", 422)]
)
def test_a_day_without_a_policy_is_not_found(service: Any, on: str, status: int) -> None:
    answer = service.client("lead").get("/v1/policy", params={"on": on})
    assert answer.status_code == status
    assert answer.json()["error"]["field"] == "on"


def test_the_model_card_lists_proven_tiers_snapshot_and_time_of_promotion(service: Any) -> None:
    card = service.client("lead").get("/v1/model").json()
    assert (card["name"], card["version"], card["expired"]) == ("linerisk", "1", False)
    assert [tier["tier"] for tier in card["tiers"]] == ["medium_low", "medium_high", "extremely_high"]
    assert all(tier["proven"] > tier["wished"] for tier in card["tiers"])
    assert card["snapshot"]["as_of"] == "2024-08-01T00:00:00Z"
    assert card["snapshot"]["lines"] == 200
    assert card["live_since"].endswith("Z")


def test_the_model_card_states_the_effect_of_expiry_and_who_approved_the_promotion(service: Any) -> None:
    card = service.client("lead").get("/v1/model").json()
    assert card["when_expired"].endswith("no measure starts by itself")
    assert card["promotion"] == {
        "what": "promoted",
        "by": "li",
        "approver": "wang",
        "reason": "few frauds this month",
        "overridden": ["G001"],
    }
