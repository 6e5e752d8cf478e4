"""SIGTERM: requests in flight are answered and recorded, later ones are refused, the exit code is 0."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from linerisk.decisions.log import DecisionLog

STOPPED_WITHIN_S = 30
RECORD = {"peer_id": "p", "record_type": "call_out", "started_at": "2024-07-30T10:00:00Z", "duration_s": 30}


def long_body(name: str) -> dict[str, Any]:
    """A slow request: many lines with many records."""
    lines = [{"line_id": f"new-{i}", "records": [RECORD] * 300} for i in range(200)]
    return {"request_id": name, "as_of": "2024-08-01T00:00:00Z", "lines": lines}


@pytest.mark.parametrize("workers", ["1", pytest.param("2", marks=pytest.mark.slow)])
def test_a_stopping_service_answers_requests_in_flight_and_accepts_no_more(
    serving: Any, world: Any, metric: Any, wait_until: Any, workers: str
) -> None:
    names = [f"flight-{i}" for i in range(4)]
    with serving(world, "--workers", workers) as server, ThreadPoolExecutor(len(names)) as pool:
        assert server.score("first", "line-001").status_code == 200
        client = server.client()
        flying = [pool.submit(client.post, "/v1/score/records", json=long_body(name)) for name in names]
        # The answering worker reports its own metric; if the other has all requests, wait until one is done.
        wait_until(lambda: metric(server, "linerisk_large_at_work") >= 1 or any(each.done() for each in flying))
        time.sleep(0.3)  # until all four bodies have arrived
        began = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        answers = [each.result() for each in flying]
        assert [answer.status_code for answer in answers] == [200] * len(names)
        assert server.process.wait(STOPPED_WITHIN_S) == 0
        assert time.monotonic() - began < STOPPED_WITHIN_S
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{server.url}/livez")
    with DecisionLog(world.settings.decision_log_url, create=False) as log:
        report = log.verify()
        assert (report.ok, report.rows) == (True, 1 + 200 * len(names))
        for name, answer in zip(names, answers, strict=True):
            recorded = [record.decision_id for record in log.find("a-scorer", name).records]
            assert recorded == [decision["decision_id"] for decision in answer.json()["decisions"]]


@pytest.mark.slow
def test_a_stop_under_load_keeps_every_sent_answer_and_no_partial_one(
    serving: Any, world: Any, load_clients: Any, check_log: Any, repeat_requests: Any
) -> None:
    url = world.settings.decision_log_url
    with serving(world, "--workers", "2") as server, load_clients(server, "stopped", many=6) as load:
        load.wait_for(30)
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(STOPPED_WITHIN_S) == 0
    statuses = {each.status for each in load.requests}
    assert statuses <= {200, 503, None}
    check_log(url, load.requests)
    for each in load.unanswered():
        if each.answer is not None:
            assert each.answer.json()["error"]["code"]
            assert "retry-after" in each.answer.headers
    with serving(world) as server:
        again = repeat_requests(server, url, load.unanswered())
    assert check_log(url, load.answered() + again) == len(load.requests)


@pytest.mark.slow
def test_idle_connections_do_not_delay_shutdown(serving: Any, world: Any) -> None:
    with serving(world) as server:
        held = [httpx.Client(base_url=server.url) for _ in range(5)]
        for client in held:
            assert client.get("/livez").status_code == 200
        began = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(STOPPED_WITHIN_S) == 0
        assert time.monotonic() - began < 10
        for client in held:
            client.close()


@pytest.mark.slow
def test_an_unfinished_request_delays_shutdown_only_up_to_the_timeout(serving: Any, world: Any) -> None:
    """Half of a body has arrived when SIGTERM is sent."""
    with serving(world) as server:
        ended = threading.Event()

        def half() -> Any:
            yield b"{"
            ended.wait(60)
            yield b"}"

        def send() -> None:
            with contextlib.suppress(httpx.TransportError):
                server.client().post("/v1/score", content=half(), headers={"content-type": "application/json"})

        sender = threading.Thread(target=send)
        sender.start()
        time.sleep(0.5)
        began = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(STOPPED_WITHIN_S + 10) == 0
        assert time.monotonic() - began < STOPPED_WITHIN_S + 5
        ended.set()
        sender.join()
