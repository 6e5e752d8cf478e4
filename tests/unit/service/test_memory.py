"""What a large request needed goes back to the machine."""

import asyncio
from pathlib import Path

import pytest

from linerisk.service import malloc_trim
from linerisk.service.malloc_trim import give_back
from linerisk.service.routes import scoring
from linerisk.service.routes.scoring import Queue

PIECES = 200_000


def resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6


def test_what_was_freed_below_a_piece_still_in_use_is_given_back() -> None:
    # Larger than what Python keeps for small objects, smaller than what has a map of its own.
    pieces = [bytes(1_000) for _ in range(PIECES)]
    last = pieces[-1]
    full = resident_mb()
    del pieces
    give_back()
    assert resident_mb() < full - 100
    assert len(last) == 1_000


def test_it_happens_once_no_large_request_is_at_work(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[int] = []
    queue = Queue(at_once=2, waiting=2)
    monkeypatch.setattr(scoring, "_REST_S", 0.02)
    monkeypatch.setattr(scoring, "give_back", lambda: given.append(queue.at_work))

    async def work() -> None:
        async with queue.turn():
            async with queue.turn():
                pass
            await asyncio.sleep(0.05)
            assert given == []
        await asyncio.sleep(0.1)

    asyncio.run(work())
    assert given == [0]


@pytest.mark.parametrize(("held_mb", "given_at_once"), [(1_000, 1), (100, 0)])
def test_a_process_that_holds_much_does_not_wait_for_rest(
    held_mb: int, given_at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[int] = []
    queue = Queue(at_once=2, waiting=2)
    monkeypatch.setattr(scoring, "_REST_S", 60.0)
    monkeypatch.setattr(scoring, "swollen", lambda: held_mb > 320)
    monkeypatch.setattr(scoring, "give_back", lambda: given.append(queue.at_work))

    async def work() -> None:
        async with queue.turn():
            pass
        await asyncio.sleep(0.1)

    asyncio.run(work())
    assert given == [0] * given_at_once


def test_much_is_what_a_worker_may_not_hold_for_long() -> None:
    before = resident_mb()
    piece = bytearray(400 * 2**20)
    assert malloc_trim.swollen()
    del piece
    assert malloc_trim.swollen() == (before > 320 * 1.048576)
