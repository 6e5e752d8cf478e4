"""Killed, full, locked: no acknowledged decision is ever lost, and none is acknowledged that was not recorded."""

import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import event

from linerisk.decisions import writer
from linerisk.decisions.log import DecisionLog
from linerisk.decisions.record import DecisionRecord
from linerisk.errors import DecisionLogError

MakeRecords = Callable[..., list[DecisionRecord]]

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


def test_a_full_disk_refuses_everything_that_waits_and_room_mends_it(url: str, make_records: MakeRecords) -> None:
    with DecisionLog(url) as log:
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
    url: str, make_records: MakeRecords, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_MOST_REQUESTS", 1)
    with DecisionLog(url, busy_s=0.3) as log, closing(log._engine.raw_connection()) as holder:
        holder.cursor().execute("BEGIN IMMEDIATE")
        futures = [log.append_async("suspension", f"r-{i}", "body", make_records(f"r-{i}")) for i in range(10)]
        started = time.monotonic()
        outcomes = [future.exception(timeout=10) for future in futures]
        assert time.monotonic() - started < 2, "ten groups did not wait one after the other"
        assert all(isinstance(error, DecisionLogError) and "locked" in error.found for error in outcomes)
        holder.rollback()
        assert log.count() == 0
        assert not log.append("suspension", "r-1", "body", make_records("r-1")).repeated
        assert log.verify().rows == 1


def test_a_writer_waits_for_another_that_is_only_slow(url: str, make_records: MakeRecords) -> None:
    with DecisionLog(url, busy_s=5) as log, closing(log._engine.raw_connection()) as holder:
        holder.cursor().execute("BEGIN IMMEDIATE")
        future = log.append_async("suspension", "r-1", "body", make_records())
        time.sleep(0.3)
        assert not future.done()
        holder.rollback()
        assert not future.result(timeout=2).repeated


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


def test_verifying_does_not_hold_up_writers_and_is_not_misled_by_them(
    log: DecisionLog, make_records: MakeRecords
) -> None:
    log.append("suspension", "r-0", "body", make_records("r-0", 3_000))
    with ThreadPoolExecutor(1) as pool:
        reports = pool.submit(lambda: [log.verify() for _ in range(5)])
        for i in range(1, 100):
            log.append("suspension", f"r-{i}", "body", make_records(f"r-{i}", 3))
        assert all(report.ok and report.rows >= 3_000 for report in reports.result())
