"""A running service expires disputes past their hard limit, each once with any number of workers."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from datetime import datetime
from typing import Any

import pytest

from linerisk.review.transitions import SYSTEM_NAME, State, Transition
from linerisk.service.dispute_expiry import DisputeExpiry

MANY = 30
WORKERS = 4
WITHIN_S = 20
SetNow = Callable[[datetime], None]


def wait_until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def test_a_running_worker_expires_a_dispute_at_its_hard_limit(cases: Any, set_now: SetNow) -> None:
    dispute = cases.opened()
    with closing(DisputeExpiry(cases.service, every_s=0.02)):
        time.sleep(0.1)
        assert cases.service.get(dispute.dispute_id).is_open
        set_now(dispute.hard_limit)
        wait_until(lambda: not cases.service.get(dispute.dispute_id).is_open)
    ended = cases.service.get(dispute.dispute_id)
    assert (ended.state, ended.events[-1].by, ended.closed_at) == (State.EXPIRED, SYSTEM_NAME, dispute.hard_limit)
    assert cases.service.counts(dispute.hard_limit).expired == 1


def test_concurrent_workers_expire_each_dispute_once(
    cases: Any, url: str, open_cases: Callable[[str], Any], set_now: SetNow
) -> None:
    disputes = [cases.opened(line_id=f"line-{i}") for i in range(MANY)]
    set_now(disputes[0].hard_limit)
    with ExitStack() as stack:
        workers = [open_cases(url) for _ in range(WORKERS)]
        for each in workers:
            stack.callback(each.log.close)
        with ThreadPoolExecutor(WORKERS) as pool:
            ended = sum(pool.map(lambda worker: worker.service.expire_due(), workers))
    transitions = [[event.transition for event in cases.service.events_of(each.dispute_id)] for each in disputes]
    assert (ended, transitions) == (MANY, [[Transition.OPEN, Transition.EXPIRE]] * MANY)
    assert cases.log.verify().ok


def test_a_dispute_closed_at_its_hard_limit_does_not_expire(cases: Any, set_now: SetNow) -> None:
    dispute = cases.assigned()
    set_now(dispute.hard_limit)
    decided = cases.service.withdraw(
        cases.people["anne"], dispute.dispute_id, reason=cases.reason, request_id=cases.new_id()
    )
    assert cases.service.expire_due() == 0
    assert cases.service.get(dispute.dispute_id).state is decided.state


def test_a_database_error_is_logged_and_expiry_is_retried(
    cases: Any, set_now: SetNow, unguarded: Callable[[str], Any], url: str, capfd: pytest.CaptureFixture[str]
) -> None:
    dispute = cases.opened()
    set_now(dispute.hard_limit)
    with unguarded(url) as connection:
        connection.exec_driver_sql("ALTER TABLE disputes RENAME TO elsewhere")
    log = ""
    with closing(DisputeExpiry(cases.service, every_s=0.02)):
        deadline = time.monotonic() + WITHIN_S
        while "disputes could not be ended" not in log and time.monotonic() < deadline:
            log += capfd.readouterr().err
        with unguarded(url) as connection:
            connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO disputes")
        wait_until(lambda: not cases.service.get(dispute.dispute_id).is_open)
    assert "disputes could not be ended" in log
    assert dispute.dispute_id not in log
