"""While a service runs, disputes past their hard limit end by themselves: once each, however many workers look."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from datetime import datetime
from typing import Any

import pytest

from linerisk.review.transitions import CLOCK, Move, State
from linerisk.service.dispute_expiry import Expiring

MANY = 30
WORKERS = 4
WITHIN_S = 20
SetClock = Callable[[datetime], None]


def wait_until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def test_a_worker_ends_what_grows_too_late_while_it_runs(office: Any, at: SetClock) -> None:
    dispute = office.opened()
    with closing(Expiring(office.desk, every_s=0.02)):
        time.sleep(0.1)
        assert office.desk.get(dispute.dispute_id).is_open
        at(dispute.hard_limit)
        wait_until(lambda: not office.desk.get(dispute.dispute_id).is_open)
    ended = office.desk.get(dispute.dispute_id)
    assert (ended.state, ended.events[-1].by, ended.closed_at) == (State.EXPIRED, CLOCK, dispute.hard_limit)
    assert office.desk.figures(dispute.hard_limit).expired == 1


def test_workers_that_look_at_once_end_each_dispute_once(
    office: Any, url: str, office_at: Callable[[str], Any], at: SetClock
) -> None:
    disputes = [office.opened(line_id=f"line-{i}") for i in range(MANY)]
    at(disputes[0].hard_limit)
    with ExitStack() as stack:
        workers = [office_at(url) for _ in range(WORKERS)]
        for each in workers:
            stack.callback(each.log.close)
        with ThreadPoolExecutor(WORKERS) as pool:
            ended = sum(pool.map(lambda worker: worker.desk.expire_due(), workers))
    moves = [[event.move for event in office.desk.events_of(each.dispute_id)] for each in disputes]
    assert (ended, moves) == (MANY, [[Move.OPEN, Move.EXPIRE]] * MANY)
    assert office.log.verify().ok


def test_what_somebody_decides_at_the_last_moment_is_not_ended_unanswered(office: Any, at: SetClock) -> None:
    dispute = office.assigned()
    at(dispute.hard_limit)
    decided = office.desk.withdraw(
        office.people["anne"], dispute.dispute_id, reason=office.reason, request_id=office.key()
    )
    assert office.desk.expire_due() == 0
    assert office.desk.get(dispute.dispute_id).state is decided.state


def test_a_store_in_trouble_is_told_and_tried_again(
    office: Any, at: SetClock, unguarded: Callable[[str], Any], url: str, capfd: pytest.CaptureFixture[str]
) -> None:
    dispute = office.opened()
    at(dispute.hard_limit)
    with unguarded(url) as connection:
        connection.exec_driver_sql("ALTER TABLE disputes RENAME TO elsewhere")
    told = ""
    with closing(Expiring(office.desk, every_s=0.02)):
        deadline = time.monotonic() + WITHIN_S
        while "disputes could not be ended" not in told and time.monotonic() < deadline:
            told += capfd.readouterr().err
        with unguarded(url) as connection:
            connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO disputes")
        wait_until(lambda: not office.desk.get(dispute.dispute_id).is_open)
    assert "disputes could not be ended" in told
    assert dispute.dispute_id not in told
