"""Slow, broken and endless clients, all at once: they are let go, and nothing of them is left behind."""

from __future__ import annotations

import contextlib
import json
import resource
import socket
import statistics
import struct
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest

MB = 1024 * 1024
BODY_WITHIN_S = 20
IN_HAND = ("linerisk_large_at_work", "linerisk_large_waiting", "linerisk_body_bytes", "linerisk_log_waiting")


@pytest.fixture(scope="module")
def served(serving: Callable[..., Any], world_of_module: Any) -> Iterator[Any]:
    with serving(world_of_module) as server:
        yield server


@contextlib.contextmanager
def connected(server: Any, timeout: float = 60) -> Iterator[socket.socket]:
    where = urlsplit(server.url)
    with socket.create_connection((where.hostname, where.port), timeout=timeout) as connection:
        yield connection


def head(server: Any, *more: str, path: str = "/v1/score") -> bytes:
    lines = [f"POST {path} HTTP/1.1", "host: x", f"authorization: Bearer {server.world.tokens['scorer']}"]
    return "\r\n".join([*lines, "content-type: application/json", *more, "", ""]).encode()


def all_of(connection: socket.socket) -> bytes:
    """What is still said, until the other side lets go."""
    parts = []
    with contextlib.suppress(ConnectionError):
        while part := connection.recv(65536):
            parts.append(part)
    return b"".join(parts)


