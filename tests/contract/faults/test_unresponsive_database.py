"""A database that is locked, down or stopped for seconds blocks only scores, not liveness, metrics or reads."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import psutil
import pytest
from sqlalchemy import create_engine, text

SECONDS = 4
WITHIN_S = 1.0
_SQLITE_WRITER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""
_WRITE_LOCK = 5_051_978


@contextmanager
def sqlite_locked(world: Any) -> Iterator[None]:
    command = [sys.executable, "-c", _SQLITE_WRITER, str(world.settings.home / "decisions.db")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert writer.stdin is not None
        assert writer.stdout.readline() == b"held\n"
        yield
        writer.stdin.close()


@contextmanager
def postgresql_locked(url: str) -> Iterator[None]:
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection, connection.begin():
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_WRITE_LOCK})"))
        yield
    engine.dispose()


@contextmanager
def postgresql_dead(postgresql: Any) -> Iterator[None]:
    postgresql.die()
    yield
    postgresql.ensure_postgres_running()


@contextmanager
def postgresql_stopped(postgresql: Any) -> Iterator[None]:
    """Its processes exist but do not answer, as on a machine that swaps."""
    leader = psutil.Process(int((postgresql.pgdata / "postmaster.pid").read_text().split()[0]))
    processes = [leader, *leader.children(recursive=True)]
    for process in processes:
        os.kill(process.pid, signal.SIGSTOP)
    yield
    for process in processes:
        os.kill(process.pid, signal.SIGCONT)


class Probe:
    """Repeats one request and keeps the statuses and the longest wait."""

    def __init__(self, server: Any, ask: Callable[[httpx.Client, int], httpx.Response]) -> None:
        self.client = httpx.Client(base_url=server.url, timeout=30, headers=dict(server.client("scorer").headers))
        self.statuses: set[int] = set()
        self.longest_s = 0.0
        self.answers = 0
        self._ask = ask
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()
        self.client.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            began = time.monotonic()
            self.statuses.add(self._ask(self.client, self.answers).status_code)
            self.longest_s = max(self.longest_s, time.monotonic() - began)
            self.answers += 1
            time.sleep(0.02)


def check_during(server: Any, trouble: Any, *, reads: str | None) -> None:
    """Check that during trouble of the database scores are refused and everything else is answered in time."""

    def getting(path: str) -> Probe:
        return Probe(server, lambda client, _: client.get(path))

    def scoring(lines: int) -> Probe:
        named = [{"line_id": f"line-{i:03}"} for i in range(lines)]
        body = {"lines": named}
        return Probe(
            server, lambda client, number: client.post("/v1/score", json={**body, "request_id": f"{lines}-{number}"})
        )

    with trouble:
        others = {path: getting(path) for path in ("/livez", "/metrics", *([reads] if reads else []))}
        scores = [scoring(1), scoring(2), scoring(30)]
        time.sleep(SECONDS)
        for probe in (*others.values(), *scores):
            probe.stop()
    for path, probe in others.items():
        assert probe.statuses == {200}, path
        assert probe.longest_s < WITHIN_S, path
        assert probe.answers > SECONDS, path
    for probe in scores:
        assert probe.statuses == {503}
        assert probe.longest_s < WITHIN_S
    answer = server.score("afterwards", "line-001")
    assert answer.status_code == 200, answer.text


def test_a_locked_sqlite_blocks_nothing_but_scores(serving: Any, world: Any) -> None:
    with serving(world) as server:
        decision = server.score("before", "line-001").json()["decisions"][0]
        check_during(server, sqlite_locked(world), reads=f"/v1/decisions/{decision['decision_id']}")


@pytest.mark.slow
@pytest.mark.parametrize("trouble", ["locked", "dead", "stopped"])
def test_an_unresponsive_postgresql_blocks_nothing_but_scores(
    trouble: str, serving: Any, world: Any, new_database: Any, postgresql: Any
) -> None:
    with new_database() as url, serving(world, LINERISK_DECISION_LOG=url) as server:
        decision = server.score("before", "line-001").json()["decisions"][0]
        path = f"/v1/decisions/{decision['decision_id']}"
        if trouble == "locked":
            check_during(server, postgresql_locked(url), reads=path)
        elif trouble == "dead":
            check_during(server, postgresql_dead(postgresql), reads=None)
        else:
            check_during(server, postgresql_stopped(postgresql), reads="/v1/model")
