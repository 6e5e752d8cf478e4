"""An ingest that is killed at any moment leaves the old store or the new one, and can be run again."""

import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from linerisk.errors import StoreError
from linerisk.tables.intake import ingest
from linerisk.tables.store import RecordStore

SECRET = b"a secret of the tests, long enough"
DAYS = 12
INGEST = """
import sys
from pathlib import Path
from linerisk.tables.intake import ingest
report = lambda step, done, total: print(step, done, total, flush=True)
ingest(Path(sys.argv[1]), Path(sys.argv[2]), secret=sys.argv[3].encode(), on_progress=report)
"""


def _write_source(folder: Path, *, seed: int) -> Path:
    rng = np.random.default_rng(seed)
    n = 30_000
    (folder / "call_records").mkdir(parents=True)
    rows = pl.DataFrame(
        {
            "line_id": rng.integers(0, 500, n),
            "peer_id": rng.integers(0, 5000, n),
            "record_type": np.array(["call_out", "call_in"])[rng.integers(0, 2, n)],
            "age_s": rng.integers(0, DAYS * 86_400, n),
            "duration_s": rng.integers(1, 300, n),
        }
    )
    rows = rows.with_columns(started_at=pl.datetime(2024, 5, 1, time_zone="UTC") + pl.duration(seconds="age_s"))
    for part in range(3):
        rows.drop("age_s")[part::3].write_parquet(folder / "call_records" / f"{part}.parquet")
    return folder


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The source that is in the store, and the source being ingested at the kill; both cover the same days."""
    folder = tmp_path_factory.mktemp("sources")
    return _write_source(folder / "old", seed=1), _write_source(folder / "new", seed=2)


@pytest.fixture(scope="module")
def before(sources: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that holds the old source."""
    store = tmp_path_factory.mktemp("before") / "store"
    ingest(sources[0], store, secret=SECRET)
    return store


@pytest.fixture(scope="module")
def undisturbed(before: Path, sources: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Fingerprints of the store before and after an undisturbed run."""
    store = tmp_path_factory.mktemp("undisturbed") / "store"
    shutil.copytree(before, store)
    return RecordStore.open(store).fingerprint, ingest(sources[1], store, secret=SECRET).fingerprint


def _start(source: Path, store: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", INGEST, str(source), str(store), SECRET.decode()]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _kill_after(process: subprocess.Popen[str], step: str, wait_s: float) -> None:
    """Kill the process `wait_s` after a step has begun, unless it ends earlier."""
    assert process.stdout is not None
    lines: Iterator[str] = iter(process.stdout)
    for line in lines:
        if line.startswith(step):
            break
    time.sleep(wait_s)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()


MOMENTS = [
    (step, wait_s)
    for step, longest in (
        ("reading 0", 0.15),
        ("merging days 0", 0.12),
        ("merging days 9", 0.04),
        ("committing 0", 0.01),
    )
    for wait_s in (0.0, round(random.Random(step).uniform(0, longest), 4))  # noqa: S311 - moments, not secrets
]


@pytest.mark.parametrize("moment", MOMENTS, ids=lambda moment: f"{moment[0]}, {moment[1]} s later")
def test_a_killed_ingest_leaves_the_old_store_or_the_new_one(
    sources: tuple[Path, Path], before: Path, undisturbed: tuple[str, str], tmp_path: Path, moment: tuple[str, float]
) -> None:
    new = sources[1]
    store = tmp_path / "store"
    shutil.copytree(before, store)
    _kill_after(_start(new, store), *moment)

    survived = RecordStore.open(store)
    assert survived.fingerprint in undisturbed
    assert survived.records().select(pl.len()).collect().item() == survived.record_count

    ingest(new, store, secret=SECRET)
    assert RecordStore.open(store).fingerprint == undisturbed[1]
    assert not (store / "staging").exists()


def test_a_first_ingest_that_is_killed_leaves_no_store_and_can_be_run_again(
    sources: tuple[Path, Path], undisturbed: tuple[str, str], tmp_path: Path
) -> None:
    _kill_after(_start(sources[0], tmp_path / "store"), "merging days 3", 0.0)
    with pytest.raises(StoreError, match="no record store"):
        RecordStore.open(tmp_path / "store")
    assert ingest(sources[0], tmp_path / "store", secret=SECRET).fingerprint == undisturbed[0]
