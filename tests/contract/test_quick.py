"""Plain requests are answered the quick way, and nobody can tell: the same answer, in order, once, or as any other."""

from __future__ import annotations

import asyncio
import json
import socket
import sqlite3
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest

from linerisk.service.quick import Quick
from linerisk.web.state import ServiceState
from linerisk.web.token_store import Role

JSON = {"content-type": "application/json"}
OF_ITS_OWN = {"decision_id", "request_id", "scored_at"}
BODY_WITHIN_S = 20
"""How long a body may take."""
LOCK_S = 5
"""How long the log waits for another that writes."""


@pytest.fixture
def state(world: Any) -> Iterator[ServiceState]:
    opened = ServiceState(world.settings)
    yield opened
    opened.close()


def body_of(request_id: str, *lines: str) -> bytes:
    return json.dumps({"request_id": request_id, "lines": [{"line_id": line} for line in lines]}).encode()


def asked(quick: Quick, secret: str, body: bytes, *, headers: tuple[tuple[bytes, bytes], ...] = ()) -> bytes | None:
    """What a request is answered with; None where the quick way is not taken, or was left."""

    async def asking() -> bytes | None:
        answered = asyncio.get_running_loop().create_future()
        scope = {
            "path": "/v1/score",
            "method": "POST",
            "query_string": b"",
            "headers": [
                (b"content-type", b"application/json"),
                (b"authorization", b"Bearer " + secret.encode()),
                (b"content-length", b"%d" % len(body)),
                *headers,
            ],
        }
        held = quick.held(scope)
        if held is None or not quick.take(held, body, answered.set_result):
            return None
        answer: bytes | None = await asyncio.wait_for(answered, 30)
        return answer

    return asyncio.run(asking())


def test_the_quick_way_is_taken_for_a_few_lines_by_id(state: ServiceState) -> None:
    secret = state.tokens.create("suspension", Role.SCORER)
    answer = msgspec.json.decode(asked(Quick(state), secret, body_of("r", "line-001", "line-002", "nobody")) or b"null")
    assert [each["line_id"] for each in answer["decisions"]] == ["line-001", "line-002"]
    assert [each["code"] for each in answer["problems"]] == ["unknown_line"]
    kept = state.log.find("suspension", "r")
    assert kept is not None
    assert [record.answer() for record in kept.records] == answer["decisions"]


def test_what_is_not_plain_goes_the_way_of_the_others_and_leaves_nothing_behind(state: ServiceState) -> None:
    secret = state.tokens.create("suspension", Role.SCORER)
    reviewer = state.tokens.create("reviewer", Role.REVIEWER)
    limited = state.tokens.create("limited", Role.SCORER, lines_per_second=5)
    plain = body_of("r", "line-001")
    assert asked(Quick(state), "nobody's", plain) is None
    assert asked(Quick(state), reviewer, plain) is None
    assert asked(Quick(state), limited, plain) is None
    assert asked(Quick(state), secret, plain[:-1]) is None
    assert asked(Quick(state), secret, body_of("r", *[f"line-{i:03}" for i in range(5)])) is None
    assert asked(Quick(state), secret, body_of("x" * 129, "line-001")) is None
    assert asked(Quick(state), secret, plain, headers=((b"content-encoding", b"gzip"),)) is None
    assert asked(Quick(state), secret, plain, headers=((b"authorization", b"Bearer other"),)) is None
    assert state.log.count() == 0


def test_a_request_that_was_answered_before_leaves_the_quick_way(state: ServiceState) -> None:
    secret = state.tokens.create("suspension", Role.SCORER)
    quick = Quick(state)
    assert asked(quick, secret, body_of("r", "line-001")) is not None
    assert asked(Quick(state), secret, body_of("r", "line-001")) is None
    assert asked(Quick(state), secret, body_of("r", "line-002")) is None
    assert state.log.count() == 1


def test_nobody_can_tell_which_way_a_request_went(service: Any) -> None:
    client = service.client()
    answers = [
        client.post("/v1/score", content=body_of(f"way-{i}", "line-001", "nobody"), headers=headers | JSON)
        for i, headers in enumerate(({}, {"content-encoding": "identity"}))
    ]
    one, other = [
        {key: value for key, value in answer.json()["decisions"][0].items() if key not in OF_ITS_OWN}
        for answer in answers
    ]
    assert one == other
    assert answers[0].json()["problems"] == answers[1].json()["problems"]
    heads = [{name: value for name, value in answer.headers.items() if name != "content-length"} for answer in answers]
    assert heads[0] == heads[1]
    assert list(answers[0].json()["decisions"][0]) == list(answers[1].json()["decisions"][0])


