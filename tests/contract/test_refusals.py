"""Refusals: error shape, status and hint, and no 5xx for invalid input."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

JSON = {"content-type": "application/json"}
GOOD = b'{"request_id":"r","lines":[{"line_id":"line-001"}]}'
RECORD = {"peer_id": "p", "record_type": "call_out", "started_at": "2024-07-30T10:00:00Z", "duration_s": 30}
ACCOUNT = {"activated_on": "2024-01-01", "home_area": "440300", "plan_kind": "prepaid", "status": "active"}


def error_of(answer: Any, status: int) -> dict[str, Any]:
    """The error of an answer, after a check of its shape and status."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert "Traceback" not in answer.text
    (key,) = answer.json()
    assert key == "error"
    error: dict[str, Any] = answer.json()["error"]
    assert {"code", "message", "hint"} <= set(error) <= {"code", "message", "field", "hint", "request_id"}
    return error


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null x",
        b"not json",
        b"{'request_id': 'r'}",
        b'{"request_id":"r","lines":[{"line_id":NaN}]}',
        b'{"request_id":"r","lines":[{"line_id":Infinity}]}',
        b'{"request_id":"r","lines":[{"line_id":-Infinity}]}',
        b'{"request_id":"r","lines":[{"line_id":1e999}]}',
        b'{"request_id":"r","request_id":"r","lines":[{"line_id":"a"}]}',
        b'{"request_id":"r","lines":[{"line_id":"a","line_id":"a"}]}',
        b'{"request_id":"r","lines":[{"line_id":"a","line\\u005fid":"b"}]}',
        b'{"request_id":"r","lines":' + b"[" * 100_000,
        b'{"request_id":"r","lines":' + b"[" * 500 + b"]" * 500 + b"}",
        b'{"request_id":"r","lines":[{"line_id":' + b"9" * 5_000 + b"}]}",
        b'{"request_id":"r","lines":[{"line_id":"\xff"}]}',
        b'{"request_id":"r","lines":[{"line_id":"\\ud800"}]}',
        b'{"request_id":"r","lines":[{"line_id":"\x00"}]}',
        b"\xef\xbb\xbf" + GOOD,
        GOOD.decode().encode("utf-16"),
        GOOD.decode().encode("utf-32"),
        GOOD + GOOD,
    ],
    ids=lambda body: body[:48].decode("latin-1"),
)
@pytest.mark.parametrize("path", ["/v1/score", "/v1/score/records"])
def test_ambiguous_or_invalid_json_is_malformed(service: Any, path: str, body: bytes) -> None:
    error = error_of(service.client().post(path, content=body, headers=JSON), 400)
    assert error["code"] == "malformed"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ([], None),
        ("text", None),
        (None, None),
        ({}, "request_id"),
        ({"request_id": "r"}, "lines"),
        ({"request_id": "", "lines": [{"line_id": "a"}]}, "request_id"),
        ({"request_id": "a b", "lines": [{"line_id": "a"}]}, "request_id"),
        ({"request_id": "x" * 129, "lines": [{"line_id": "a"}]}, "request_id"),
        ({"request_id": 5, "lines": [{"line_id": "a"}]}, "request_id"),
        ({"request_id": "r", "lines": []}, "lines"),
        ({"request_id": "r", "lines": [{"line_id": "a"}] * 1001}, "lines"),
        ({"request_id": "r", "lines": {"line_id": "a"}}, "lines"),
        ({"request_id": "r", "lines": ["a"]}, "lines[0]"),
        ({"request_id": "r", "lines": [{}]}, "lines[0].line_id"),
        ({"request_id": "r", "lines": [{"line_id": ""}]}, "lines[0].line_id"),
        ({"request_id": "r", "lines": [{"line_id": "a\u0000b"}]}, "lines[0].line_id"),
        ({"request_id": "r", "lines": [{"line_id": True}]}, "lines[0].line_id"),
        ({"request_id": "r", "lines": [{"line_id": 1.0}]}, "lines[0].line_id"),
        ({"request_id": "r", "lines": [{"line_id": 2**64}]}, "lines[0].line_id"),
        ({"request_id": "r", "lines": [{"line_id": "a", "linee": 1}]}, "lines[0].linee"),
        ({"request_id": "r", "lines": [{"line_id": "a"}], "asof": "2024-08-01T00:00:00Z"}, "asof"),
        ({"request_id": "r", "lines": [{"line_id": "a"}], "as_of": "2024-08-01T00:00:00"}, "as_of"),
        ({"request_id": "r", "lines": [{"line_id": "a"}], "as_of": "2024-08-01"}, "as_of"),
        ({"request_id": "r", "lines": [{"line_id": "a"}], "as_of": "now"}, "as_of"),
        ({"request_id": "r", "lines": [{"line_id": "a"}], "as_of": 5}, "as_of"),
    ],
)
def test_a_wrong_value_names_field_expected_and_found(service: Any, body: Any, field: str | None) -> None:
    error = error_of(service.client().post("/v1/score", content=json.dumps(body), headers=JSON), 422)
    assert error.get("field") == field
    if field is not None and field not in {"asof", "lines[0].linee"}:
        assert "expected: " in error["message"]
    assert "found: " in error["message"]


