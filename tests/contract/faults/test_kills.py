"""kill -9 of a worker and of everything: what was answered is in the log, and nothing of it is there by half."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

BACK_WITHIN_S = 15
"""A worker is missed within a second; importing what it answers with takes a few, on a machine that is busy."""


@pytest.fixture(params=["sqlite", "postgresql"])
def log_url(request: pytest.FixtureRequest, world: Any) -> Iterator[tuple[str, dict[str, str]]]:
    """The URL of a log and the environment that names it."""
    if request.param == "sqlite":
        yield world.settings.decision_log_url, {}
    else:
        with request.getfixturevalue("new_database")() as url:
            yield url, {"LINERISK_DECISION_LOG": url}


def answers_within(server: Any, seconds: float) -> float:
    """Wait until a new caller is answered; how long it took."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        try:
            with httpx.Client(base_url=server.url, timeout=seconds) as client:
                if client.get("/readyz").status_code == httpx.codes.OK:
                    return time.monotonic() - began
        except httpx.TransportError:
            time.sleep(0.05)
    pytest.fail(f"nobody was answered within {seconds} s:\n{server.log.read_text()[-2000:]}")


def whole_again(server: Any, workers_of: Callable[[Any], list[Any]], dead: set[int], many: int) -> None:
    """Wait until new processes stand where others died."""
    deadline = time.monotonic() + BACK_WITHIN_S
    while True:
        there = {process.pid for process in workers_of(server)}
        if len(there) == many and not there & dead:
            break
        assert time.monotonic() < deadline, f"{there} are there, {dead} died"
        time.sleep(0.05)
    answers_within(server, BACK_WITHIN_S)


def test_a_killed_worker_is_restarted_even_if_it_is_the_only_one(serving: Any, world: Any, workers_of: Any) -> None:
    with serving(world) as server:
        (only,) = workers_of(server)
        assert server.score("before", "line-001").status_code == 200
        only.kill()
        whole_again(server, workers_of, {only.pid}, 1)
        again = server.score("before", "line-001")
        assert again.status_code == 200
        assert server.process.poll() is None


def test_killing_the_writer_process_fails_no_request(  # noqa: PLR0917
    serving: Any, world: Any, callers: Any, held_to: Any, workers_of: Any, writers_of: Any
) -> None:
    with serving(world) as server:
        (worker,) = workers_of(server)
        assert len(writers_of(server)) == 1
        dead: set[int] = set()
        with callers(server, "unnoticed", most_lines=4) as asking:
            for _ in range(3):
                deadline = time.monotonic() + BACK_WITHIN_S
                while not (there := [each for each in writers_of(server) if each.pid not in dead]):
                    assert time.monotonic() < deadline, "no other process was started to write"
                    time.sleep(0.05)
                asking.wait_for(60)
                dead.add(there[0].pid)
                there[0].kill()
                asking.wait_for(60)
        assert asking.unanswered() == []
        assert held_to(world.settings.decision_log_url, asking.asked) == len(asking.asked)
        assert workers_of(server) == [worker]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_twenty_sigkills_lose_no_sent_answer_and_leave_no_partial_one(  # noqa: PLR0917
    serving: Any,
    world: Any,
    log_url: tuple[str, dict[str, str]],
    callers: Any,
    held_to: Any,
    asked_again: Any,
    workers_of: Any,
) -> None:
    """One worker, all workers, or everything at once, in turn, while callers ask."""
    url, environment = log_url
    rng = random.Random(20)  # noqa: S311  # when it is killed is no secret
    rounds = 20 if url.startswith("sqlite") else 8
    asked: list[Any] = []
    lost = 0
    with ExitStack() as servers:
        server = servers.enter_context(serving(world, "--workers", "2", **environment))
        for number in range(rounds):
            kind = ("one", "all", "everything")[number % 3]
            with callers(server, f"round-{number}") as round_:
                round_.wait_for(20)
                time.sleep(rng.random() * 0.2)
                workers = workers_of(server)
                if kind == "everything":
                    server.kill()
                else:
                    doomed = workers if kind == "all" else [rng.choice(workers)]
                    for worker in doomed:
                        worker.kill()
                    whole_again(server, workers_of, {worker.pid for worker in doomed}, 2)
                    round_.wait_for(10)
            if kind == "everything":
                held_to(url, asked + round_.asked)
                server = servers.enter_context(serving(world, "--workers", "2", **environment))
            lost += len(round_.unanswered())
            asked += round_.answered() + asked_again(server, url, round_.unanswered())
    assert held_to(url, asked) == len(asked)
    assert lost >= rounds, "callers were asking when it was killed"
    print(f"{rounds} kills: {len(asked)} requests answered and kept, {lost} of them asked again")  # noqa: T201  # how much was tried
