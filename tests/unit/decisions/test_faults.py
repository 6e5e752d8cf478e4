"""Killed, full, locked: no acknowledged decision is ever lost, and none is acknowledged that was not recorded."""

import errno
import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text

from linerisk.decisions import group_commit
from linerisk.decisions.log import DecisionLog
from linerisk.decisions.record import DecisionRecord
from linerisk.errors import DecisionLogError

Held = Callable[[str], AbstractContextManager[None]]
MakeRecords = Callable[..., list[DecisionRecord]]
Unguarded = Callable[[str], Any]

WRITER = Path(__file__).with_name("endless_writer.py")


def start_writer(url: str, caller: str, requests: int = 0) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(WRITER), url, caller, str(requests)], stdout=subprocess.PIPE, text=True
    )


def test_two_processes_on_one_store_make_one_chain(url: str) -> None:
    with start_writer(url, "a", 150) as one, start_writer(url, "b", 150) as other:
        told = one.communicate()[0].split() + other.communicate()[0].split()
    assert one.returncode == other.returncode == 0
    assert len(set(told)) == 900
    with DecisionLog(url, create=False) as log:
        report = log.verify()
        assert (report.ok, report.rows) == (True, 900)
        assert all(log.get(decision_id) for decision_id in told[::37])


def test_first_starts_at_once_make_one_schema(url: str) -> None:
    writers = [start_writer(url, f"w{i}", 2) for i in range(3)]
    for started in writers:
        started.communicate()
    assert [started.returncode for started in writers] == [0] * 3
    with DecisionLog(url, create=False) as log:
        assert log.verify().rows == 18


def test_kill_9_under_load_loses_no_acknowledged_decision(url: str) -> None:
    acknowledged: list[str] = []
    for round_ in range(3):
        with start_writer(url, f"round-{round_}") as doomed, start_writer(url, f"beside-{round_}", 60) as beside:
            first = doomed.stdout.readline()
            time.sleep(0.1 + 0.07 * round_)
            doomed.kill()
            acknowledged += [first.strip(), *whole_lines(doomed.stdout.read())]
            acknowledged += beside.communicate()[0].split()
            assert beside.returncode == 0
        with DecisionLog(url, create=False) as log:
            report = log.verify()
            assert report.ok, report
            assert report.rows % 3 == 0, "a request is recorded whole or not at all"
            assert len(acknowledged) <= report.rows
            assert all(log.get(decision_id) for decision_id in acknowledged)
    assert len(acknowledged) > 3 * 180


def whole_lines(text: str) -> list[str]:
    """The lines that the killed process finished."""
    return text[: text.rfind("\n") + 1].split()


def test_a_full_disk_refuses_everything_that_waits_and_room_mends_it(
    sqlite_url: str, make_records: MakeRecords
) -> None:
    with DecisionLog(sqlite_url) as log:
        log.append("suspension", "before", "body", make_records("before"))
        most_pages = {"is": 60}
        event.listen(
            log._engine,
            "checkout",
            lambda connection, *_: connection.execute(f"PRAGMA max_page_count={most_pages['is']}"),
        )
        futures = [log.append_async("suspension", f"r-{i}", "body", make_records(f"r-{i}", 20)) for i in range(40)]
        outcomes = [future.exception() for future in futures]
        refused = [i for i, error in enumerate(outcomes) if error is not None]
        assert refused
        assert all(isinstance(outcomes[i], DecisionLogError) and "full" in outcomes[i].found for i in refused)
        assert all(log.find("suspension", f"r-{i}") is None for i in refused)
        recorded = 1 + 20 * (40 - len(refused))
        assert log.count() == recorded

        most_pages["is"] = 1_000_000
        answer = log.append("suspension", f"r-{refused[0]}", "body", make_records(f"r-{refused[0]}", 20))
        assert not answer.repeated
        assert (log.verify().ok, log.count()) == (True, recorded + 20)


def test_a_locked_store_refuses_everything_that_waits_and_unlocking_mends_it(
    url: str, make_records: MakeRecords, held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "MOST_REQUESTS", 1)
    with DecisionLog(url, busy_s=0.3) as log:
        with held(url):
            futures = [log.append_async("suspension", f"r-{i}", "body", make_records(f"r-{i}")) for i in range(10)]
            started = time.monotonic()
            outcomes = [future.exception(timeout=10) for future in futures]
            assert time.monotonic() - started < 2, "ten groups did not wait one after the other"
            assert all(isinstance(error, DecisionLogError) and "lock" in error.found for error in outcomes)
        assert log.count() == 0
        assert not log.append("suspension", "r-1", "body", make_records("r-1")).repeated
        assert log.verify().rows == 1


def test_a_writer_waits_for_another_that_is_only_slow(
    url: str, log: DecisionLog, make_records: MakeRecords, held: Held
) -> None:
    with held(url):
        future = log.append_async("suspension", "r-1", "body", make_records())
        time.sleep(0.3)
        assert not future.done()
    assert not future.result(timeout=2).repeated