def test_how_many_requests_went_the_quick_way_is_counted(service: Any) -> None:
    def counted() -> float:
        text = service.client(None).get("/metrics").text
        (line,) = [line for line in text.splitlines() if line.startswith("linerisk_requests_quick_total")]
        return float(line.split()[-1])

    before = counted()
    for i in range(5):
        assert service.score(f"counted-{i}", "line-001").status_code == 200
    assert service.score("counted-0", "line-001").status_code == 200
    assert service.score("counted-many", *[f"line-{i:03}" for i in range(20)]).status_code == 200
    assert counted() == before + 5


def test_requests_behind_one_another_are_answered_in_their_order(service: Any) -> None:
    model = (
        b"GET /v1/model HTTP/1.1\r\nhost: x\r\nauthorization: Bearer %b\r\n\r\n"
        % service.world.tokens["scorer"].encode()
    )
    sent = [written(service, f"row-{i}", "line-001") for i in range(6)]
    sent.insert(3, model)
    sent.insert(5, written(service, "row-refused", "line-001", bearer="nobody"))
    answers = exchanged(service, b"".join(sent), count=len(sent))
    assert [json.loads(body).get("request_id") for _, body in answers] == [
        "row-0", "row-1", "row-2", None, "row-3", None, "row-4", "row-5"
    ]  # fmt: skip
    assert [status for status, _ in answers] == [200] * 5 + [401] + [200] * 2


def test_a_request_may_come_in_pieces(service: Any) -> None:
    whole = written(service, "pieces", "line-001")
    cut = whole.index(b"\r\n\r\n") + 4
    for parts in ((whole[:cut], whole[cut:]), (whole[:10], whole[10 : cut + 5], whole[cut + 5 :])):
        ((status, _),) = exchanged(service, *parts, count=1)
        assert status == 200


def test_who_may_not_is_refused_before_a_body_is_waited_for(service: Any) -> None:
    for bearer, status in (("nobody", 401), (service.world.tokens["reviewer"], 403)):
        head, _, _ = written(service, "no-body", "line-001", bearer=bearer).partition(b"\r\n\r\n")
        started = time.monotonic()
        ((refused, _),) = exchanged(service, head + b"\r\n\r\n", count=1)
        assert refused == status
        assert time.monotonic() - started < BODY_WITHIN_S / 2


def test_who_asks_for_the_last_answer_on_a_connection_is_let_go(service: Any) -> None:
    whole = written(service, "last", "line-001").replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n", 1)
    where = urlsplit(service.url)
    with socket.create_connection((where.hostname, where.port), timeout=10) as connection:
        connection.sendall(whole)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"connection: close" in head.lower()
    assert json.loads(body)["request_id"] == "last"


def test_who_leaves_before_the_answer_harms_nobody_and_is_answered_when_asking_again(service: Any) -> None:
    where = urlsplit(service.url)
    for _ in range(20):
        with socket.create_connection((where.hostname, where.port), timeout=10) as connection:
            connection.sendall(written(service, "left", "line-001"))
    first = service.client().post("/v1/score", content=body_of("left", "line-001")).json()
    again = service.client().post("/v1/score", content=body_of("left", "line-001")).json()
    assert first == again


def test_a_store_that_is_locked_is_waited_for_once(service: Any) -> None:
    exchanged(service, written(service, "before-the-lock", "line-001"), count=1)
    database = sqlite3.connect(service.world.settings.home / "decisions.db", isolation_level=None)
    database.execute("BEGIN IMMEDIATE")
    try:
        started = time.monotonic()
        ((status, body),) = exchanged(service, written(service, "locked", "line-001"), count=1)
        took = time.monotonic() - started
        ((again, _),) = exchanged(service, written(service, "before-the-lock", "line-001"), count=1)
    finally:
        database.execute("ROLLBACK")
        database.close()
    assert status == 503
    assert json.loads(body)["error"]["code"] == "decision_log"
    assert took < 2 * LOCK_S - 1
    assert again == 200


def written(service: Any, request_id: str, line: str, *, bearer: str | None = None) -> bytes:
    """A request as it goes over the wire."""
    body = body_of(request_id, line)
    bearer = service.world.tokens["scorer"] if bearer is None else bearer
    head = f"POST /v1/score HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {bearer}\r\ncontent-type: application/json\r\n"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body


def exchanged(service: Any, *parts: bytes, count: int) -> list[tuple[int, bytes]]:
    """Status and body of so many answers on one connection, in the order in which they come."""
    where = urlsplit(service.url)
    answers: list[tuple[int, bytes]] = []
    with socket.create_connection((where.hostname, where.port), timeout=30) as connection:
        for part in parts:
            connection.sendall(part)
        file = connection.makefile("rb")
        while len(answers) < count:
            status = int(file.readline().split()[1])
            size = 0
            while (line := file.readline().strip()) != b"":
                if line.lower().startswith(b"content-length:"):
                    size = int(line.split(b":")[1])
            answers.append((status, file.read(size)))
    return answers
