"""Small requests of one turn of the event loop are scored and recorded together, and fail one by one."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest

from linerisk.decisions.append import StoredAnswer
from linerisk.decisions.errors import ConflictError
from linerisk.errors import DecisionLogError
from linerisk.service.api_state import ApiState
from linerisk.service.request_types import LineById, ScoreRequest
from linerisk.web.errors import WrongValueError


@pytest.fixture
def state(world: Any) -> Iterator[ApiState]:
    state = ApiState(world.settings)
    yield state
    state.close()


def request(name: str, *lines: str, **more: Any) -> ScoreRequest:
    return ScoreRequest(request_id=name, lines=[LineById(line) for line in lines or ("line-001",)], **more)


async def together(state: ApiState, *requests: ScoreRequest) -> list[StoredAnswer | BaseException]:
    """Outcomes of requests that arrive in one turn of the event loop."""
    scores = [state.batcher.score(each, caller="a-scorer", body_hash=each.request_id) for each in requests]
    return await asyncio.gather(*scores, return_exceptions=True)


def commits(state: ApiState, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Number of requests in each commit."""
    sizes: list[int] = []
    append_here = state.log.append_here

    def counted(appends: Any) -> None:
        sizes.append(len(appends))
        append_here(appends)

    monkeypatch.setattr(state.log, "append_here", counted)
    return sizes


def test_requests_of_one_turn_are_one_commit(state: ApiState, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = commits(state, monkeypatch)
    answers = asyncio.run(together(state, *(request(f"r-{i}", f"line-{i:03}") for i in range(20))))
    assert sizes == [20]
    for i, answer in enumerate(answers):
        assert isinstance(answer, StoredAnswer)
        assert [(record.request_id, record.line_id) for record in answer.records] == [(f"r-{i}", f"line-{i:03}")]
    assert state.log.verify().rows == 20


def test_a_group_gives_each_request_what_it_gets_alone(state: ApiState) -> None:
    requests = [request("few", "line-001", "nobody", "line-001"), request("one", "line-002")]
    few, one = asyncio.run(together(state, *requests))
    assert isinstance(few, StoredAnswer)
    assert isinstance(one, StoredAnswer)
    assert [record.line_id for record in few.records] == ["line-001"]
    assert [problem["code"] for problem in few.problems] == ["duplicate_line", "unknown_line"]
    (alone,) = asyncio.run(together(state, request("alone", "line-002")))
    assert isinstance(alone, StoredAnswer)
    assert alone.records[0].margin == one.records[0].margin
    assert alone.records[0].reasons == one.records[0].reasons


def test_a_wrong_request_is_refused_and_the_others_are_answered(state: ApiState) -> None:
    early = state.snapshot_of(state.live.current()).meta.as_of.replace(year=2020)
    right, wrong, right_too = asyncio.run(
        together(state, request("a"), request("b", as_of=early), request("c", "line-002"))
    )
    assert isinstance(wrong, WrongValueError)
    assert isinstance(right, StoredAnswer)
    assert isinstance(right_too, StoredAnswer)


def test_a_request_repeated_in_the_same_turn_is_recorded_once(state: ApiState) -> None:
    first, again = asyncio.run(together(state, request("same"), request("same")))
    assert isinstance(first, StoredAnswer)
    assert isinstance(again, StoredAnswer)
    assert (first.repeated, again.repeated) == (False, True)
    assert again.records == first.records
    assert state.log.count() == 1


def test_another_body_under_the_same_request_id_is_a_conflict(state: ApiState) -> None:
    async def two() -> list[StoredAnswer | BaseException]:
        scores = [state.batcher.score(request("same"), caller="a-scorer", body_hash=body) for body in ("a", "b")]
        return await asyncio.gather(*scores, return_exceptions=True)

    first, other = asyncio.run(two())
    assert isinstance(first, StoredAnswer)
    assert isinstance(other, ConflictError)


def test_a_locked_store_blocks_the_writer_thread_and_not_the_event_loop(state: ApiState, world: Any) -> None:
    writer = sqlite3.connect(world.settings.home / "decisions.db", isolation_level=None)

    async def score_while_locked() -> tuple[int, list[StoredAnswer | BaseException]]:
        writer.execute("BEGIN IMMEDIATE")
        waiting = asyncio.ensure_future(together(state, request("a"), request("b", "line-002")))
        turns = 0
        while turns < 10 and not waiting.done():
            await asyncio.sleep(0.02)
            turns += 1
        writer.execute("COMMIT")
        return turns, await waiting

    turns, answers = asyncio.run(score_while_locked())
    writer.close()
    assert turns == 10
    assert all(isinstance(answer, StoredAnswer) for answer in answers)
    assert state.log.count() == 2


def test_a_cancelled_request_is_not_recorded(state: ApiState) -> None:
    async def cancel_one() -> None:
        kept = asyncio.ensure_future(together(state, request("kept")))
        cancelled = asyncio.ensure_future(together(state, request("cancelled")))
        await asyncio.sleep(0)
        cancelled.cancel()
        await asyncio.gather(kept, cancelled, return_exceptions=True)

    asyncio.run(cancel_one())
    assert state.log.find("a-scorer", "kept") is not None
    assert state.log.find("a-scorer", "cancelled") is None


def test_a_closed_log_refuses(world: Any) -> None:
    state = ApiState(world.settings)
    state.close()
    (refused,) = asyncio.run(together(state, request("late")))
    assert isinstance(refused, DecisionLogError)
