"""Scoring: the answer, idempotency, and bad lines that do not affect the others."""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest

from linerisk.features.catalogue import WITH_REFERENCE

ACCOUNT = {"activated_on": "2024-01-01", "home_area": "440300", "plan_kind": "prepaid", "status": "active"}
RECORD = {
    "peer_id": "007",
    "record_type": "call_out",
    "started_at": "2024-07-30T10:00:00Z",
    "duration_s": 30,
    "peer_area": "440100",
    "visited_area": "440300",
    "cell_id": "a cell",
    "device_id": "a handset",
}
AS_OF = "2024-08-01T00:00:00Z"


@pytest.fixture
def score_records(service: Any) -> Callable[..., Any]:
    def posting(request_id: str, *lines: dict[str, Any], as_of: str | None = AS_OF) -> Any:
        body = {"request_id": request_id, "lines": list(lines), **({} if as_of is None else {"as_of": as_of})}
        return service.client().post("/v1/score/records", json=body)

    return posting


def test_an_answer_has_the_shape_of_the_contract(service: Any) -> None:
    answer = service.score("shape", "line-001").json()
    assert set(answer) == {"request_id", "decisions", "problems"}
    (decision,) = answer["decisions"]
    assert {
        "decision_id",
        "request_id",
        "line_id",
        "as_of",
        "scored_at",
        "status",
        "margin",
        "probability",
        "probability_low",
        "probability_high",
        "tier",
        "action",
        "reasons",
        "model",
        "features_from",
    } <= set(decision)
    assert decision["line_id"] == "line-001"
    assert decision["request_id"] == "shape"
    assert decision["as_of"] == AS_OF
    assert decision["model"] == {"name": "linerisk", "version": "1"}
    assert decision["features_from"] == "snapshot"
    assert decision["action"]["policy"] == "shenzhen-2024-07-b"
    assert decision["probability_low"] <= decision["probability"] <= decision["probability_high"]
    assert set(decision["reasons"][0]) == {"code", "family", "direction", "zh", "en", "contribution", "facts"}


def test_base_calibration_and_contributions_are_the_log_odds_of_the_probability(service: Any) -> None:
    lines = [f"line-{i:03}" for i in range(100)]
    decisions = service.score("sums", *lines).json()["decisions"]
    assert len(decisions) == 100
    for decision in decisions:
        total = decision["base"] + decision["calibration"] + sum(decision["contributions"].values())
        p = decision["probability"]
        assert total == pytest.approx(math.log(p) - math.log1p(-p), abs=1e-9)


def test_an_unknown_line_and_a_duplicate_line_leave_the_others_scored(service: Any) -> None:
    answer = service.score("mixed", "line-001", "nobody", "line-002", "line-001").json()
    assert [decision["line_id"] for decision in answer["decisions"]] == ["line-001", "line-002"]
    assert [(p["line_id"], p["code"]) for p in answer["problems"]] == [
        ("line-001", "duplicate_line"),
        ("nobody", "unknown_line"),
    ]


def test_a_request_of_only_unknown_lines_is_answered_with_problems(service: Any) -> None:
    answer = service.score("nobody-at-all", "nobody", "no-one")
    assert answer.status_code == 200
    assert answer.json()["decisions"] == []
    assert len(answer.json()["problems"]) == 2


def test_a_number_and_its_text_are_the_same_line(service: Any) -> None:
    body = {"request_id": "numbers", "lines": [{"line_id": 123}, {"line_id": "123"}, {"line_id": "0123"}]}
    problems = service.client().post("/v1/score", json=body).json()["problems"]
    assert [(p["line_id"], p["code"]) for p in problems] == [
        ("123", "duplicate_line"),
        ("123", "unknown_line"),
        ("0123", "unknown_line"),
    ]


def test_an_old_snapshot_answers_stale_and_holds_the_action(service: Any) -> None:
    lines = [f"line-{i:03}" for i in range(200)]
    decisions = service.score("stale", *lines).json()["decisions"]
    acting = [d for d in decisions if d["action"]["kind"] != "none" and d["status"] == "stale"]
    assert acting
    assert {d["action"]["held_by"] for d in acting} == {"stale"}


