"""Database of the log locked, missing or full: 503 with Retry-After, no unrecorded answer, and automatic recovery."""

from __future__ import annotations

import errno
import io
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from linerisk.decisions.log import DecisionLog

_LOCK_HOLDER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""
REFUSED_WITHIN_S = 12
"""The log waits five seconds for another writer; a busy machine needs more."""


@contextmanager
def locked(database: Path) -> Iterator[None]:
    """Holds the write lock in another process."""
    with subprocess.Popen(
        [sys.executable, "-c", _LOCK_HOLDER, str(database)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout.readline() == b"held\n"
        yield
        holder.stdin.close()


def has_room(file: io.FileIO, size: int) -> bool:
    """Write so many bytes; False if the disk is full."""
    try:
        return file.write(b"\0" * size) > 0
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        return False


@contextmanager
def full(folder: Path) -> Iterator[None]:
    """Fills the disk of a folder."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            while has_room(file, size):
                pass
    try:
        yield
    finally:
        filler.unlink()


@pytest.fixture
def small_home(tmp_path: Path) -> Iterator[Path]:
    """A separate disk of 64 MB for the home of `world`."""
    place = tmp_path / "home"
    place.mkdir()
    if os.geteuid() != 0:
        # The test of the file size limit covers the same without root.
        pytest.skip("mounting a small disk needs root")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64m", "none", str(place)], capture_output=True, check=False, text=True
    )
    if mounted.returncode:
        # Containers often forbid mounting, even to root.
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def check_refusal(answer: httpx.Response) -> None:
    """Check a 503 with Retry-After whose text has no internals."""
    assert answer.status_code == 503, answer.text
    assert int(answer.headers["retry-after"]) >= 1
    (error,) = answer.json().values()
    assert {"code", "message"} <= set(error) <= {"code", "message", "hint", "request_id"}
    assert "Traceback" not in answer.text
    assert "line-0" not in error["message"]


def check_all_refused(server: Any, names: list[str]) -> None:
    """Check that small and large requests are refused in time."""
    began = time.monotonic()
    with ThreadPoolExecutor(len(names)) as pool:
        answers = list(pool.map(lambda name: server.score(name, *lines_of(name)), names))
    assert time.monotonic() - began < REFUSED_WITHIN_S
    for answer in answers:
        check_refusal(answer)


def lines_of(name: str) -> list[str]:
    return [f"line-{i:03}" for i in range(30 if name.endswith("large") else 2)]


def check_recorded_once(server: Any, url: str, names: list[str], *, before: int) -> None:
    """Check that the same requests are now answered and recorded once, and nothing else is recorded."""
    for name in names:
        answer = server.score(name, *lines_of(name))
        assert answer.status_code == 200, answer.text
        assert server.score(name, *lines_of(name)).content == answer.content
    with DecisionLog(url, create=False) as log:
        report = log.verify()
        assert (report.ok, report.rows) == (True, before + sum(len(lines_of(name)) for name in names))
        assert all(log.find("a-scorer", name) is not None for name in names)


NAMES = ["a-small", "b-small", "c-small", "d-large", "e-large"]


@pytest.mark.slow
def test_scores_wait_for_a_locked_database_then_fail_while_reads_continue(serving: Any, world: Any) -> None:
    with serving(world) as server:
        first = server.score("first", "line-001").json()["decisions"][0]
        with locked(world.settings.home / "decisions.db"), ThreadPoolExecutor(1) as pool:
            writing = pool.submit(check_all_refused, server, NAMES)
            path = f"/v1/decisions/{first['decision_id']}"
            while not writing.done():
                # A read by a person is logged first and fails, so only the scorer can read.
                read = server.client("scorer").get(path)
                assert (read.status_code, read.json()["margin"]) == (200, first["margin"])
                assert server.client(None).get("/readyz").status_code == 200
                time.sleep(0.1)
            writing.result()
        check_recorded_once(server, world.settings.decision_log_url, NAMES, before=1)
        log = server.log.read_text()
        assert '"event": "refused"' in log
        assert "line-0" not in log


def test_a_deleted_or_replaced_database_loses_no_answer(serving: Any, world: Any) -> None:
    """Data written to an unlinked file is lost when the file is closed."""
    database = world.settings.home / "decisions.db"
    kept = world.settings.home / "kept.db"
    with serving(world) as server:
        assert server.score("first", "line-001").status_code == 200
        database.rename(kept)
        check_refusal(server.score("gone-small", *lines_of("gone-small")))
        check_refusal(server.score("gone-large", *lines_of("gone-large")))
        kept.rename(database)
        check_recorded_once(server, world.settings.decision_log_url, ["gone-small", "gone-large"], before=1)


@pytest.mark.slow
def test_requests_fail_while_postgresql_is_down_and_pass_once_it_is_back(
    serving: Any, world: Any, new_database: Any, postgresql: Any
) -> None:
    with new_database() as url, serving(world, LINERISK_DECISION_LOG=url) as server:
        assert server.score("first", "line-001").status_code == 200
        postgresql.die()
        try:
            check_all_refused(server, NAMES)
            check_refusal(server.client("auditor").get("/v1/decisions/01J1NR8X00AAAAAAAAAAAAAAAA"))
            assert server.client("auditor").get("/v1/model").status_code == 200
        finally:
            postgresql.ensure_postgres_running()
        check_recorded_once(server, url, NAMES, before=1)


@pytest.mark.slow
def test_no_answer_is_lost_while_the_database_fails_and_recovers_under_load(  # noqa: PLR0917
    serving: Any,
    world: Any,
    new_database: Any,
    postgresql: Any,
    load_clients: Any,
    check_log: Any,
    repeat_requests: Any,
) -> None:
    with new_database() as url, serving(world, "--workers", "2", LINERISK_DECISION_LOG=url) as server:
        with load_clients(server, "without-pause") as load:
            for _ in range(2):
                load.wait_for(20)
                postgresql.die()
                time.sleep(0.5)
                postgresql.ensure_postgres_running()
            load.wait_for(20)
        statuses = {each.status for each in load.requests}
        assert statuses == {200, 503}, "every request got an answer"
        for each in load.unanswered():
            check_refusal(each.answer)
        again = repeat_requests(server, url, load.unanswered())
        assert check_log(url, load.answered() + again) == len(load.requests)


@pytest.mark.slow
def test_scores_fail_on_a_full_disk_and_pass_once_there_is_space(
    serving: Any, small_home: Path, world: Any, worker_processes: Any
) -> None:
    """The disk holds the log and the metric files."""
    with serving(world) as server:
        (worker,) = worker_processes(server)
        assert server.score("first", "line-001").status_code == 200
        with full(small_home):
            many = [f"{i}-large" for i in range(6)]
            server.score("until-it-is-full", *(f"line-{i:03}" for i in range(200)))
            check_all_refused(server, many)
            for path, status in {"/v1/model": 200, "/v1/policy": 200, "/v1/nothing": 404}.items():
                assert server.client("auditor").get(path).status_code == status
            assert server.client("scorer").get("/v1/lines/a/decisions").status_code == 200
            # A read by a person is logged first.
            check_refusal(server.client("auditor").get("/v1/lines/a/decisions"))
            assert server.client(None).get("/metrics").status_code == 200
        assert [process.pid for process in worker_processes(server)] == [worker.pid]
        with DecisionLog(world.settings.decision_log_url, create=False) as log:
            before = log.count()
        check_recorded_once(server, world.settings.decision_log_url, many, before=before)


@pytest.mark.slow
def test_scores_fail_at_the_file_size_limit_and_pass_once_it_is_lifted(
    serving: Any, world: Any, worker_processes: Any
) -> None:
    """As under a quota: the kernel refuses to write past a file size, here that of one page.

    A limit at the present file length would let some answers pass: SQLite rewrites its log from the start after a
    checkpoint, and the two files differ in length.
    """
    url = world.settings.decision_log_url
    with serving(world) as server:
        assert server.score("first", "line-001").status_code == 200
        (worker,) = worker_processes(server)
        _, most = psutil.Process(worker.pid).rlimit(resource.RLIMIT_FSIZE)
        psutil.Process(worker.pid).rlimit(resource.RLIMIT_FSIZE, (4096, most))
        check_all_refused(server, NAMES)
        psutil.Process(worker.pid).rlimit(resource.RLIMIT_FSIZE, (most, most))
        check_recorded_once(server, url, NAMES, before=1)


def test_stored_answers_are_repeated_while_the_log_cannot_be_written(world: Any, serving: Any) -> None:
    with serving(world) as server:
        answered = {name: server.score(name, *lines_of(name)) for name in ("small", "large")}
        with locked(world.settings.home / "decisions.db"):
            for name, before in answered.items():
                assert server.score(name, *lines_of(name)).content == before.content
            check_refusal(server.score("new", "line-001"))
            another = server.score("small", "line-009")
        assert (another.status_code, another.json()["error"]["code"]) == (409, "conflict")
