"""A planted world whose probabilities of fraud are known, a table writer, and the slices of a tiny simulated store."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest

from linerisk.features.catalogue import BY_NAME
from linerisk.model.calibration import sigmoid
from linerisk.model.risk_model import FeatureColumn
from linerisk.records.simulation import simulate
from linerisk.tables.intake import ingest
from linerisk.tables.store import RecordStore
from linerisk.training.examples import Examples, Slices
from linerisk.training.from_store import slices_from_store
from linerisk.training.splits import plan_splits

NAMES = ("tenure_days", "out_calls_count_7d", "one_shot_callee_share_7d", "distinct_devices_count_28d", "use_declared")
AS_OF = datetime(2024, 7, 26, tzinfo=UTC)


def plant(lines: int, seed: int) -> tuple[Examples, npt.NDArray[np.float64]]:
    """Lines with known probabilities of fraud, and these; the fifth column says nothing."""
    rng = np.random.default_rng(seed)
    tenure = rng.uniform(0, 3000, lines)
    calls = rng.lognormal(2.5, 1.0, lines)
    one_shot = rng.beta(2, 3, lines)
    devices = 1 + rng.poisson(0.4, lines)
    truth = sigmoid(
        -4.4 - 1.1 * (np.log1p(tenure) - 7) + 1.2 * (np.log(calls) - 2.5) + 5.5 * (one_shot - 0.4) + 0.9 * (devices - 1)
    )
    examples = Examples(
        columns=tuple(FeatureColumn(name, BY_NAME[name].family) for name in NAMES),
        rows=np.column_stack([tenure, calls, one_shot, devices, rng.random(lines) < 0.1]).astype(np.float32),
        fraud=rng.random(lines) < truth,
        line_key=np.arange(lines) + lines * seed,
    )
    return examples, truth


@pytest.fixture(scope="session")
def slices() -> Slices:
    return Slices(plant(12_000, 1)[0], plant(10_000, 2)[0], plant(20_000, 3)[0], "planted")


@pytest.fixture(scope="session")
def truth() -> npt.NDArray[np.float64]:
    """The true probability of every row of the test slice."""
    return plant(20_000, 3)[1]


@pytest.fixture
def table_file(tmp_path: Path) -> Callable[..., Path]:
    """Write columns as a file: `table_file("t.csv", line_id=[...], y=[...])`."""

    def write(name: str, **columns: object) -> Path:
        path = tmp_path / name
        table = pl.DataFrame(columns, strict=False)
        if path.suffix == ".csv":
            table.write_csv(path)
        else:
            table.write_parquet(path)
        return path

    return write


@pytest.fixture(scope="session")
def store_slices(tmp_path_factory: pytest.TempPathFactory) -> Slices:
    """Slices of a simulated store of few lines, through the real intake and features."""
    folder = tmp_path_factory.mktemp("store")
    start = (AS_OF - timedelta(days=98)).date()
    simulate(folder / "source", lines=250, days=98, seed=3, prevalence=0.07, start=start)
    ingest(folder / "source", folder / "store", secret=b"0" * 32)
    store = RecordStore.open(folder / "store")
    plan = plan_splits(first_day=store.days[0], as_of=AS_OF)
    return slices_from_store(store, plan, time_zone="Asia/Shanghai")