def test_requesting_the_as_of_of_an_old_snapshot_is_still_stale(service: Any) -> None:
    (decision,) = service.score("fresh", "line-001", as_of=AS_OF).json()["decisions"]
    assert decision["status"] == "stale"


def test_a_known_line_without_an_account_is_degraded(service: Any) -> None:
    answer = service.score("degraded", "line-007", as_of=AS_OF).json()
    (decision,) = answer["decisions"]
    assert decision["status"] == "degraded"
    assert answer["problems"][0]["code"] == "account_missing"
    assert decision["action"]["held_by"] in {"degraded", None}


def test_an_instant_before_the_snapshot_is_refused(service: Any) -> None:
    error = service.score("before", "line-001", as_of="2024-07-31T23:59:59Z")
    assert error.status_code == 422
    assert error.json()["error"]["field"] == "as_of"
    assert "2024-08-01T00:00:00Z" in error.json()["error"]["message"]


@pytest.mark.parametrize("as_of", ["2999-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "1989-12-31T00:00:00Z"])
def test_an_as_of_without_data_is_refused(service: Any, as_of: str) -> None:
    assert service.score("no-data", "line-001", as_of=as_of).status_code == 422


def test_a_repeated_score_returns_the_stored_answer_and_writes_nothing(service: Any) -> None:
    first = service.score("again", "line-001", "line-002", "nobody").content
    assert service.score("again", "line-001", "line-002", "nobody").content == first
    history = service.client("reviewer").get("/v1/lines/line-001/decisions?limit=200").json()["decisions"]
    assert len([d for d in history if d["request_id"] == "again"]) == 1


def test_the_order_of_keys_does_not_change_the_request(service: Any) -> None:
    one = '{"request_id":"keys","lines":[{"line_id":"line-001"}]}'
    other = '{ "lines": [{"line_id": "line-001"}], "request_id": "keys" }'
    headers = {"content-type": "application/json"}
    answers = [service.client().post("/v1/score", content=text, headers=headers) for text in (one, other)]
    assert answers[0].status_code == 200
    assert answers[0].content == answers[1].content


def test_the_same_request_id_with_another_body_is_a_conflict(service: Any) -> None:
    service.score("conflict", "line-001")
    for lines in (["line-002"], [f"line-{i:03}" for i in range(20)]):
        error = service.score("conflict", *lines)
        assert error.status_code == 409
        assert error.json()["error"]["request_id"] == "conflict"
        assert error.json()["error"]["field"] == "request_id"


@pytest.mark.parametrize("lines", [1, 30])
def test_fifty_concurrent_copies_of_a_request_are_recorded_once(service: Any, lines: int) -> None:
    ids = [f"line-{i:03}" for i in range(lines)]
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: service.score(f"at-once-{lines}", *ids), range(50)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1


def test_a_thousand_lines_are_answered(service: Any) -> None:
    answer = service.score("thousand", *(f"line-{i:03}" for i in range(1000))).json()
    assert len(answer["decisions"]) == 200
    assert len([p for p in answer["problems"] if p["code"] == "unknown_line"]) == 800


def test_records_in_the_body_are_scored(score_records: Any) -> None:
    answer = score_records("records", {"line_id": "new", "account": ACCOUNT, "records": [RECORD]}).json()
    (decision,) = answer["decisions"]
    assert (decision["line_id"], decision["features_from"], decision["status"]) == ("new", "records", "fresh")
    assert decision["as_of"] == AS_OF
    assert answer["problems"] == []


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"device_id": None}, "device_id"),
        ({"cell_id": None, "visited_area": None}, "visited_area, cell_id"),
    ],
)
def test_a_line_whose_records_lack_an_input_is_degraded_without_an_action(
    score_records: Any, given: dict[str, None], named: str
) -> None:
    record = {**RECORD, **given}
    answer = score_records(f"thin-{len(given)}", {"line_id": "thin", "account": ACCOUNT, "records": [record]}).json()
    assert answer["decisions"][0]["status"] == "degraded"
    assert answer["problems"][0]["code"] == "inputs_missing"
    assert named in answer["problems"][0]["message"]


