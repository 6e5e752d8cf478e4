"""One training on the Sichuan table for all that is asked of it, and a small planted table that trains in a second."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from linerisk.settings import Settings
from linerisk.workflows.train import Trained, train_table

SICHUAN = Path(__file__).parents[2] / "data" / "sichuan.csv"


@pytest.fixture(scope="session")
def sichuan_file() -> Path:
    return SICHUAN


@pytest.fixture(scope="session")
def sichuan_home(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(home=tmp_path_factory.mktemp("sichuan"))


@pytest.fixture(scope="session")
def sichuan(sichuan_home: Settings) -> Trained:
    """What `linerisk train --table sichuan.csv --label label --id phone_no_m` makes."""
    return train_table(sichuan_home, SICHUAN, label="label", id_column="phone_no_m", trained_by="li")


@pytest.fixture(scope="session")
def small_table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """4,000 lines of which a tenth is fraud; `calls` tells something of it, `noise` nothing."""
    rng = np.random.default_rng(0)
    fraud = rng.random(4_000) < 0.1
    table = pl.DataFrame(
        {
            "line_id": [f"{number:05}" for number in range(4_000)],
            "calls": rng.normal(size=4_000) + 2.5 * fraud,
            "noise": rng.normal(size=4_000),
            "y": fraud.astype(int),
        }
    )
    path = tmp_path_factory.mktemp("table") / "small.parquet"
    table.write_parquet(path)
    return path
