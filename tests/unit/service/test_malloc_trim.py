"""Memory of large requests is returned to the system."""

import asyncio
from pathlib import Path

import pytest

from linerisk.service import large_requests, malloc_trim
from linerisk.service.large_requests import LargeRequestQueue
from linerisk.service.malloc_trim import release_memory

PIECES = 200_000


def resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6


def test_memory_freed_below_a_block_in_use_is_released() -> None:
    # Larger than small objects of Python, smaller than allocations with their own mapping.
    pieces = [bytes(1_000) for _ in range(PIECES)]
    last = pieces[-1]
    full = resident_mb()
    del pieces
    release_memory()
    assert resident_mb() < full - 100
    assert len(last) == 1_000


def test_memory_is_released_when_no_large_request_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[int] = []
    queue = LargeRequestQueue(at_once=2, waiting=2)
    monkeypatch.setattr(large_requests, "_IDLE_S", 0.02)
    monkeypatch.setattr(large_requests, "release_memory", lambda: given.append(queue.at_work))

    async def work() -> None:
        async with queue.slot():
            async with queue.slot():
                pass
            await asyncio.sleep(0.05)
            assert given == []
        await asyncio.sleep(0.1)

    asyncio.run(work())
    assert given == [0]


@pytest.mark.parametrize(("held_mb", "given_at_once"), [(1_000, 1), (100, 0)])
def test_a_process_above_the_limit_releases_memory_at_once(
    held_mb: int, given_at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[int] = []
    queue = LargeRequestQueue(at_once=2, waiting=2)
    monkeypatch.setattr(large_requests, "_IDLE_S", 60.0)
    monkeypatch.setattr(large_requests, "holds_much", lambda: held_mb > 320)
    monkeypatch.setattr(large_requests, "release_memory", lambda: given.append(queue.at_work))

    async def work() -> None:
        async with queue.slot():
            pass
        await asyncio.sleep(0.1)

    asyncio.run(work())
    assert given == [0] * given_at_once


def test_the_limit_is_320_mib() -> None:
    before = resident_mb()
    piece = bytearray(400 * 2**20)
    assert malloc_trim.holds_much()
    del piece
    assert malloc_trim.holds_much() == (before > 320 * 1.048576)