def test_a_line_without_any_record_is_degraded(score_records: Any) -> None:
    answer = score_records("silent", {"line_id": "silent", "account": ACCOUNT, "records": []}).json()
    assert answer["decisions"][0]["status"] == "degraded"
    assert answer["problems"][0]["code"] == "inputs_missing"


def test_records_after_the_instant_change_nothing(score_records: Any) -> None:
    later = {**RECORD, "started_at": "2024-08-01T00:00:01Z"}
    with_it, without = (
        score_records(name, {"line_id": "new", "account": ACCOUNT, "records": records}).json()["decisions"][0]
        for name, records in (("later", [RECORD, later]), ("not-later", [RECORD]))
    )
    assert with_it["margin"] == without["margin"]


def test_the_order_of_lines_is_the_order_of_decisions(score_records: Any) -> None:
    names = ["zoe", "adam", "mia", "ben"]
    answer = score_records("order", *({"line_id": n, "account": ACCOUNT, "records": [RECORD]} for n in names)).json()
    assert [decision["line_id"] for decision in answer["decisions"]] == names


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"record_type": "call_sideways"}, "records[1].record_type"),
        ({"started_at": "yesterday"}, "records[1].started_at"),
        ({"duration_s": -1}, "records[1].duration_s"),
        ({"duration_s": 2**40}, "records[1].duration_s"),
        ({"ring_s": -0.5}, "records[1].ring_s"),
        ({"ring_s": 1e300}, "records[1].ring_s"),
        ({"peer_kind": "martian"}, "records[1].peer_kind"),
        ({"peer_area": "44"}, "records[1].peer_area"),
        ({"peer_id": ""}, "records[1].peer_id"),
        ({"duration_s": 0, "answered": None}, "records[1].answered"),
    ],
)
def test_a_record_that_breaks_a_rule_makes_only_its_line_unusable(
    score_records: Any, change: dict[str, Any], message: str
) -> None:
    good = {"line_id": "good", "account": ACCOUNT, "records": [RECORD]}
    bad = {"line_id": "bad", "account": ACCOUNT, "records": [RECORD, {**RECORD, **change}]}
    answer = score_records(f"rule-{change}".replace(" ", ""), bad, good)
    assert answer.status_code == 200, answer.text
    assert [decision["line_id"] for decision in answer.json()["decisions"]] == ["good"]
    (problem,) = answer.json()["problems"]
    assert (problem["line_id"], problem["code"]) == ("bad", "wrong_value")
    assert problem["message"].startswith(f"{message}: expected ")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"plan_kind": "gratis"}, "account.plan_kind"),
        ({"activated_on": "soon"}, "account.activated_on"),
        ({"home_area": "0"}, "account.home_area"),
    ],
)
def test_an_account_that_breaks_a_rule_makes_only_its_line_unusable(
    score_records: Any, change: dict[str, Any], message: str
) -> None:
    bad = {"line_id": "bad", "account": {**ACCOUNT, **change}, "records": [RECORD]}
    good = {"line_id": "good", "account": ACCOUNT, "records": [RECORD]}
    answer = score_records(f"account-{message}", bad, good).json()
    assert [decision["line_id"] for decision in answer["decisions"]] == ["good"]
    assert answer["problems"][0]["message"].startswith(message)


def test_records_without_an_account_are_degraded(score_records: Any) -> None:
    answer = score_records("no-account", {"line_id": "new", "records": [RECORD]}).json()
    assert answer["decisions"][0]["status"] == "degraded"
    assert answer["problems"][0]["code"] == "account_missing"


