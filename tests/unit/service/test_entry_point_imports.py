"""Heavy libraries that each entry point may import, and the queue of large requests."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from linerisk.service.large_requests import LargeRequestQueue
from linerisk.web.errors import BusyError

_HEAVY = (
    "bentoml", "lightgbm", "linerisk.evaluation", "linerisk.registry", "linerisk.training", "mlflow", "numpy", "polars",
    "pyarrow", "sqlalchemy", "linerisk.settings", "linerisk.service.routing", "structlog",
)  # fmt: skip


@pytest.mark.parametrize(
    ("module", "may"),
    [
        ("linerisk.web.token_store", set()),
        ("linerisk.service.serve", set()),
        ("linerisk.service.app", {"bentoml"}),  # the supervisor of the workers imports it, too
        # The routes that it documents need these.
        ("linerisk.service.openapi", {"linerisk.settings", "numpy", "polars", "pyarrow", "sqlalchemy"}),
    ],
)
def test_an_entry_point_imports_only_what_it_needs(module: str, may: set[str]) -> None:
    code = f"import sys, {module}; print(*(name for name in {_HEAVY!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert set(done.stdout.split()) == may


def test_large_requests_queue_and_too_many_are_refused() -> None:
    async def run() -> tuple[int, int]:
        queue = LargeRequestQueue(at_once=2, waiting=3)
        leave = asyncio.Event()
        inside = most = 0

        async def work() -> None:
            nonlocal inside, most
            async with queue.slot():
                inside += 1
                most = max(most, inside)
                await leave.wait()
                inside -= 1

        tasks = [asyncio.create_task(work()) for _ in range(6)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        leave.set()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        return most, sum(isinstance(result, BusyError) for result in results)

    assert asyncio.run(run()) == (2, 1)
