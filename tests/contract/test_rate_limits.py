"""Rate limits of tokens: 429 over the limit, nothing scored or recorded; stored answers are repeated."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pyarrow as pa
import pytest

from linerisk.web.token_store import Role, TokenStore

RECORD = {"peer_id": "p", "record_type": "call_out", "started_at": "2024-07-30T10:00:00Z", "duration_s": 30}


@pytest.fixture
def limited(service: Any) -> Iterator[Callable[[int], httpx.Client]]:
    """Creates a client whose token has a limit of lines per second."""
    clients: list[httpx.Client] = []

    def client(lines_per_second: int) -> httpx.Client:
        store = TokenStore(service.world.settings.home / "tokens.json")
        name = f"limited-{len(store.tokens())}"
        secret = store.create(name, Role.SCORER, lines_per_second=lines_per_second)
        clients.append(httpx.Client(base_url=service.url, headers={"authorization": f"Bearer {secret}"}, timeout=60))
        return clients[-1]

    yield client
    for each in clients:
        each.close()


def score(client: httpx.Client, request_id: str, *lines: str) -> httpx.Response:
    body = {"request_id": request_id, "lines": [{"line_id": line} for line in lines]}
    return client.post("/v1/score", json=body)


def refused(answer: httpx.Response) -> None:
    assert answer.status_code == 429, answer.text
    assert answer.json()["error"]["code"] == "rate_limited"
    assert int(answer.headers["retry-after"]) >= 1


def history(service: Any, line: str, request_id: str) -> list[Any]:
    decisions = service.client("auditor").get(f"/v1/lines/{line}/decisions?limit=200").json()["decisions"]
    return [each for each in decisions if each["request_id"] == request_id]


@pytest.mark.parametrize("lines", [2, 30], ids=["small", "large"])
def test_over_its_limit_a_token_is_refused_and_nothing_is_recorded(
    service: Any, limited: Callable[[int], httpx.Client], lines: int
) -> None:
    client = limited(1)
    ids = [f"line-{i:03}" for i in range(lines)]
    first = score(client, f"limit-a-{lines}", *ids)
    assert first.status_code == 200
    answer = score(client, f"limit-b-{lines}", *ids)
    refused(answer)
    assert answer.json()["error"]["request_id"] == f"limit-b-{lines}"
    assert history(service, ids[0], f"limit-b-{lines}") == []
    again = score(client, f"limit-a-{lines}", *ids)
    assert (again.status_code, again.content) == (200, first.content)
    assert score(client, f"limit-a-{lines}", "line-150").status_code == 409


def test_a_request_after_retry_after_is_answered(limited: Callable[[int], httpx.Client]) -> None:
    client = limited(2)
    assert score(client, "wait-a", "line-001", "line-002").status_code == 200
    answer = score(client, "wait-b", "line-001", "line-002")
    refused(answer)
    time.sleep(int(answer.headers["retry-after"]))
    assert score(client, "wait-b", "line-001", "line-002").status_code == 200


def test_records_count_by_line(limited: Callable[[int], httpx.Client]) -> None:
    client = limited(1)
    body = {"request_id": "limit-records", "lines": [{"line_id": "new", "records": [RECORD] * 50}] * 3}
    assert client.post("/v1/score/records", json=body).status_code == 200
    refused(client.post("/v1/score/records", json={**body, "request_id": "limit-records-2"}))


@pytest.mark.parametrize("dry_run", ["true", "false"])
def test_bulk_requests_and_dry_runs_count_by_line(limited: Callable[[int], httpx.Client], dry_run: str) -> None:
    client = limited(1)
    table = pa.table({"line_id": ["line-001", "line-002", "line-003"]})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)

    def post(request_id: str) -> httpx.Response:
        return client.post(
            "/v1/score/arrow",
            params={"request_id": request_id, "dry_run": dry_run},
            content=sink.getvalue().to_pybytes(),
            headers={"content-type": "application/vnd.apache.arrow.stream"},
        )

    assert post(f"limit-bulk-{dry_run}-1").status_code == 200
    refused(post(f"limit-bulk-{dry_run}-2"))
    if dry_run == "false":
        assert post(f"limit-bulk-{dry_run}-1").status_code == 200


def test_the_limit_of_one_token_is_not_that_of_another(service: Any, limited: Callable[[int], httpx.Client]) -> None:
    client = limited(1)
    for i in range(3):
        score(client, f"crowded-{i}", "line-001", "line-002")
    assert score(service.client(), "not-crowded", "line-001", "line-002").status_code == 200
    assert client.get("/v1/model").status_code == 200  # reading has no limit


def test_the_documentation_names_the_refusal(service: Any) -> None:
    paths = service.client(None).get("/docs.json").json()["paths"]
    naming = {path for path in paths for call in paths[path].values() if "429" in call["responses"]}
    assert naming == {"/v1/score", "/v1/score/records", "/v1/score/arrow"}
