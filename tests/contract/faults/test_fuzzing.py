"""Whatever is sent: a documented status, the documented shape, and no fault of ours.

Cases come from the OpenAPI document that the service serves (schemathesis: values that fit it, and values that do not),
and from good bodies changed at random (Hypothesis). How many there were is counted and held to; `-m slow` has more.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import httpx
import msgspec
import pyarrow as pa
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from linerisk.service.api import ROUTES
from linerisk.web.errors import ErrorAnswer
from linerisk.web.token_store import Role

CHECKS = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
OPEN = ("/livez", "/readyz", "/healthz", "/metrics")
CALLS = [(route.path, route.method) for route in ROUTES] + [(path, "GET") for path in OPEN]
ARROW = "application/vnd.apache.arrow.stream"
ARROW_PATH = "/v1/score/arrow"
IN_BODY, IN_QUERY = ParameterLocation.BODY, ParameterLocation.QUERY
OUR_FAULTS = ("Traceback", 'File \\"', "site-packages", "linerisk/")
MOST_S = 5.0
"""Seconds for one answer, on a machine that does other things beside."""


@schemathesis.serializer(ARROW)
def as_it_is(_context: Any, value: Any) -> bytes:
    """Bytes that are no Arrow most of the time."""
    data = getattr(value, "data", value)
    return data if isinstance(data, bytes) else str(data).encode("utf-8", "surrogatepass")


@dataclass
class Fuzzed:
    """A service under fuzz, and the statuses of all cases so far."""

    server: Any
    schema: Any
    decisions: list[str]
    session: requests.Session
    seen: Counter[tuple[str, int]] = field(default_factory=Counter)

    @property
    def cases(self) -> int:
        return sum(self.seen.values())

    def token(self, role: str | None) -> dict[str, str]:
        return {} if role is None else {"authorization": f"Bearer {self.server.world.tokens.get(role, role)}"}

    def look_at(self, path: str, answer: Any) -> None:
        """What holds of every answer."""
        status = int(answer.status_code)
        self.seen[path, status] += 1
        assert status != httpx.codes.INTERNAL_SERVER_ERROR
        text = answer.content.decode("utf-8", "replace")
        assert not [sign for sign in OUR_FAULTS if sign in text]
        if status >= httpx.codes.BAD_REQUEST and path.startswith("/v1/"):
            told = msgspec.json.decode(answer.content, type=ErrorAnswer, strict=True)
            assert list(json.loads(answer.content)) == ["error"]
            assert told.error.code
            assert told.error.message
        if status in {httpx.codes.SERVICE_UNAVAILABLE, httpx.codes.TOO_MANY_REQUESTS}:
            assert "retry-after" in answer.headers


@pytest.fixture(scope="module")
def fuzzed(serving: Callable[..., Any], world_of_module: Any) -> Iterator[Fuzzed]:
    with serving(world_of_module) as server, requests.Session() as session:
        schema = schemathesis.openapi.from_dict(server.client(None).get("/docs.json").json())
        schema.config.base_url = server.url
        ids = [server.score(f"known-{i}", "line-001").json()["decisions"][0]["decision_id"] for i in range(5)]
        yield Fuzzed(server, schema, ids, session)
        log = server.log.read_text()
        assert '"failed"' not in log, "an answer failed by a fault of ours"
        assert "line-0" not in log


def quickly(examples: int) -> Any:
    """Settings of a run over the network: no shrinking database, no deadline, as many cases as said."""
    return settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


ROLES = st.sampled_from([*(role.value for role in Role), *(["scorer", "auditor"] * 7), None, "nobody"])


KEYS = st.integers(10**11, 10**12 - 1).map(str)


def said_wrongly(case: Any) -> bool:
    """Whether it was made to break what the document says of a JSON body or a query, so that it has to be refused."""
    parts = case.meta.components
    return (
        any(parts[place].mode.is_negative for place in (IN_BODY, IN_QUERY) if place in parts)
        and case.path != ARROW_PATH
    )


def sent_whole(case: Any, answer: Any) -> bool:
    """Whether every parameter was sent: an empty list or object, or None, has no form in an address and is left out."""
    sent = {name for name, _ in parse_qsl(urlsplit(answer.request.url).query, keep_blank_values=True)}
    return set(case.query or {}) <= sent


def from_the_document(fuzzed: Fuzzed, path: str, method: str, mode: GenerationMode, examples: int) -> None:
    """Cases of one call, made from what the document says of it."""
    operation = fuzzed.schema[path][method]

    @quickly(examples)
    @given(case=operation.as_strategy(generation_mode=mode), role=ROLES, known=st.sampled_from([*fuzzed.decisions, ""]))
    def asking(case: Any, role: str | None, known: str) -> None:
        if known and "id" in (case.path_parameters or {}):
            case.path_parameters["id"] = known
        answer = case.call(session=fuzzed.session, headers=fuzzed.token(role), timeout=60)
        fuzzed.look_at(path, answer)
        to_be_refused = said_wrongly(case) and sent_whole(case, answer)
        case.validate_response(answer, checks=CHECKS + [negative_data_rejection] * to_be_refused)

    asking()


def scalars() -> st.SearchStrategy[Any]:
    return st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.sampled_from([2**31, 2**63 - 1, 2**63, -(2**63) - 1, 10**400, 0, -1]),
        st.floats(allow_nan=True, allow_infinity=True),
        st.text(max_size=300),
        st.sampled_from(
            ["", "\x00", "line-001", "\u202e", "2024-07-30T10:00:00Z", "9999-12-31T23:59:59-14:00", "0" * 129]
        ),
    )


GOOD_RECORD = {
    "peer_id": "p",
    "record_type": "call_out",
    "started_at": "2024-07-30T10:00:00Z",
    "duration_s": 30,
    "received_at": "2024-07-30T10:01:00Z",
    "ring_s": 1.5,
    "answered": True,
    "peer_block": 7,
    "peer_kind": "mobile",
    "peer_area": "440300",
    "visited_area": "440300",
    "cell_id": "c",
    "device_id": "d",
    "device_model": 1,
}
GOOD_ACCOUNT = {
    "activated_on": "2024-01-01",
    "home_area": "440300",
    "plan_kind": "prepaid",
    "status": "active",
    "known_at": "2024-02-01T00:00:00Z",
    "last_verified_at": None,
}
GOOD = {
    "/v1/score": {"lines": [{"line_id": "line-001"}, {"line_id": 5}], "as_of": "2024-08-02T00:00:00Z"},
    "/v1/score/records": {
        "lines": [{"line_id": "a", "account": GOOD_ACCOUNT, "records": [GOOD_RECORD, GOOD_RECORD]}],
        "as_of": "2024-08-01T00:00:00Z",
    },
}


@st.composite
def changed(draw: st.DrawFn, good: Any) -> Any:
    """A good body with something in it changed, left out, added or said twice."""
    body = json.loads(json.dumps(good))
    for _ in range(draw(st.integers(0, 3))):
        place, way = body, []
        while isinstance(place, dict | list) and place:
            keys = sorted(place) if isinstance(place, dict) else range(len(place))
            key = draw(st.sampled_from(list(keys)))
            way.append((place, key))
            place = place[key]
            if draw(st.integers(0, 3)) == 0:
                break
        if not way:
            break
        holder, key = way[-1]
        kind = draw(st.sampled_from(["other", "other", "other", "out", "more", "twice", "deep"]))
        if kind == "other":
            holder[key] = draw(scalars())
        elif kind == "out":
            del holder[key]
        elif kind == "more" and isinstance(holder, dict):
            holder[draw(st.text(max_size=20))] = draw(scalars())
        elif kind == "twice" and isinstance(holder, list):
            holder.append(holder[key])
        else:
            holder[key] = {"a": [holder[key]]}
    return body


@st.composite
def bytes_of(draw: st.DrawFn, text: bytes) -> bytes:
    """Bytes, once in a while with some of them changed."""
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2]))):
        at = draw(st.integers(0, max(0, len(text) - 1)))
        kind = draw(st.sampled_from(["cut", "flip", "insert", "repeat"]))
        if kind == "cut":
            text = text[:at]
        elif kind == "flip" and text:
            text = text[:at] + bytes([text[at] ^ (1 << draw(st.integers(0, 7)))]) + text[at + 1 :]
        elif kind == "insert":
            text = text[:at] + draw(st.binary(max_size=8)) + text[at:]
        else:
            text = text[:at] + text[at : at + 40] + text[at:]
    return text


def good_bodies_changed(fuzzed: Fuzzed, path: str, examples: int) -> None:
    """JSON bodies that were good once."""
    operation = fuzzed.schema[path]["POST"]

    @quickly(examples)
    @given(data=st.data())
    def asking(data: st.DataObject) -> None:
        body = data.draw(changed({"request_id": data.draw(KEYS), **GOOD[path]}))
        text = data.draw(
            bytes_of(json.dumps(body, ensure_ascii=data.draw(st.booleans())).encode("utf-8", "surrogatepass"))
        )
        answer = fuzzed.session.post(
            fuzzed.server.url + path,
            data=text,
            headers={"content-type": "application/json", **fuzzed.token("scorer")},
            timeout=60,
        )
        fuzzed.look_at(path, answer)
        operation.validate_response(answer)

    asking()


def arrow_of(columns: dict[str, Any]) -> bytes:
    table = pa.table(columns)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def good_tables_changed(fuzzed: Fuzzed, examples: int) -> None:
    """Arrow streams that were good once, and queries of all kinds."""
    path = ARROW_PATH
    operation = fuzzed.schema[path]["POST"]
    tables = [
        arrow_of({"line_id": ["line-001", "nobody", "line-002"]}),
        arrow_of({"line_id": [1, 2, None]}),
        arrow_of({"line_id": ["a"], "records": [[GOOD_RECORD]], "account": [GOOD_ACCOUNT]}),
        arrow_of({"line_id": [["a"]]}),
        arrow_of({"lines": ["a"]}),
    ]

    @quickly(examples)
    @given(data=st.data())
    def asking(data: st.DataObject) -> None:
        query = {"request_id": data.draw(KEYS), "dry_run": data.draw(st.sampled_from(["true", "false", "no"]))}
        for name in data.draw(st.sets(st.sampled_from(["as_of", "reasons", "request_id", "more"]))):
            query[name] = data.draw(st.one_of(st.text(max_size=40), st.sampled_from(["true", "2024-08-02T00:00:00Z"])))
        asked = "&".join(f"{name}={quote(value.encode('utf-8', 'surrogatepass'))}" for name, value in query.items())
        answer = fuzzed.session.post(
            f"{fuzzed.server.url}{path}?{asked}",
            data=data.draw(bytes_of(data.draw(st.sampled_from(tables)))),
            headers={"content-type": ARROW, **fuzzed.token("scorer")},
            timeout=60,
        )
        fuzzed.look_at(path, answer)
        operation.validate_response(answer)

    asking()


def everything(fuzzed: Fuzzed, *, of_each_call: int, bodies: int) -> None:
    """All of it; what is left over is said, so that a run that asked nothing cannot look like one that did."""
    for path, method in CALLS:
        modes = [GenerationMode.POSITIVE]
        if path not in OPEN and (path, method) != ("/v1/model", "GET"):
            modes.append(GenerationMode.NEGATIVE)
        for mode in modes:
            from_the_document(fuzzed, path, method, mode, of_each_call if path not in OPEN else of_each_call // 10)
    for path in GOOD:
        good_bodies_changed(fuzzed, path, bodies)
    good_tables_changed(fuzzed, bodies)
    by_status = Counter[int]()
    for (_, status), count in fuzzed.seen.items():
        by_status[status] += count
    print(f"{fuzzed.cases} cases: {dict(sorted(by_status.items()))}")  # noqa: T201  # how much was tried
    assert {200, 400, 401, 403, 404, 422} <= set(by_status)
    assert fuzzed.server.score(f"after-{fuzzed.cases}", "line-001").elapsed.total_seconds() < MOST_S


@pytest.mark.parametrize("path", ["/v1/policy?onn=2020-01-01", "/v1/lines/a/decisions?limmit=1"])
def test_a_misspelt_parameter_is_refused_and_not_ignored(fuzzed: Fuzzed, path: str) -> None:
    """Else the policy of today would be told for that of another day."""
    answer = fuzzed.server.client("auditor").get(path)
    assert answer.status_code == 422
    assert answer.json()["error"]["field"] in {"onn", "limmit"}


def test_random_requests_are_answered_as_documented(fuzzed: Fuzzed) -> None:
    before = fuzzed.cases
    everything(fuzzed, of_each_call=18, bodies=100)
    assert fuzzed.cases - before >= 500


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_twenty_thousand_cases_are_answered_as_documented(fuzzed: Fuzzed) -> None:
    before = fuzzed.cases
    everything(fuzzed, of_each_call=360, bodies=4_800)
    assert fuzzed.cases - before >= 20_000
