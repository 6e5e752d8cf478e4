"""A small simulated operator for all tests: two chunks of lines over eight weeks."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from linerisk.records.simulation import SimulationReport, simulate


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> SimulationReport:
    out = tmp_path_factory.mktemp("simulation") / "source"
    return simulate(out, lines=5000, days=56, seed=11, prevalence=0.012, start=date(2024, 4, 19))


@pytest.fixture(scope="session")
def records(report: SimulationReport) -> pl.DataFrame:
    return pl.read_parquet(report.out / "call_records")


@pytest.fixture(scope="session")
def accounts(report: SimulationReport) -> pl.DataFrame:
    return pl.read_parquet(report.out / "accounts")


@pytest.fixture(scope="session")
def labels(report: SimulationReport) -> pl.DataFrame:
    return pl.read_parquet(report.out / "labels")


@pytest.fixture(scope="session")
def truth(report: SimulationReport) -> pl.DataFrame:
    return pl.read_parquet(report.out / "truth.parquet")