def test_too_many_lines_are_refused_with_a_hint_to_split_them(service: Any) -> None:
    body = {"request_id": "many", "lines": [{"line_id": "a"}] * 1001}
    error = error_of(service.client().post("/v1/score", json=body), 422)
    assert error["hint"] == "send fewer lines at a time"
    none = error_of(service.client().post("/v1/score", json={**body, "lines": []}), 422)
    assert none["hint"] == "see /docs.json for what may be sent"


@pytest.mark.parametrize("as_of", ["2024-08-01", "2024-08-01T00:00:00", "now", 5])
def test_a_wrong_as_of_is_refused_with_the_expected_format(service: Any, as_of: Any) -> None:
    error = error_of(service.score("instant", "line-001", as_of=as_of), 422)
    assert error["message"] == (
        "a value is not an instant; expected: an instant with its offset from UTC, such as 2024-07-26T00:00:00Z; "
        f"found: {json.dumps(as_of)}"
    )


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ({"line_id": "a", "records": [RECORD] * 17 + [{**RECORD, "started_at": 5}]}, "lines[0].records[17].started_at"),
        ({"line_id": "a", "records": [{**RECORD, "duration_s": "30"}]}, "lines[0].records[0].duration_s"),
        ({"line_id": "a", "records": [{**RECORD, "duration_s": True}]}, "lines[0].records[0].duration_s"),
        ({"line_id": "a", "records": [{**RECORD, "answered": "yes"}]}, "lines[0].records[0].answered"),
        ({"line_id": "a", "records": [{**RECORD, "peer_name": "x"}]}, "lines[0].records[0].peer_name"),
        ({"line_id": "a", "records": [RECORD] * 20_001}, "lines[0].records"),
        ({"line_id": "a", "records": {}}, "lines[0].records"),
        ({"line_id": "a"}, "lines[0].records"),
        ({"line_id": "a", "records": [], "account": []}, "lines[0].account"),
        ({"line_id": "a", "records": [], "account": {}}, "lines[0].account.activated_on"),
    ],
)
def test_a_wrong_type_in_records_names_the_field(service: Any, line: dict[str, Any], field: str) -> None:
    body = {"request_id": "types", "lines": [line]}
    assert error_of(service.client().post("/v1/score/records", json=body), 422)["field"] == field