def test_connections_lost_between_requests_are_not_noticed(
    postgresql_url: str, make_records: MakeRecords, unguarded: Unguarded
) -> None:
    with DecisionLog(postgresql_url) as log:
        for i in range(3):
            assert not log.append("suspension", f"r-{i}", "body", make_records(f"r-{i}")).repeated
            cut_connections(postgresql_url, unguarded)
            assert log.find("suspension", f"r-{i}") is not None
            cut_connections(postgresql_url, unguarded)


@pytest.mark.parametrize("moment", ["before_cursor_execute", "commit"])
def test_a_connection_lost_within_a_commit_is_made_anew_and_nothing_is_written_twice(
    postgresql_url: str, make_records: MakeRecords, unguarded: Unguarded, moment: str
) -> None:
    lost = []

    def lose(connection: Any, _cursor: object = None, statement: str = "INSERT", *_: object) -> None:
        if not lost and statement.startswith("INSERT"):
            if moment == "commit":
                # The server commits, and its answer does not arrive.
                connection.connection.dbapi_connection.commit()
            lost.append(statement)
            cut_connections(postgresql_url, unguarded)

    with DecisionLog(postgresql_url) as log:
        event.listen(log._engine, moment, lose)
        records = make_records("r-1", 3)
        assert log.append("suspension", "r-1", "body", records).records == tuple(records)
        assert lost
        assert (log.verify().ok, log.count()) == (True, 3)


def cut_connections(url: str, unguarded: Unguarded) -> None:
    """Ends every other connection to the database, as a server that restarts does."""
    with unguarded(url) as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )


def test_a_server_that_dies_under_load_and_comes_back_has_every_acknowledged_decision(
    postgresql_url: str, postgresql: Any, make_records: MakeRecords
) -> None:
    acknowledged: dict[str, str] = {}
    refused: list[str] = []

    def ask(i: int) -> None:
        [record] = make_records(f"r-{i}")
        try:
            log.append("suspension", f"r-{i}", "body", [record])
        except DecisionLogError:
            refused.append(f"r-{i}")
            time.sleep(0.02)
        else:
            acknowledged[f"r-{i}"] = record.decision_id

    with DecisionLog(postgresql_url) as log, ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(ask, i) for i in range(400)]
        while len(acknowledged) < 50:
            time.sleep(0.001)
        postgresql.die()
        while not refused:
            time.sleep(0.001)
        postgresql.ensure_postgres_running()
        asked += [pool.submit(ask, i) for i in range(400, 500)]
        for future in asked:
            future.result()
        assert len(acknowledged) + len(refused) == 500
        assert {f"r-{i}" for i in range(490, 500)} <= acknowledged.keys()
        assert all(log.get(decision_id) is not None for decision_id in acknowledged.values())
        assert log.verify().ok
        # What was refused may have been on its way to the disk; asked again it is recorded once.
        for request_id in refused:
            log.append("suspension", request_id, "body", make_records(request_id))
        assert (log.verify().ok, log.count()) == (True, 500)


def test_a_fault_of_our_own_is_told_and_the_writer_goes_on(
    log: DecisionLog, make_records: MakeRecords, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault(_group: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(log._writer, "_write", fault)
        with pytest.raises(DecisionLogError, match="ZeroDivisionError"):
            log.append("suspension", "r-1", "body", make_records())
    assert not log.append("suspension", "r-1", "body", make_records()).repeated


def test_a_wait_that_the_system_refuses_while_its_clock_is_set_stops_no_writer(
    log: DecisionLog, make_records: MakeRecords, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused: list[float] = []

    def refuse(seconds: float) -> None:
        refused.append(seconds)
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    monkeypatch.setattr(group_commit.time, "sleep", refuse)
    for round_ in range(20):
        names = [f"r-{round_}-{i}" for i in range(20)]
        for future in [log.append_async("suspension", name, "body", make_records(name)) for name in names]:
            assert not future.result().repeated
    assert refused, "the writer did wait"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_whoever_comes_after_a_writer_that_ended_is_given_another(
    log: DecisionLog, make_records: MakeRecords, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault(_settled: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(group_commit, "_encoded", fault)
        with pytest.raises(DecisionLogError, match="RuntimeError"):
            log.append("suspension", "r-0", "body", make_records("r-0"))
    assert not log.append("suspension", "r-1", "body", make_records("r-1")).repeated
    assert log.verify().ok


def test_verifying_does_not_hold_up_writers_and_is_not_misled_by_them(
    log: DecisionLog, make_records: MakeRecords
) -> None:
    log.append("suspension", "r-0", "body", make_records("r-0", 3_000))
    with ThreadPoolExecutor(1) as pool:
        reports = pool.submit(lambda: [log.verify() for _ in range(5)])
        for i in range(1, 100):
            log.append("suspension", f"r-{i}", "body", make_records(f"r-{i}", 3))
        assert all(report.ok and report.rows >= 3_000 for report in reports.result())
