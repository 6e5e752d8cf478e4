"""BentoML's own client calls the service: same tokens, roles, limits, log and answers as `/v1`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import bentoml
import httpx
import msgspec
import pytest
from pydantic import BaseModel

from linerisk.decisions.log import DecisionLog
from linerisk.decisions.record import DecisionAnswer, ModelName, RecordedAction, RecordedReason
from linerisk.service import bentoml_types
from linerisk.service.request_types import (
    AccountBody,
    LineById,
    LineWithRecords,
    ProblemBody,
    RecordBody,
    ScoreAnswer,
)

# BentoML 1.4.39 uses names that pathspec and pydantic have deprecated.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
RECORD = {"peer_id": "p", "record_type": "call_out", "started_at": "2024-07-31T10:00:00Z", "duration_s": 60}
ACCOUNT = {"activated_on": "2024-07-01", "home_area": "440300", "plan_kind": "prepaid", "status": "active"}


@contextmanager
def connected(service: Any, role: str) -> Iterator[Any]:
    with bentoml.SyncHTTPClient(service.url, token=service.world.tokens[role]) as client:
        yield client
    client._temp_dir.cleanup()  # closing the client leaves its folder


@pytest.fixture
def client(service: Any) -> Iterator[Any]:
    with connected(service, "scorer") as client:
        yield client


def call(service: Any, path: str, body: Any, *, role: str | None = "scorer", **headers: str) -> httpx.Response:
    content = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return service.client(role).post(path, content=content, headers={"content-type": "application/json", **headers})


def test_a_score_is_the_stored_answer_of_the_same_request_over_v1(service: Any, client: Any) -> None:
    lines = [{"line_id": "line-001"}, {"line_id": "nobody"}]
    answer = client.score(request_id="bento-1", as_of="2024-08-01T00:00:00Z", lines=lines)
    assert [decision["line_id"] for decision in answer["decisions"]] == ["line-001"]
    assert [problem["code"] for problem in answer["problems"]] == ["unknown_line"]
    body = {"request_id": "bento-1", "as_of": "2024-08-01T00:00:00Z", "lines": lines}
    assert call(service, "/v1/score", body).json() == answer
    assert client.score(request_id="bento-1", as_of="2024-08-01T00:00:00Z", lines=lines) == answer


def test_many_lines_are_scored(service: Any, client: Any) -> None:
    lines = [{"line_id": f"line-{i:03}"} for i in range(100)]
    answer = client.score(request_id="bento-many", lines=lines)
    assert len(answer["decisions"]) == 100
    assert call(service, "/v1/score", {"request_id": "bento-many", "lines": lines}).json() == answer


def test_records_are_scored_the_same_as_over_v1(service: Any, client: Any) -> None:
    lines = [{"line_id": "new", "records": [RECORD | {"ring_s": 5}], "account": ACCOUNT}]
    answer = client.score_records(request_id="bento-records", as_of="2024-08-01T00:00:00Z", lines=lines)
    assert answer["decisions"][0]["features_from"] == "records"
    body = {"request_id": "bento-records", "as_of": "2024-08-01T00:00:00Z", "lines": lines}
    assert call(service, "/v1/score/records", body).json() == answer


def test_a_decision_is_explained_to_a_reviewer_and_to_no_scorer(service: Any, client: Any) -> None:
    (decision,) = client.score(request_id="bento-explain", lines=[{"line_id": "line-002"}])["decisions"]
    with connected(service, "reviewer") as reviewer:
        explained = reviewer.explain(decision_id=decision["decision_id"])
    path = f"/v1/decisions/{decision['decision_id']}/explanation"
    assert explained == service.client("reviewer").get(path).json()
    assert call(service, "/explain", {"decision_id": decision["decision_id"]}).status_code == 403


def test_the_log_chain_holds_every_answer_sent_to_the_client(service: Any, client: Any) -> None:
    answer = client.score(request_id="bento-chain", lines=[{"line_id": "line-003"}])
    with DecisionLog(service.world.settings.decision_log_url, create=False) as log:
        assert log.verify().ok
        record = log.get(answer["decisions"][0]["decision_id"])
    assert record is not None
    assert msgspec.json.decode(msgspec.json.encode(record.to_answer())) == answer["decisions"][0]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "malformed"),
        (b'{"request_id": "r", "request_id": "r", "lines": [{"line_id": "line-001"}]}', 400, "malformed"),
        (b'{"request_id": "r", "lines": [{"line_id": NaN}]}', 400, "malformed"),
        (b'{"request_id": "r", "lines": [{"line_id": "line-001"}], "more": 1}', 422, "wrong_value"),
        (b'{"request_id": "r", "lines": []}', 422, "wrong_value"),
        (b'{"request_id": "r", "lines": [{"line_id": 1.5}]}', 422, "wrong_value"),
        (
            b'{"request_id": "r", "lines": [{"line_id": "line-001"}], "as_of": "1990-01-01T00:00:00Z"}',
            422,
            "wrong_value",
        ),
        (b" " * (16 * 1024 * 1024 + 1), 413, "too_large"),
    ],
)
def test_a_body_that_v1_refuses_is_refused(service: Any, body: bytes, status: int, code: str) -> None:
    answer = call(service, "/score", body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_pickle_is_refused(service: Any) -> None:
    answer = call(service, "/score", b"x", **{"content-type": "application/vnd.bentoml+pickle"})
    assert answer.status_code == 415


@pytest.mark.parametrize(("role", "status"), [(None, 401), ("reviewer", 403), ("auditor", 403)])
def test_a_token_that_may_not_score_is_refused(service: Any, role: str | None, status: int) -> None:
    body = {"request_id": "r", "lines": [{"line_id": "line-001"}]}
    assert call(service, "/score", body, role=role).status_code == status


def test_another_body_under_the_same_request_id_is_a_conflict(service: Any, client: Any) -> None:
    client.score(request_id="bento-twice", lines=[{"line_id": "line-001"}])
    body = {"request_id": "bento-twice", "lines": [{"line_id": "line-002"}]}
    assert call(service, "/score", body).status_code == 409


@pytest.mark.parametrize(
    ("published", "checked"),
    [
        (bentoml_types.Line, LineById),
        (bentoml_types.Record, RecordBody),
        (bentoml_types.Account, AccountBody),
        (bentoml_types.LineRecords, LineWithRecords),
        (bentoml_types.Action, RecordedAction),
        (bentoml_types.Reason, RecordedReason),
        (bentoml_types.Model, ModelName),
        (bentoml_types.Decision, DecisionAnswer),
        (bentoml_types.Problem, ProblemBody),
        (bentoml_types.Scored, ScoreAnswer),
    ],
)
def test_the_types_published_by_bentoml_have_the_fields_that_v1_validates(
    published: type[BaseModel], checked: type[msgspec.Struct]
) -> None:
    assert set(published.model_fields) == set(checked.__struct_fields__)


def test_schema_and_documentation_name_the_three_methods(service: Any) -> None:
    http = service.client(None)
    assert {route["name"] for route in http.get("/schema.json").json()["routes"]} == {
        "score",
        "score_records",
        "explain",
    }
    assert {"/score", "/score_records", "/explain", "/v1/score"} <= set(http.get("/docs.json").json()["paths"])
    assert "swagger-ui" in http.get("/").text