@pytest.mark.parametrize("name", ["social_insurance_months", "socialSecurity", "社保"])
def test_social_insurance_is_refused_by_the_policy_in_force(service: Any, name: str) -> None:
    line = {"line_id": "a", "records": [], "account": {**ACCOUNT, name: 12}}
    error = error_of(service.client().post("/v1/score/records", json={"request_id": "si", "lines": [line]}), 422)
    assert error["code"] == "social_insurance_not_asked"
    assert "shenzhen-2024-07-b" in error["message"]
    assert error["field"] == f"lines[0].account.{name}"


def test_a_refusal_carries_the_request_id(service: Any) -> None:
    body = {"request_id": "refused", "lines": []}
    assert error_of(service.client().post("/v1/score", json=body), 422)["request_id"] == "refused"


@pytest.mark.parametrize("with_length", [True, False], ids=["with its length", "in chunks"])
def test_a_body_of_17_mb_is_too_large(service: Any, *, with_length: bool) -> None:
    body = b" " * (17 * 1024 * 1024)

    def chunks() -> Iterator[bytes]:
        for start in range(0, len(body), 1 << 20):
            yield body[start : start + (1 << 20)]

    answer = service.client().post("/v1/score", content=body if with_length else chunks(), headers=JSON)
    assert error_of(answer, 413)["code"] == "too_large"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "multipart/form-data; boundary=x"},
        {"content-type": "application/vnd.bentoml+pickle"},
        {"content-type": "application/json; charset=gbk"},
        {"content-type": "application/json", "content-encoding": "gzip"},
    ],
)
def test_another_kind_of_body_is_refused(service: Any, headers: dict[str, str]) -> None:
    answer = service.client().post("/v1/score", content=GOOD, headers=headers)
    assert error_of(answer, 415)["code"] == "unsupported_media_type"


def test_a_charset_of_utf8_is_accepted(service: Any) -> None:
    headers = {"content-type": 'application/json; charset="UTF-8"'}
    answer = service.client().post("/v1/score", content=GOOD.replace(b'"r"', b'"utf8"'), headers=headers)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/v1",
        "/v1/",
        "/v1/nothing",
        "/v1/disputed",
        "/v1/decisions",
        "/v1/decisions/%FF",
        "/scores",
        "/static_content/../app.py",
        "/static_content/nothing.js",
        "/reviews",
    ],
)
def test_a_path_that_is_not_offered_is_not_found(service: Any, path: str) -> None:
    assert error_of(service.client("auditor").get(path), 404)["code"] == "not_found"


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/v1/decisions/" + "x" * 5_000, "id"),
        ("/v1/decisions/%00", "id"),
        ("/v1/lines/%00/decisions", "line_id"),
        ("/v1/lines//decisions", "line_id"),
        ("/v1/lines/a/decisions?before=%0A", "before"),
    ],
)
def test_an_invalid_id_is_refused(service: Any, path: str, field: str) -> None:
    assert error_of(service.client("auditor").get(path), 422)["field"] == field


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/v1/score", "POST"),
        ("PUT", "/v1/score/records", "POST"),
        ("DELETE", "/v1/decisions/x", "GET"),
        ("POST", "/v1/model", "GET"),
        ("GET", "/v1/decisions/x/replay", "POST"),
        ("POST", "/metrics", "GET, HEAD"),
    ],
)
def test_another_method_is_refused_with_the_allowed_methods(service: Any, method: str, path: str, allowed: str) -> None:
    answer = service.client().request(method, path)
    assert error_of(answer, 405)["code"] == "method_not_allowed"
    assert answer.headers["allow"] == allowed


def test_a_client_that_disconnects_in_the_middle_of_a_body_affects_no_other_client(service: Any) -> None:
    where = urlsplit(service.url)
    for _ in range(5):
        with socket.create_connection((where.hostname, where.port)) as connection:
            token = service.world.tokens["scorer"]
            connection.sendall(
                f"POST /v1/score HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n"
                "content-type: application/json\r\ncontent-length: 1000\r\n\r\n{".encode()
            )
    assert service.score("still-there", "line-001").status_code == 200
