"""Notices are made from the frozen decision, in two languages and three forms."""

from __future__ import annotations

import hashlib
import html
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pytest

from linerisk.as_of import now
from linerisk.decisions.log import DecisionLog


@pytest.fixture(scope="module")
def fresh(serving: Any, world_of_module: Any) -> Iterator[Any]:
    """A service with a snapshot that is an hour old, so its decisions have actions."""
    world_of_module.publish(as_of=now() - timedelta(hours=1))
    with serving(world_of_module) as server:
        yield server


@pytest.fixture(scope="module")
def decisions(fresh: Any) -> dict[str, Any]:
    """A decision with an action (`asks`) and one without (`nothing`)."""
    every = fresh.score("notices", *(f"line-{i:03}" for i in range(200))).json()["decisions"]
    acting = [each for each in every if each["action"]["kind"] == "verify" and not each["action"]["held_by"]]
    raised = [each for each in acting if any(reason["direction"] == "raises" for reason in each["reasons"])]
    return {"asks": raised[0], "nothing": next(each for each in every if each["action"]["kind"] == "none")}


def notice(fresh: Any, decision: dict[str, Any], role: str = "scorer", **query: str) -> Any:
    return fresh.client(role).get(f"/v1/decisions/{decision['decision_id']}/notice", params=query)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_notice_lists_the_reasons_of_the_decision(fresh: Any, decisions: dict[str, Any], lang: str) -> None:
    decision = decisions["asks"]
    answer = notice(fresh, decision, lang=lang).json()
    assert "error" not in answer, answer
    raising = [reason[lang] for reason in decision["reasons"] if reason["direction"] == "raises"]
    assert [reason["text"] for reason in answer["reasons"]] == raising
    assert all(text in answer["text"] for text in raising)
    assert answer["policy"] == decision["action"]["policy"]
    assert answer["line_tail"] == decision["line_id"][-4:].replace("-", "*")
    assert len(answer["steps"]) == len(decision["action"]["steps"])
    assert decision["line_id"] not in str(answer)


def test_chinese_and_json_are_the_default(fresh: Any, decisions: dict[str, Any]) -> None:
    assert notice(fresh, decisions["asks"]).json() == notice(fresh, decisions["asks"], lang="zh", form="json").json()


@pytest.mark.parametrize("role", ["reviewer", "auditor"])
def test_reviewer_and_auditor_read_the_same_notice_as_the_scorer(
    fresh: Any, decisions: dict[str, Any], role: str
) -> None:
    assert notice(fresh, decisions["asks"], role).content == notice(fresh, decisions["asks"]).content


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_text_message_has_at_most_three_parts(fresh: Any, decisions: dict[str, Any], lang: str) -> None:
    message = notice(fresh, decisions["asks"], lang=lang, form="sms").json()
    assert set(message) == {"text", "encoding", "parts"}
    assert 1 <= message["parts"] <= 3
    assert notice(fresh, decisions["asks"], lang=lang).json()["case"] in message["text"]


def test_the_page_is_html_and_is_not_cached(fresh: Any, decisions: dict[str, Any]) -> None:
    answer = notice(fresh, decisions["asks"], form="html")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.text.startswith("<!doctype html>")
    assert "<script" not in answer.text


def test_a_notice_of_a_decision_without_an_action_requests_nothing(fresh: Any, decisions: dict[str, Any]) -> None:
    answer = notice(fresh, decisions["nothing"], lang="en").json()
    assert (answer["asks"], answer["reasons"], answer["steps"], answer["until"]) == (False, [], [], None)


def test_the_verification_deadline_counts_from_the_time_of_sending(fresh: Any, decisions: dict[str, Any]) -> None:
    early = notice(fresh, decisions["asks"]).json()["until"]
    assert notice(fresh, decisions["asks"], sent_at=decisions["asks"]["scored_at"]).json()["until"] == early


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"lang": "de"}, "lang"),
        ({"lang": ""}, "lang"),
        ({"form": "pdf"}, "form"),
        ({"sent_at": "soon"}, "sent_at"),
        ({"sent_at": "2024-01-01T00:00:00Z"}, "sent_at"),
        ({"sent_at": "9999-12-31T23:59:59Z"}, "sent_at"),
    ],
)
def test_a_wrong_query_is_refused(fresh: Any, decisions: dict[str, Any], query: dict[str, str], field: str) -> None:
    answer = notice(fresh, decisions["asks"], **query)
    assert answer.status_code == 422
    assert answer.json()["error"]["field"] == field


def test_an_unknown_decision_has_no_notice(fresh: Any) -> None:
    assert fresh.client().get("/v1/decisions/01J1NR8X00AAAAAAAAAAAAAAAA/notice").status_code == 404


def test_a_decision_without_reasons_has_no_notice(fresh: Any, decisions: dict[str, Any]) -> None:
    body = pa.BufferOutputStream()
    table = pa.table({"line_id": [decisions["asks"]["line_id"]]})
    with pa.ipc.new_stream(body, table.schema) as writer:
        writer.write_table(table)
    answer = fresh.client().post(
        "/v1/score/arrow",
        params={"request_id": "notice-without-reasons", "reasons": "false"},
        content=body.getvalue().to_pybytes(),
        headers={"content-type": "application/vnd.apache.arrow.stream"},
    )
    [decision] = pa.ipc.open_stream(answer.content).read_all().to_pylist()
    refused = notice(fresh, decision)
    assert refused.status_code == 422
    assert refused.json()["error"]["code"] == "notice"
    assert "no notice without a reason" in refused.json()["error"]["message"]


def test_the_evidence_holds_the_frozen_decision_and_its_basis(fresh: Any, decisions: dict[str, Any]) -> None:
    path = f"/v1/decisions/{decisions['asks']['decision_id']}"
    record = fresh.client("auditor").get(path).json()
    bundle = fresh.client("auditor").get(f"{path}/evidence").json()
    assert {name: bundle["decision"][name] for name in decisions["asks"]} == decisions["asks"]
    assert {each["name"]: each["value"] for each in bundle["features"]} == record["features"]
    assert bundle["model"] == record["model"]
    assert bundle["policy"]["id"] == record["action"]["policy"]
    assert bundle["snapshot_id"] == record["snapshot_id"]
    assert bundle["replay"] == {"identical": True, "differences": []}
    with DecisionLog(fresh.world.settings.decision_log_url, create=False) as log:
        frozen = log.get(record["decision_id"])
    assert frozen is not None
    assert bundle["record_sha256"] == hashlib.sha256(frozen.to_json()).hexdigest()


def test_the_evidence_is_also_available_as_one_page(fresh: Any, decisions: dict[str, Any]) -> None:
    path = f"/v1/decisions/{decisions['asks']['decision_id']}/evidence"
    answer = fresh.client("reviewer").get(path, params={"form": "html"})
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert all(html.escape(reason["zh"], quote=False) in answer.text for reason in decisions["asks"]["reasons"])
    assert "<script" not in answer.text
    assert fresh.client("reviewer").get(path, params={"form": "pdf"}).status_code == 422