def dropped(connection: socket.socket) -> None:
    """Let go without a farewell: the other side meets a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def endless_body(server: Any, *, said: bool) -> str:
    """100 MB, with or without saying so."""
    with connected(server) as connection:
        chunk = b" " * MB
        try:
            if said:
                connection.sendall(head(server, f"content-length: {100 * MB}"))
            else:
                connection.sendall(head(server, "transfer-encoding: chunked"))
            for _ in range(100):
                connection.sendall(chunk if said else b"100000\r\n" + chunk + b"\r\n")
        except ConnectionError:
            pass
        else:
            return "all of it was taken"
        return status_of(all_of(connection))


def status_of(said: bytes) -> str:
    return said[9:12].decode() if said else "closed"


def said_to(server: Any, sent: bytes) -> str:
    with connected(server) as connection:
        connection.sendall(sent)
        return status_of(all_of(connection))


def half_a_head(server: Any) -> str:
    return said_to(server, b"POST /v1/score HTTP/1.1\r\nhost: x\r\nauthoriz")


def a_byte_a_second(server: Any, *, of: bytes, first: bytes = b"") -> str:
    with connected(server, timeout=1) as connection:
        connection.sendall(first)
        for i in range(len(of)):
            try:
                connection.sendall(of[i : i + 1])
                if said := connection.recv(65536):
                    return status_of(said)
            except TimeoutError:
                continue
            except ConnectionError:
                break
        return "closed"


def gone_in_the_middle_of_a_body(server: Any) -> str:
    with connected(server) as connection:
        connection.sendall(head(server, f"content-length: {8 * MB}") + b"{" + b" " * (4 * MB))
        dropped(connection)
    return "gone"


def gone_in_the_middle_of_an_answer(server: Any, name: str) -> str:
    lines = [{"line_id": f"line-{i:03}"} for i in range(200)]
    body = json.dumps({"request_id": name, "lines": lines}).encode()
    with connected(server) as connection:
        connection.sendall(head(server, f"content-length: {len(body)}") + body)
        connection.recv(10)
        dropped(connection)
    return "gone"


def at_normal_speed(server: Any, name: str) -> float:
    """Median seconds of fifty small answers."""
    seconds = []
    for i in range(50):
        answer = server.score(f"{name}-{i}", "line-001")
        assert answer.status_code == 200
        seconds.append(answer.elapsed.total_seconds())
    return statistics.median(seconds)


def all_at_once(clients: list[Callable[[], str]]) -> list[str]:
    """What became of each client, in order."""
    became = [""] * len(clients)

    def be(i: int) -> None:
        became[i] = clients[i]()

    threads = [threading.Thread(target=be, args=(i,)) for i in range(len(clients))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return became


@pytest.fixture
def nothing_left(figure: Any, wait_until: Any, workers_of: Any) -> Callable[[Any], None]:
    """Nothing of any client is in hand any more, and no connection stands but our own."""

    def looking(server: Any) -> None:
        wait_until(lambda: all(figure(server, name) == 0 for name in IN_HAND))
        (worker,) = workers_of(server)
        port = urlsplit(server.url).port
        wait_until(
            lambda: sum(c.laddr.port == port and c.status == "ESTABLISHED" for c in worker.net_connections()) <= 4
        )

    return looking


def test_disconnected_clients_and_endless_bodies_leave_no_memory_and_no_connection(
    served: Any, nothing_left: Any, workers_of: Any
) -> None:
    (worker,) = workers_of(served)
    before, memory = at_normal_speed(served, "before-broken"), psutil.Process(worker.pid).memory_info().rss
    became = all_at_once(
        [lambda said=said: endless_body(served, said=said) for said in (True, False) for _ in range(4)]
        + [lambda: gone_in_the_middle_of_a_body(served)] * 8
        + [lambda i=i: gone_in_the_middle_of_an_answer(served, f"gone-{i}") for i in range(8)]
    )
    assert set(became[:8]) <= {"413", "closed"}
    assert became[8:] == ["gone"] * 16
    nothing_left(served)
    assert at_normal_speed(served, "after-broken") < 3 * before + 0.01
    assert psutil.Process(worker.pid).memory_info().rss - memory < 300 * MB


def test_an_answer_whose_client_disconnected_is_recorded_and_repeated_on_request(served: Any) -> None:
    """The client went away when its answer was on its way: the decision stands."""
    gone_in_the_middle_of_an_answer(served, "gone-and-back")
    lines = [f"line-{i:03}" for i in range(200)]
    told = served.score("gone-and-back", *lines)
    assert told.status_code == 200
    first = told.json()["decisions"][0]
    history = served.client("auditor").get("/v1/lines/line-000/decisions?limit=200").json()["decisions"]
    assert [each for each in history if each["request_id"] == "gone-and-back"] == [first]


@pytest.mark.slow
def test_slow_clients_get_a_timeout_and_delay_no_other_client(served: Any, nothing_left: Any) -> None:
    before = at_normal_speed(served, "before-slow")
    kinds: dict[str, tuple[int, set[str], Callable[[], str]]] = {
        "half a head": (300, {"408"}, lambda: half_a_head(served)),
        "a head a byte a second": (40, {"408"}, lambda: a_byte_a_second(served, of=head(served))),
        "a body a byte a second": (
            40,
            {"408"},
            lambda: a_byte_a_second(served, first=head(served, "content-length: 1000"), of=b"{" + b" " * 999),
        ),
        "half a body": (
            60,
            {"408"},
            lambda: said_to(served, head(served, f"content-length: {2 * MB}") + b"{" + b" " * MB),
        ),
    }
    became: list[str] = []
    crowd = threading.Thread(
        target=lambda: became.extend(all_at_once([ask for many, _, ask in kinds.values() for _ in range(many)]))
    )
    began = time.monotonic()
    crowd.start()
    during = []
    while crowd.is_alive():
        during.append(at_normal_speed(served, f"during-slow-{len(during)}"))
        time.sleep(0.5)
    assert time.monotonic() - began < BODY_WITHIN_S + 25
    at = 0
    for name, (many, expected, _) in kinds.items():
        assert set(became[at : at + many]) <= expected, name
        at += many
    assert len(during) > 5
    assert statistics.median(during) < 3 * before + 0.02, "others are answered meanwhile"
    nothing_left(served)
    assert at_normal_speed(served, "after-slow") < 3 * before + 0.01


@pytest.mark.slow
def test_one_connection_too_many_is_refused_and_open_connections_stay(served: Any, nothing_left: Any) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4_096)), hard))
    with contextlib.ExitStack() as all_of_them:
        held = [all_of_them.enter_context(connected(served)) for _ in range(980)]
        assert served.score("in-a-crowd", "line-001").status_code == 200
        more = [all_of_them.enter_context(connected(served)) for _ in range(60)]
        time.sleep(0.5)
        said = []
        for connection in more:
            connection.settimeout(0.2)
            with contextlib.suppress(TimeoutError):
                said.append(all_of(connection))
        refused = [each for each in said if each]
        assert 30 <= len(refused) <= 60
        assert all(each.startswith(b"HTTP/1.1 503 ") and b"retry-after: " in each for each in refused)
        held[0].settimeout(20)
        held[0].sendall(b"GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        assert all_of(held[0])[:12] in {b"HTTP/1.1 200", b"HTTP/1.1 408"}
    nothing_left(served)
    assert served.score("after-the-crowd", "line-001").status_code == 200
