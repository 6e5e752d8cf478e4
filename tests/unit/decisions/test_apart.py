"""A process of its own writes small requests: the same promises, whatever becomes of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import psutil
import pytest

from linerisk.decisions.append import Append
from linerisk.decisions.errors import ConflictError, OverloadedError, overloaded
from linerisk.decisions.log import DecisionLog
from linerisk.decisions.pending import UNUSED
from linerisk.decisions.record import DecisionRecord
from linerisk.decisions.wire import Frames, framed
from linerisk.errors import DecisionLogError

Held = Callable[[str], Any]
MakeRecords = Callable[..., list[DecisionRecord]]
BODY, OTHER_BODY = "0" * 64, "1" * 64
READY_WITHIN_S = 30
ENDS_WITHIN_S = 20


@pytest.fixture
def log(url: str) -> Iterator[DecisionLog]:
    """An open, empty log with a process that writes."""
    with DecisionLog(url, apart=True, busy_s=1.0) as opened:
        yield opened


def process_of(log: DecisionLog) -> psutil.Process:
    assert log.apart is not None
    log.apart.start()
    assert log.apart._process is not None
    return psutil.Process(log.apart._process.pid)


async def ready(log: DecisionLog, make_records: MakeRecords) -> int:
    """Ask until the process writes; how many requests that took."""
    assert log.apart is not None
    asked, until = 0, time.monotonic() + READY_WITHIN_S
    while not log.apart.ready:
        assert time.monotonic() < until, "the process that writes does not become ready"
        name = f"ready-{asked}"
        await log.append_awaited("suspension", name, BODY, make_records(name))
        asked += 1
        await asyncio.sleep(0.02)
    return asked


def run(work: Awaitable[None]) -> None:
    asyncio.run(asyncio.wait_for(work, 60))  # type: ignore[arg-type]


def test_it_writes_what_an_event_loop_asks_for(url: str, log: DecisionLog, make_records: MakeRecords) -> None:
    told: list[tuple[str, tuple[DecisionRecord, ...]]] = []

    async def work() -> None:
        before = await ready(log, make_records)
        assert log.apart is not None
        names = [f"r-{i}" for i in range(200)]
        awaited = [log.append_awaited("suspension", name, BODY, make_records(name, count=3)) for name in names]
        assert log.apart.waiting == log.waiting == 600
        answers = await asyncio.gather(*awaited)
        told.extend((name, answer.records) for name, answer in zip(names, answers, strict=True))
        assert not any(answer.repeated for answer in answers)
        assert log.waiting == 0
        assert log.count() == before + 600

    run(work())
    with DecisionLog(url, create=False) as reopened:
        assert reopened.verify().ok
        for name, records in told:
            found = reopened.find("suspension", name, body_hash=BODY)
            assert found is not None
            assert found.records == records


def test_it_is_started_once_and_not_before_it_is_wanted(log: DecisionLog) -> None:
    assert log.apart is not None
    assert log.apart._process is None
    first = process_of(log)
    assert process_of(log) == first
    assert psutil.Process().children().count(first) == 1


def test_requests_are_answered_before_it_is_ready(log: DecisionLog, make_records: MakeRecords) -> None:
    async def work() -> None:
        answer = await log.append_awaited("suspension", "r-1", BODY, make_records())
        assert not answer.repeated
        assert log.apart is not None
        assert log.apart.waiting == 0

    run(work())
    assert log.count() == 1


def test_a_request_asked_fifty_times_at_once_is_answered_once(log: DecisionLog, make_records: MakeRecords) -> None:
    problem = {"line_id": "9", "code": "unknown_line", "message": "not known"}

    async def work() -> None:
        before = await ready(log, make_records)
        asked = [log.append_awaited("suspension", "r-1", BODY, make_records(count=4), [problem]) for _ in range(50)]
        answers = await asyncio.gather(*asked)
        assert len({tuple(record.decision_id for record in answer.records) for answer in answers}) == 1
        assert sum(not answer.repeated for answer in answers) == 1
        assert all(answer.problems == (problem,) for answer in answers)
        assert log.count() == before + 4
        with pytest.raises(ConflictError, match="another body"):
            await log.append_awaited("suspension", "r-1", OTHER_BODY, make_records())

    run(work())


def test_a_request_asked_again_in_the_same_commit_is_told_the_same(
    url: str, log: DecisionLog, make_records: MakeRecords, held: Held
) -> None:
    async def work() -> None:
        await ready(log, make_records)
        with held(url):
            first = log.append_awaited("suspension", "first", BODY, make_records("first"))
            await asyncio.sleep(0.2)  # it is taken up alone, and what is asked from now on gathers behind it
            asked = [log.append_awaited("suspension", "r-1", BODY, make_records(count=3)) for _ in range(5)]
            other = log.append_awaited("suspension", "r-1", OTHER_BODY, make_records())
            await asyncio.sleep(0.1)
        await first
        answers = await asyncio.gather(*asked)
        assert all(answer.records == answers[0].records and len(answer.records) == 3 for answer in answers)
        assert [answer.repeated for answer in answers] == [False, True, True, True, True]
        with pytest.raises(ConflictError):
            await other

    run(work())


def test_whoever_kills_it_under_load_costs_nobody_an_answer(log: DecisionLog, make_records: MakeRecords) -> None:
    asked = 0

    async def call(number: int, stop: asyncio.Event) -> None:
        nonlocal asked
        i = 0
        while not stop.is_set():
            name, i = f"caller-{number}-{i}", i + 1
            answer = await log.append_awaited("suspension", name, BODY, make_records(name))
            assert [record.request_id for record in answer.records] == [name]
            asked += 1

    async def work() -> None:
        before = await ready(log, make_records)
        stop = asyncio.Event()
        callers = [asyncio.create_task(call(number, stop)) for number in range(8)]
        killed: set[int] = set()
        for _ in range(2):
            await asyncio.sleep(0.3)
            process = process_of(log)
            killed.add(process.pid)
            process.kill()
            await asyncio.sleep(1.2)  # another is started a second after the one before at the earliest
            await ready_again(log)
            assert process_of(log).pid not in killed
        stop.set()
        await asyncio.gather(*callers)
        assert asked > 100
        report = log.verify()
        assert report.ok
        assert log.count() >= before + asked, "what was answered is in the log"

    run(work())


async def ready_again(log: DecisionLog) -> None:
    assert log.apart is not None
    until = time.monotonic() + READY_WITHIN_S
    while not log.apart.ready:
        assert time.monotonic() < until, "no other process was started"
        await asyncio.sleep(0.02)


def test_nobody_waits_for_one_that_is_stuck(log: DecisionLog, make_records: MakeRecords) -> None:
    async def work() -> None:
        await ready(log, make_records)
        assert log.apart is not None
        log.apart._silent_s = 1.0
        stuck = process_of(log)
        stuck.suspend()
        names = [f"r-{i}" for i in range(5)]
        started = time.monotonic()
        answers = await asyncio.gather(*[log.append_awaited("suspension", n, BODY, make_records(n)) for n in names])
        assert time.monotonic() - started < 10
        assert [answer.records[0].request_id for answer in answers] == names
        with contextlib.suppress(psutil.NoSuchProcess):
            stuck.wait(5)  # it was killed

    run(work())


def test_a_locked_store_is_told_and_unlocking_mends_it(
    url: str, log: DecisionLog, make_records: MakeRecords, held: Held
) -> None:
    async def work() -> None:
        await ready(log, make_records)
        with held(url):
            started = time.monotonic()
            asked = [log.append_awaited("suspension", f"r-{i}", BODY, make_records(f"r-{i}")) for i in range(10)]
            said = await asyncio.gather(*asked, return_exceptions=True)
            assert time.monotonic() - started < 5
        assert all(isinstance(error, DecisionLogError) and "lock" in str(error.found) for error in said)
        assert not (await log.append_awaited("suspension", "r-1", BODY, make_records("r-1"))).repeated

    run(work())


def test_it_takes_on_no_more_than_may_wait(url: str, make_records: MakeRecords, held: Held) -> None:
    with DecisionLog(url, apart=True, busy_s=1.0, most_waiting=10) as log:

        async def work() -> None:
            await ready(log, make_records)
            with held(url):
                asked = [log.append_awaited("suspension", f"r-{i}", BODY, make_records(f"r-{i}")) for i in range(10)]
                with pytest.raises(OverloadedError, match="at most 10"):
                    log.append_awaited("suspension", "r-10", BODY, make_records("r-10"))
                await asyncio.gather(*asked, return_exceptions=True)
            assert log.waiting == 0

        run(work())


def test_a_fault_in_who_is_told_keeps_no_answer_from_others(log: DecisionLog, make_records: MakeRecords) -> None:
    def told(_settled: Any) -> None:
        raise RuntimeError("a fault")

    async def work() -> None:
        faults: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda _loop, said: faults.append(said["exception"]))
        await ready(log, make_records)
        log.append_told(Append("suspension", "faulty", BODY, make_records("faulty"), (), future=UNUSED, told=told))
        beside = log.append_awaited("suspension", "beside", BODY, make_records("beside"))
        await asyncio.wait_for(beside, 5)
        await asyncio.wait_for(log.append_awaited("suspension", "after", BODY, make_records("after")), 5)
        assert [str(fault) for fault in faults] == ["a fault"]
        assert log.waiting == 0

    run(work())


def test_a_record_that_is_not_text_is_refused_without_harm(log: DecisionLog, make_records: MakeRecords) -> None:
    async def work() -> None:
        await ready(log, make_records)
        with pytest.raises(DecisionLogError, match="JSON"):
            await log.append_awaited("suspension", "bad", BODY, make_records("bad", status="\ud800"))
        assert not (await log.append_awaited("suspension", "good", BODY, make_records("good"))).repeated

    run(work())


def test_closing_writes_what_waits_and_ends_it(url: str, make_records: MakeRecords) -> None:
    async def work() -> psutil.Process:
        log = DecisionLog(url, apart=True)
        await ready(log, make_records)
        process = process_of(log)
        awaited = [log.append_awaited("suspension", f"r-{i}", BODY, make_records(f"r-{i}")) for i in range(50)]
        log.close()
        answers = await asyncio.gather(*awaited)
        assert len(answers) == 50
        return process

    process = asyncio.run(work())
    with contextlib.suppress(psutil.NoSuchProcess):
        assert process.status() == psutil.STATUS_ZOMBIE
    with DecisionLog(url, create=False) as log:
        assert all(log.find("suspension", f"r-{i}") for i in range(50))


def test_closing_waits_for_no_answers_that_nobody_reads(url: str, make_records: MakeRecords) -> None:
    async def work() -> None:
        log = DecisionLog(url, apart=True)
        await ready(log, make_records)
        records = make_records("again", count=16)
        await log.append_awaited("suspension", "again", BODY, records)
        # Said again, each answer is as long as its records: far more than the socket holds.
        awaited = [log.append_awaited("suspension", "again", BODY, records) for _ in range(400)]
        started = time.monotonic()
        log.close()
        assert time.monotonic() - started < ENDS_WITHIN_S
        assert all(answer.repeated for answer in await asyncio.gather(*awaited))

    asyncio.run(work())


def test_it_ends_with_the_process_that_it_writes_for_and_no_signal_ends_it_before(
    url: str, make_records: MakeRecords
) -> None:
    log = DecisionLog(url, apart=True)
    process = process_of(log)
    asyncio.run(ready(log, make_records))
    process.terminate()
    with pytest.raises(psutil.TimeoutExpired):
        process.wait(0.5)
    assert log.apart is not None
    assert log.apart._socket is not None
    log.apart._socket.close()  # as if this process were gone
    log.apart._socket = None
    assert log.apart._process is not None
    assert log.apart._process.wait(5) == 0
    log.close()


def test_where_no_process_can_be_started_requests_are_answered_all_the_same(
    url: str, make_records: MakeRecords, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")

    async def work() -> None:
        for i in range(3):
            answer = await log.append_awaited("suspension", f"r-{i}", BODY, make_records(f"r-{i}"))
            assert not answer.repeated
        assert log.apart is not None
        assert not log.apart.ready

    with DecisionLog(url, apart=True) as log:
        run(work())
        assert log.count() == 3


def test_what_nobody_can_write_any_more_is_told_so(
    log: DecisionLog, make_records: MakeRecords, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_append: object) -> None:
        raise overloaded(20_000, most=20_000)

    async def work() -> None:
        await ready(log, make_records)
        assert log.apart is not None
        monkeypatch.setattr(log.apart, "_otherwise", full)
        process_of(log).suspend()
        awaited = log.append_awaited("suspension", "r-1", BODY, make_records())
        await asyncio.sleep(0.1)
        process_of(log).kill()
        with pytest.raises(OverloadedError):
            await awaited

    run(work())
    assert log.find("suspension", "r-1") is None


def test_no_secret_of_the_store_stands_where_other_users_of_the_machine_read(log: DecisionLog, url: str) -> None:
    assert url not in json.dumps(process_of(log).cmdline())


def test_messages_are_whole_however_they_arrive() -> None:
    messages = [b"", b"one", bytes(70_000)]
    whole = b"".join(map(framed, messages))
    for size in (1, 3, 4_096, len(whole)):
        frames = Frames()
        found = [message for at in range(0, len(whole), size) for message in frames.of(whole[at : at + size])]
        assert found == messages
