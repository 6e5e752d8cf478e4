"""Slow, broken and endless clients at once: they are disconnected and leave no memory and no connection."""

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
IN_PROGRESS = ("linerisk_large_at_work", "linerisk_large_waiting", "linerisk_body_bytes", "linerisk_log_waiting")


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
    """Everything received until the server closes the connection."""
    parts = []
    with contextlib.suppress(ConnectionError):
        while part := connection.recv(65536):
            parts.append(part)
    return b"".join(parts)


def dropped(connection: socket.socket) -> None:
    """Close with a TCP reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def endless_body(server: Any, *, with_length: bool) -> str:
    """Send 100 MB, with or without Content-Length."""
    with connected(server) as connection:
        chunk = b" " * MB
        try:
            if with_length:
                connection.sendall(head(server, f"content-length: {100 * MB}"))
            else:
                connection.sendall(head(server, "transfer-encoding: chunked"))
            for _ in range(100):
                connection.sendall(chunk if with_length else b"100000\r\n" + chunk + b"\r\n")
        except ConnectionError:
            pass
        else:
            return "all of it was accepted"
        return status_of(all_of(connection))


def status_of(received: bytes) -> str:
    return received[9:12].decode() if received else "closed"


def status_after(server: Any, sent: bytes) -> str:
    with connected(server) as connection:
        connection.sendall(sent)
        return status_of(all_of(connection))


def half_a_head(server: Any) -> str:
    return status_after(server, b"POST /v1/score HTTP/1.1\r\nhost: x\r\nauthoriz")


def a_byte_a_second(server: Any, *, of: bytes, first: bytes = b"") -> str:
    with connected(server, timeout=1) as connection:
        connection.sendall(first)
        for i in range(len(of)):
            try:
                connection.sendall(of[i : i + 1])
                if received := connection.recv(65536):
                    return status_of(received)
            except TimeoutError:
                continue
            except ConnectionError:
                break
        return "closed"


def disconnect_during_body(server: Any) -> str:
    with connected(server) as connection:
        connection.sendall(head(server, f"content-length: {8 * MB}") + b"{" + b" " * (4 * MB))
        dropped(connection)
    return "gone"


def disconnect_during_answer(server: Any, name: str) -> str:
    lines = [{"line_id": f"line-{i:03}"} for i in range(200)]
    body = json.dumps({"request_id": name, "lines": lines}).encode()
    with connected(server) as connection:
        connection.sendall(head(server, f"content-length: {len(body)}") + body)
        connection.recv(10)
        dropped(connection)
    return "gone"


def median_answer_s(server: Any, name: str) -> float:
    """Median seconds of fifty small answers."""
    seconds = []
    for i in range(50):
        answer = server.score(f"{name}-{i}", "line-001")
        assert answer.status_code == 200
        seconds.append(answer.elapsed.total_seconds())
    return statistics.median(seconds)


def all_at_once(clients: list[Callable[[], str]]) -> list[str]:
    """Run clients concurrently; the outcome of each, in order."""
    outcomes = [""] * len(clients)

    def run(i: int) -> None:
        outcomes[i] = clients[i]()

    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(clients))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


@pytest.fixture
def wait_until_idle(metric: Any, wait_until: Any, worker_processes: Any) -> Callable[[Any], None]:
    """Waits until no work is in progress and only the connections of the test are open."""

    def waiting(server: Any) -> None:
        wait_until(lambda: all(metric(server, name) == 0 for name in IN_PROGRESS))
        (worker,) = worker_processes(server)
        port = urlsplit(server.url).port
        wait_until(
            lambda: sum(c.laddr.port == port and c.status == "ESTABLISHED" for c in worker.net_connections()) <= 4
        )

    return waiting


def test_disconnected_clients_and_endless_bodies_leave_no_memory_and_no_connection(
    served: Any, wait_until_idle: Any, worker_processes: Any
) -> None:
    (worker,) = worker_processes(served)
    before, memory = median_answer_s(served, "before-broken"), psutil.Process(worker.pid).memory_info().rss
    outcomes = all_at_once(
        [lambda given=given: endless_body(served, with_length=given) for given in (True, False) for _ in range(4)]
        + [lambda: disconnect_during_body(served)] * 8
        + [lambda i=i: disconnect_during_answer(served, f"gone-{i}") for i in range(8)]
    )
    assert set(outcomes[:8]) <= {"413", "closed"}
    assert outcomes[8:] == ["gone"] * 16
    wait_until_idle(served)
    assert median_answer_s(served, "after-broken") < 3 * before + 0.01
    assert psutil.Process(worker.pid).memory_info().rss - memory < 300 * MB


def test_an_answer_whose_client_disconnected_is_recorded_and_repeated_on_request(served: Any) -> None:
    """The client disconnects during the answer; the decision remains valid."""
    disconnect_during_answer(served, "gone-and-back")
    lines = [f"line-{i:03}" for i in range(200)]
    again = served.score("gone-and-back", *lines)
    assert again.status_code == 200
    first = again.json()["decisions"][0]
    history = served.client("auditor").get("/v1/lines/line-000/decisions?limit=200").json()["decisions"]
    assert [each for each in history if each["request_id"] == "gone-and-back"] == [first]


@pytest.mark.slow
def test_slow_clients_get_a_timeout_and_delay_no_other_client(served: Any, wait_until_idle: Any) -> None:
    before = median_answer_s(served, "before-slow")
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
            lambda: status_after(served, head(served, f"content-length: {2 * MB}") + b"{" + b" " * MB),
        ),
    }
    outcomes: list[str] = []
    crowd = threading.Thread(
        target=lambda: outcomes.extend(all_at_once([ask for many, _, ask in kinds.values() for _ in range(many)]))
    )
    began = time.monotonic()
    crowd.start()
    during = []
    while crowd.is_alive():
        during.append(median_answer_s(served, f"during-slow-{len(during)}"))
        time.sleep(0.5)
    assert time.monotonic() - began < BODY_WITHIN_S + 25
    at = 0
    for name, (many, expected, _) in kinds.items():
        assert set(outcomes[at : at + many]) <= expected, name
        at += many
    assert len(during) > 5
    assert statistics.median(during) < 3 * before + 0.02, "slow clients delayed others"
    wait_until_idle(served)
    assert median_answer_s(served, "after-slow") < 3 * before + 0.01


@pytest.mark.slow
def test_one_connection_too_many_is_refused_and_open_connections_stay(served: Any, wait_until_idle: Any) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4_096)), hard))
    with contextlib.ExitStack() as all_of_them:
        held = [all_of_them.enter_context(connected(served)) for _ in range(980)]
        assert served.score("in-a-crowd", "line-001").status_code == 200
        more = [all_of_them.enter_context(connected(served)) for _ in range(60)]
        time.sleep(0.5)
        received = []
        for connection in more:
            connection.settimeout(0.2)
            with contextlib.suppress(TimeoutError):
                received.append(all_of(connection))
        refused = [each for each in received if each]
        assert 30 <= len(refused) <= 60
        assert all(each.startswith(b"HTTP/1.1 503 ") and b"retry-after: " in each for each in refused)
        held[0].settimeout(20)
        held[0].sendall(b"GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        assert all_of(held[0])[:12] in {b"HTTP/1.1 200", b"HTTP/1.1 408"}
    wait_until_idle(served)
    assert served.score("after-the-crowd", "line-001").status_code == 200