def test_an_account_known_only_after_as_of_is_ignored(score_records: Any) -> None:
    account = {**ACCOUNT, "known_at": "2024-08-02T00:00:00Z"}
    answer = score_records("known-later", {"line_id": "new", "account": account, "records": [RECORD]}).json()
    assert answer["decisions"][0]["status"] == "degraded"


def test_a_line_without_records_and_account_is_a_problem(score_records: Any) -> None:
    answer = score_records("nothing", {"line_id": "new", "records": []}).json()
    assert answer["decisions"] == []
    assert answer["problems"][0]["code"] == "nothing_known"


def test_a_verification_within_the_cool_down_holds_the_action(service: Any, score_records: Any) -> None:
    record = {**RECORD, "answered": False, "duration_s": 0}
    busy = [{**record, "peer_id": i, "started_at": f"2024-07-31T{i % 24:02}:00:00Z"} for i in range(300)]
    account = {**ACCOUNT, "last_verified_at": "2024-07-31T00:00:00Z"}
    answer = score_records("cool", {"line_id": "busy", "account": account, "records": busy}).json()
    (decision,) = answer["decisions"]
    assert decision["action"]["held_by"] == (None if decision["action"]["kind"] == "none" else "cool_down")
    stored = service.client("auditor").get(f"/v1/decisions/{decision['decision_id']}").json()
    assert stored["last_verified_at"] == "2024-07-31T00:00:00Z"


def test_the_instant_defaults_to_now(score_records: Any) -> None:
    (decision,) = score_records("now", {"line_id": "new", "account": ACCOUNT, "records": []}, as_of=None).json()[
        "decisions"
    ]
    assert decision["as_of"] == decision["scored_at"]


def test_a_line_scored_from_records_has_the_reference_features_of_the_batch(
    service: Any, score_records: Any, known: list[dict[str, Any]]
) -> None:
    """One line per request: other lines count only through the published reference, bit for bit as in the batch."""
    batch = service.world.batch(as_of=datetime(2024, 8, 1, tzinfo=UTC))
    compared = [name for name in batch.columns if name in WITH_REFERENCE]
    assert batch.select(pl.col(compared).n_unique() > 1).row(0) == (True,) * len(WITH_REFERENCE)
    for line in known[::11]:
        (decision,) = score_records(f"alone-{line['line_id']}", line).json()["decisions"]
        stored = service.client("auditor").get(f"/v1/decisions/{decision['decision_id']}").json()
        expected = batch.row(by_predicate=pl.col("line_id") == line["line_id"], named=True)
        assert decision["margin"] == expected["margin"]
        assert {name: stored["features"][name] for name in compared} == {name: expected[name] for name in compared}


def test_many_lines_scored_from_their_records_have_the_margins_of_the_batch(
    service: Any, score_records: Any, known: list[dict[str, Any]]
) -> None:
    batch = service.world.batch(as_of=datetime(2024, 8, 1, tzinfo=UTC))
    decisions = score_records("batch", *known).json()["decisions"]
    margins = {decision["line_id"]: decision["margin"] for decision in decisions}
    assert margins == dict(batch.select("line_id", "margin").iter_rows())
    assert len(margins) == 110


def test_before_the_snapshot_a_line_has_no_reference_features_and_is_degraded(score_records: Any) -> None:
    line = {"line_id": "new", "account": {**ACCOUNT, "known_at": "2024-07-01T00:00:00Z"}, "records": [RECORD]}
    answer = score_records("earlier", line, as_of="2024-07-31T00:00:00Z").json()
    assert answer["decisions"][0]["status"] == "degraded"
    (problem,) = answer["problems"]
    assert problem["code"] == "inputs_missing"
    assert "compared with no other line" in problem["message"]


def test_long_after_the_snapshot_the_reference_is_stale(score_records: Any) -> None:
    line = {"line_id": "new", "account": ACCOUNT, "records": [{**RECORD, "started_at": "2024-08-30T10:00:00Z"}]}
    answer = score_records("much-later", line, as_of="2024-09-01T00:00:00Z").json()
    assert answer["decisions"][0]["status"] == "stale"
