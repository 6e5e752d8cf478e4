"""Disputes over HTTP: from decision to lift, with roles, idempotency and refusals as in the contract."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx
import pytest

from linerisk import as_of
from linerisk.decisions.log import DecisionLog
from linerisk.policy import load_policies
from linerisk.review.dispute_service import DisputeService
from linerisk.review.transitions import SCORER, Actor

REASON = "The holder works as a courier; the employer confirmed it in writing."


class Case:
    """Calls of one dispute; every call gets a new request id unless one is given."""

    def __init__(self, service: Any, keys: Iterator[str]) -> None:
        self._service = service
        self._keys = keys
        self.dispute_id = ""

    def call(self, role: str, below: str, **body: Any) -> httpx.Response:
        path = f"/v1/disputes/{self.dispute_id}/{below}"
        answer: httpx.Response = self._service.client(role).post(path, json={"request_id": next(self._keys), **body})
        return answer

    def open(self, decision_id: str, **changed: Any) -> httpx.Response:
        body = {
            "request_id": next(self._keys),
            "decision_id": decision_id,
            "statement": "I deliver parcels and call who is to have them. <script>alert(1)</script>",
            "channel": "hotline",
        }
        answer: httpx.Response = self._service.client("scorer").post("/v1/disputes", json={**body, **changed})
        if answer.status_code == 200:
            self.dispute_id = answer.json()["dispute_id"]
        return answer

    def assign(self, **changed: Any) -> httpx.Response:
        return self.call("reviewer", "assign", **{"assignee": "a-reviewer", **changed})

    def outcome(self, outcome: str, **changed: Any) -> httpx.Response:
        return self.call("reviewer", "outcome", **{"outcome": outcome, "reason": REASON, **changed})


@pytest.fixture(scope="module")
def service(world_of_module: Any, serving: Callable[..., Any]) -> Iterator[Any]:
    """A separate service, because a cleared line holds back actions in other tests."""
    with serving(world_of_module) as started:
        yield started


@pytest.fixture(scope="module")
def keys() -> Iterator[str]:
    return (f"dispute-{i}" for i in itertools.count())


@pytest.fixture
def case(service: Any, keys: Iterator[str]) -> Case:
    return Case(service, keys)


@pytest.fixture(scope="module")
def raised(service: Any) -> dict[str, list[str]]:
    """Lines of the snapshot by tier."""
    lines = [f"line-{i:03}" for i in range(100, 200)]
    found: dict[str, list[str]] = {}
    for decision in service.score("disputes-which", *lines).json()["decisions"]:
        found.setdefault(decision["tier"], []).append(decision["line_id"])
    return found


@pytest.fixture(scope="module")
def never_cleared(service: Any) -> str:
    """A line with a verification action that no other test clears."""
    decisions = service.score("disputes-never", *(f"line-{i:03}" for i in range(100))).json()["decisions"]
    return next(decision["line_id"] for decision in decisions if decision["action"]["kind"] == "verify")


@pytest.fixture
def decided(service: Any, raised: dict[str, list[str]], keys: Iterator[str]) -> Any:
    """Makes a new decision on a line of one of the given tiers; lines rotate."""

    def decide(*tiers: str) -> dict[str, Any]:
        chosen = tiers or ("medium_low", "medium_high", "extremely_high")
        lines = next(raised[tier] for tier in chosen if raised.get(tier))
        lines.append(line := lines.pop(0))
        decision: dict[str, Any] = service.score(next(keys), line).json()["decisions"][0]
        return decision

    return decide


def test_a_dispute_passes_from_decision_to_lift(service: Any, case: Case, decided: Any) -> None:
    decision = decided()
    before = service.client("scorer").get("/v1/lifts").json()["next_after"]
    opened = case.open(decision["decision_id"]).json()
    assert (opened["state"], opened["clock"], opened["tier"]) == ("opened", "in_time", decision["tier"])
    assert opened["case_number"]
    assert opened["answer_by"] < opened["hard_limit"]
    assert case.assign().json()["assigned_to"] == "a-reviewer"
    cleared = case.outcome("cleared").json()
    assert (cleared["state"], cleared["reason"], cleared["clock"]) == ("cleared", REASON, None)
    (lift,) = service.client("scorer").get("/v1/lifts", params={"after": before}).json()["lifts"]
    assert (lift["line_id"], lift["decision_id"], lift["outcome"]) == (
        decision["line_id"],
        decision["decision_id"],
        "cleared",
    )
    assert service.client("scorer").get("/v1/lifts", params={"after": lift["seq"]}).json()["lifts"] == []


def test_a_cleared_line_gets_no_new_action_on_the_same_evidence(
    service: Any, case: Case, never_cleared: str, keys: Iterator[str], wait_until: Any
) -> None:
    decision = service.score(next(keys), never_cleared).json()["decisions"][0]
    assert decision["action"]["held_by"] != "cool_down"
    case.open(decision["decision_id"])
    case.assign()
    case.outcome("cleared")

    def scored() -> dict[str, Any]:
        found: dict[str, Any] = service.score(next(keys), decision["line_id"]).json()["decisions"][0]
        return found

    # A process refreshes cleared lines twenty times a second.
    wait_until(lambda: scored()["action"]["held_by"] == "cool_down")
    again = scored()
    assert (again["tier"], again["action"]["held_by"]) == (decision["tier"], "cool_down")
    record = service.client("auditor").get(f"/v1/decisions/{again['decision_id']}").json()
    assert record["cleared_at"] is not None


def test_upholding_the_highest_tier_needs_the_approval_of_a_lead(service: Any, case: Case, decided: Any) -> None:
    case.open(decided("extremely_high")["decision_id"])
    case.assign()
    assert case.outcome("upheld").json()["state"] == "awaiting_approval"
    assert case.call("reviewer", "approve", approved=True, reason=REASON).status_code == 403
    upheld = case.call("lead", "approve", approved=True, reason=REASON).json()
    assert (upheld["state"], upheld["decided_by"], upheld["approved_by"]) == ("upheld", "a-reviewer", "a-lead")
    events = service.client("auditor").get(f"/v1/disputes/{case.dispute_id}").json()["events"]
    assert [event["move"] for event in events] == ["open", "assign", "decide", "approve"]


def test_a_lead_cannot_approve_their_own_outcome(case: Case, decided: Any) -> None:
    case.open(decided("extremely_high")["decision_id"])
    case.assign(assignee="a-lead")
    case.call("lead", "outcome", outcome="upheld", reason=REASON)
    refused = case.call("lead", "approve", approved=True, reason=REASON)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "not_allowed")


def test_a_repeated_dispute_request_returns_the_same_answer(case: Case, decided: Any) -> None:
    decision = decided()
    first = case.open(decision["decision_id"], request_id="same-dispute")
    assert case.open(decision["decision_id"], request_id="same-dispute").json() == first.json()
    other = case.open(decision["decision_id"], request_id="same-dispute", statement="Something else.")
    assert (other.status_code, other.json()["error"]["code"]) == (409, "conflict")
    assert other.json()["error"]["request_id"] == "same-dispute"
    again = case.open(decision["decision_id"])
    assert (again.status_code, again.json()["error"]["code"]) == (409, "illegal_move")


def test_an_outdated_case_version_is_refused(case: Case, decided: Any) -> None:
    opened = case.open(decided()["decision_id"]).json()
    case.assign()
    stale = case.outcome("cleared", seen=opened["number"])
    assert (stale.status_code, stale.json()["error"]["code"], stale.json()["error"]["field"]) == (409, "stale", "seen")


def test_of_two_concurrent_changes_one_succeeds(case: Case, decided: Any) -> None:
    case.open(decided()["decision_id"])
    case.assign()
    with ThreadPoolExecutor(6) as threads:
        statuses = list(threads.map(lambda i: case.outcome("cleared", request_id=f"race-{i}").status_code, range(6)))
    assert sorted(statuses) == [200] + [409] * 5


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"outcome": "forgiven"}, "outcome"),
        ({"reason": "too short"}, "reason"),
        ({"reason": " " * 30}, "reason"),
        ({"outcome": "lowered"}, "lowered_to"),
        ({"outcome": "lowered", "lowered_to": "extremely_high"}, "lowered_to"),
        ({"seen": 0}, "seen"),
        ({"reasn": REASON}, "reasn"),
        ({"request_id": ""}, "request_id"),
    ],
)
def test_a_wrong_outcome_names_the_field(case: Case, decided: Any, body: dict[str, Any], field: str) -> None:
    if not case.dispute_id:
        case.open(decided()["decision_id"])
        case.assign()
    refused = case.outcome(**{"outcome": "cleared", **body})
    assert (refused.status_code, refused.json()["error"]["field"]) == (422, field)


def test_an_objection_to_an_unknown_decision_lists_where_to_forward_it(case: Case) -> None:
    refused = case.open("01J1NR8X00AAAAAAAAAAAAAAAA").json()["error"]
    assert "pass on what was not decided here to who decided it" in refused["hint"]
    assert [who for who in ("police", "12321", "platform", "hall") if who not in refused["hint"]] == []


def test_an_unknown_case_is_not_found(service: Any, case: Case) -> None:
    unknown = case.open("01J1NR8X00AAAAAAAAAAAAAAAA")
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "unknown_dispute")
    case.dispute_id = "01J1NR8X00AAAAAAAAAAAAAAAA"
    assert case.assign().status_code == 404
    assert service.client("auditor").get("/v1/disputes/nothing").status_code == 404


def test_a_dispute_cannot_be_assigned_to_a_token_that_does_not_review(case: Case, decided: Any) -> None:
    case.open(decided()["decision_id"])
    refused = case.assign(assignee="a-scorer")
    assert (refused.status_code, refused.json()["error"]["field"]) == (422, "assignee")


def test_the_queue_has_pages_and_filters(service: Any, case: Case, decided: Any) -> None:
    ids = []
    for _ in range(3):
        case.open(decided()["decision_id"])
        ids.append(case.dispute_id)
    reviewer = service.client("reviewer")
    first = reviewer.get("/v1/disputes", params={"state": "opened", "limit": 2}).json()
    rest = reviewer.get("/v1/disputes", params={"state": "opened", "after": first["next_after"]}).json()
    found = [each["dispute_id"] for each in first["disputes"] + rest["disputes"]]
    assert set(ids) <= set(found)
    assert len(found) == len(set(found))
    of_one = {"decision_id": first["disputes"][0]["decision_id"], "clock": "in_time"}
    (own,) = reviewer.get("/v1/disputes", params=of_one).json()["disputes"]
    assert own == first["disputes"][0]


@pytest.mark.parametrize(
    ("query", "field"),
    [("state=lost", "state"), ("clock=x", "clock"), ("tier=high", "tier"), ("limit=0", "limit"), ("after=x", "after")],
)
def test_a_wrong_query_names_the_field(service: Any, query: str, field: str) -> None:
    answer = service.client("reviewer").get(f"/v1/disputes?{query}")
    assert (answer.status_code, answer.json()["error"]["field"]) == (422, field)


def test_metrics_include_the_disputes(service: Any, case: Case, decided: Any) -> None:
    case.open(decided()["decision_id"])
    text = httpx.get(f"{service.url}/metrics").text
    assert 'linerisk_disputes_open{state="opened"}' in text
    assert 'linerisk_disputes_clock{clock="overdue"} 0' in text
    case.assign()
    case.outcome("cleared")
    text = httpx.get(f"{service.url}/metrics").text
    assert any(line.startswith("linerisk_disputes_overturned{") and 'model="1"' in line for line in text.splitlines())
    assert case.dispute_id not in text


def test_the_notice_names_the_case(service: Any, case: Case, decided: Any) -> None:
    decision = decided()
    opened = case.open(decision["decision_id"]).json()
    notice = service.client("reviewer").get(f"/v1/decisions/{decision['decision_id']}/notice").json()
    assert notice["case"] == opened["case_number"]


def test_the_case_number_of_a_notice_becomes_the_dispute_number_and_finds_the_decision(
    service: Any, case: Case, decided: Any
) -> None:
    decision_id = decided()["decision_id"]
    scorer = service.client("scorer")
    number = scorer.get(f"/v1/decisions/{decision_id}/notice").json()["case"]
    typed = f" {number[:10].lower()} {number[10:]}"
    assert scorer.get(f"/v1/decisions/{typed}").json()["decision_id"] == decision_id
    assert service.client("reviewer").get(f"/v1/decisions/{number}/evidence").status_code == 200
    opened = case.open(decision_id).json()
    assert opened["case_number"] == number
    assert scorer.get(f"/v1/decisions/{decision_id}/notice").json()["case"] == number
    assert scorer.get(f"/v1/decisions/{number[:-4]}0000").status_code == 404


def test_a_running_service_closes_disputes_past_their_hard_deadline(
    world: Any, serving: Callable[..., Any], wait_until: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(world, "--workers", "2") as first:
        decision = first.score("late-1", "line-100").json()["decisions"][0]["decision_id"]
    with DecisionLog(world.settings.decision_log_url) as log, monkeypatch.context() as then:
        before = as_of.now() - timedelta(days=16)
        then.setattr(as_of, "now", lambda: before)
        state = DisputeService(log, load_policies(world.settings.policies), role_of=lambda _: None)
        late = state.open(Actor("hotline", SCORER), decision, statement="x", channel="hotline", request_id="late-2")
    with serving(world, "--workers", "2") as server:
        auditor = server.client("auditor")
        wait_until(lambda: auditor.get(f"/v1/disputes/{late.dispute_id}").json()["state"] == "expired")
        assert [each["move"] for each in auditor.get(f"/v1/disputes/{late.dispute_id}").json()["events"]] == [
            "open",
            "expire",
        ]
        assert "linerisk_disputes_expired 1" in httpx.get(f"{server.url}/metrics").text.splitlines()
        logged = [line for line in server.log.read_text().splitlines() if "disputes ended unanswered" in line]
    assert [json.loads(line)["count"] for line in logged] == [1]
