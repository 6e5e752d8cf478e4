"""SIGKILL of a worker, the writer or everything: the log holds every sent answer, and none in part."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

BACK_WITHIN_S = 15
"""A dead worker is detected within a second; the imports of a new one take a few on a busy machine."""


@pytest.fixture(params=["sqlite", "postgresql"])
def log_url(request: pytest.FixtureRequest, world: Any) -> Iterator[tuple[str, dict[str, str]]]:
    """URL of a log and the environment variables that select it."""
    if request.param == "sqlite":
        yield world.settings.decision_log_url, {}
    else:
        with request.getfixturevalue("new_database")() as url:
            yield url, {"LINERISK_DECISION_LOG": url}


def answers_within(server: Any, seconds: float) -> float:
    """Wait until a new client gets an answer; the seconds until then."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        try:
            with httpx.Client(base_url=server.url, timeout=seconds) as client:
                if client.get("/readyz").status_code == httpx.codes.OK:
                    return time.monotonic() - began
        except httpx.TransportError:
            time.sleep(0.05)
    pytest.fail(f"no answer within {seconds} s:\n{server.log.read_text()[-2000:]}")


def wait_for_workers(server: Any, worker_processes: Callable[[Any], list[Any]], dead: set[int], many: int) -> None:
    """Wait until new worker processes replace the dead ones."""
    deadline = time.monotonic() + BACK_WITHIN_S
    while True:
        there = {process.pid for process in worker_processes(server)}
        if len(there) == many and not there & dead:
            break
        assert time.monotonic() < deadline, f"{there} are alive, {dead} died"
        time.sleep(0.05)
    answers_within(server, BACK_WITHIN_S)


def test_a_killed_worker_is_restarted_even_if_it_is_the_only_one(
    serving: Any, world: Any, worker_processes: Any
) -> None:
    with serving(world) as server:
        (only,) = worker_processes(server)
        assert server.score("before", "line-001").status_code == 200
        only.kill()
        wait_for_workers(server, worker_processes, {only.pid}, 1)
        again = server.score("before", "line-001")
        assert again.status_code == 200
        assert server.process.poll() is None


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_twenty_sigkills_lose_no_sent_answer_and_leave_no_partial_one(  # noqa: PLR0917
    serving: Any,
    world: Any,
    log_url: tuple[str, dict[str, str]],
    load_clients: Any,
    check_log: Any,
    repeat_requests: Any,
    worker_processes: Any,
) -> None:
    """Kill one worker, all workers or everything, in turn, under load."""
    url, environment = log_url
    rng = random.Random(20)  # noqa: S311  # when it is killed is no secret
    rounds = 20 if url.startswith("sqlite") else 8
    sent: list[Any] = []
    lost = 0
    with ExitStack() as servers:
        server = servers.enter_context(serving(world, "--workers", "2", **environment))
        for number in range(rounds):
            kind = ("one", "all", "everything")[number % 3]
            with load_clients(server, f"round-{number}") as round_:
                round_.wait_for(20)
                time.sleep(rng.random() * 0.2)
                workers = worker_processes(server)
                if kind == "everything":
                    server.kill()
                else:
                    doomed = workers if kind == "all" else [rng.choice(workers)]
                    for worker in doomed:
                        worker.kill()
                    wait_for_workers(server, worker_processes, {worker.pid for worker in doomed}, 2)
                    round_.wait_for(10)
            if kind == "everything":
                check_log(url, sent + round_.requests)
                server = servers.enter_context(serving(world, "--workers", "2", **environment))
            lost += len(round_.unanswered())
            sent += round_.answered() + repeat_requests(server, url, round_.unanswered())
    assert check_log(url, sent) == len(sent)
    assert lost >= rounds, "the kills hit no request in flight"
    print(f"{rounds} kills: {len(sent)} requests answered and kept, {lost} of them repeated")  # noqa: T201  # how much was tried
