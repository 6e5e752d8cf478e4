"""Archetype lines: deterministic, in the requested number, none of them fraudulent."""

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from linerisk.records.simulation.archetypes import ARCHETYPES, DAYS, ArchetypeLines, write_archetypes

EACH = 12


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("archetypes")


@pytest.fixture(scope="module")
def written(source: Path) -> ArchetypeLines:
    return write_archetypes(source, lines_each=EACH, seed=3)


def records(source: Path) -> pl.DataFrame:
    return pl.read_parquet(source / "call_records" / "archetypes.parquet")


def test_every_archetype_has_the_requested_number_of_lines(written: ArchetypeLines) -> None:
    assert written.lines["line_id"].n_unique() == EACH * len(ARCHETYPES)
    assert dict(written.lines["archetype"].value_counts().iter_rows()) == dict.fromkeys(ARCHETYPES, EACH)


def test_every_line_has_an_active_account(source: Path, written: ArchetypeLines) -> None:
    accounts = pl.read_parquet(source / "accounts" / "archetypes.parquet")
    assert set(accounts["line_id"]) == set(written.lines["line_id"])
    assert set(accounts["status"]) == {"active"}


def test_records_end_at_as_of(source: Path, written: ArchetypeLines) -> None:
    started = records(source)["started_at"]
    assert started.min() >= written.as_of - timedelta(days=DAYS)
    assert written.as_of - timedelta(days=1) < started.max() <= written.as_of


def test_bursts_are_in_the_last_days(source: Path, written: ArchetypeLines) -> None:
    calls = records(source).filter(pl.col("record_type") == "call_out").join(written.lines, on="line_id")
    late = pl.col("started_at") > written.as_of - timedelta(days=14)
    share = dict(calls.group_by("archetype").agg(late.mean()).iter_rows())
    assert share["teacher"] > 0.45
    assert share["idle_number_woken"] > 0.6
    assert share["elderly"] < 0.4


def test_the_same_arguments_write_the_same_bytes(source: Path, written: ArchetypeLines, tmp_path: Path) -> None:
    again = write_archetypes(tmp_path, lines_each=EACH, seed=3)
    assert again.lines.equals(written.lines)
    for file in ("call_records/archetypes.parquet", "accounts/archetypes.parquet"):
        assert (tmp_path / file).read_bytes() == (source / file).read_bytes()
