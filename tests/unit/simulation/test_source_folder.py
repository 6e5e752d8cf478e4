"""The source folder matches the input contract and appears atomically."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from linerisk.errors import InputError, UsageError
from linerisk.records.simulation import SimulationReport, simulate
from linerisk.records.simulation.population import NAMES

INSTANT = pl.Datetime("us", "UTC")


def fingerprints(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_call_records_have_the_columns_of_the_contract(records: pl.DataFrame) -> None:
    assert records.schema == {
        "line_id": pl.String,
        "peer_id": pl.String,
        "peer_block": pl.Int64,
        "record_type": pl.String,
        "started_at": INSTANT,
        "received_at": INSTANT,
        "ring_s": pl.Float32,
        "duration_s": pl.Int32,
        "answered": pl.Boolean,
        "peer_kind": pl.String,
        "peer_area": pl.String,
        "visited_area": pl.String,
        "cell_id": pl.String,
        "device_id": pl.String,
        "device_model": pl.String,
    }


def test_accounts_have_the_columns_of_the_contract(accounts: pl.DataFrame) -> None:
    assert accounts.schema == {
        "line_id": pl.String,
        "known_at": INSTANT,
        "activated_on": pl.Date,
        "number_since": pl.Date,
        "ported_in_on": pl.Date,
        "customer_since": pl.Date,
        "home_area": pl.String,
        "plan_kind": pl.String,
        "holder_id": pl.String,
        "declared_use": pl.String,
        "declared_until": pl.Date,
        "last_verified_at": INSTANT,
        "status": pl.String,
    }


def test_labels_have_the_columns_of_the_contract(labels: pl.DataFrame) -> None:
    assert labels.schema == {
        "line_id": pl.String,
        "label": pl.String,
        "source": pl.String,
        "occurred_at": INSTANT,
        "known_at": INSTANT,
    }


def test_codes_are_those_of_the_contract(records: pl.DataFrame, accounts: pl.DataFrame, labels: pl.DataFrame) -> None:
    def found(frame: pl.DataFrame, column: str) -> set[str]:
        return set(frame[column].drop_nulls().unique())

    assert found(records, "record_type") == {"call_out", "call_in", "call_forwarded", "sms_out", "sms_in"}
    assert found(records, "peer_kind") == {
        "mobile",
        "fixed",
        "virtual",
        "service",
        "international",
        "short_code",
        "emergency",
    }
    assert found(accounts, "plan_kind") <= {"prepaid", "postpaid", "enterprise", "iot"}
    assert found(accounts, "status") == {"active", "suspended", "closed"}
    assert found(labels, "label") == {"fraud", "legitimate"}


def test_records_obey_the_rules_that_intake_checks(records: pl.DataFrame) -> None:
    c = pl.col
    broken = records.filter(
        (~c("answered") & (c("duration_s") > 0))
        | (c("duration_s") < 0)
        | (c("ring_s") < 0)
        | (c("received_at") < c("started_at"))
        | (c("line_id") == c("peer_id"))
    )
    assert broken.height == 0
    required = ("line_id", "peer_id", "record_type", "started_at", "duration_s", "visited_area", "cell_id")
    assert records.select(pl.col(required).null_count().sum()).sum_horizontal().item() == 0
    areas = pl.concat([records["peer_area"], records["visited_area"]]).drop_nulls()
    assert areas.str.len_chars().unique().to_list() == [6]


def test_records_are_within_the_period_and_the_lifetime_of_their_line(
    records: pl.DataFrame, truth: pl.DataFrame
) -> None:
    joined = records.join(truth.select("line_id", "activated_at"), on="line_id")
    assert joined.height == records.height
    assert joined["started_at"].min() >= datetime(2024, 4, 18, 16, tzinfo=UTC)
    assert joined["started_at"].max() < datetime(2024, 6, 13, 16, tzinfo=UTC)
    assert joined.filter(pl.col("started_at") < pl.col("activated_at")).height == 0


def test_a_call_between_two_lines_has_a_record_on_each(records: pl.DataFrame, truth: pl.DataFrame) -> None:
    c = pl.col
    lines = truth["line_id"].implode()
    out = records.filter(c("record_type") == "call_out", c("peer_id").is_in(lines), c("answered"))
    other = records.filter(c("record_type") == "call_in").select(
        line_id="peer_id", peer_id="line_id", started_at="started_at", seen="duration_s"
    )
    both = out.join(other, on=["line_id", "peer_id", "started_at"], how="left")
    assert out.height > 1000
    assert both.filter(c("seen") != c("duration_s")).height == 0
    assert both["seen"].is_not_null().mean() == 1.0


def test_the_same_arguments_write_the_same_bytes(tmp_path: Path) -> None:
    for name in ("first", "second"):
        simulate(tmp_path / name, lines=300, days=20, seed=5)
    simulate(tmp_path / "other", lines=300, days=20, seed=6)
    first, second, other = (fingerprints(tmp_path / name) for name in ("first", "second", "other"))
    assert first == second
    assert set(first) == {
        "call_records/part-00000.parquet",
        "accounts/part-00000.parquet",
        "labels/part-00000.parquet",
        "truth.parquet",
    }
    assert not set(first.values()) & set(other.values()), "another seed writes other files"


def test_the_bytes_do_not_depend_on_the_number_of_threads(tmp_path: Path) -> None:
    program = "import sys, pathlib; from linerisk.records.simulation import simulate; "
    program += "simulate(pathlib.Path(sys.argv[1]), lines=300, days=20, seed=5)"
    for threads in ("1", "4"):
        subprocess.run(
            [sys.executable, "-c", program, str(tmp_path / threads)],
            env={**os.environ, "POLARS_MAX_THREADS": threads},
            check=True,
        )
    assert fingerprints(tmp_path / "1") == fingerprints(tmp_path / "4")


def test_the_bytes_do_not_depend_on_the_number_of_workers(tmp_path: Path) -> None:
    seen: list[int] = []
    simulate(tmp_path / "one", lines=8200, days=3, seed=5)
    simulate(
        tmp_path / "three", lines=8200, days=3, seed=5, workers=3, on_progress=lambda _, done, __: seen.append(done)
    )
    assert fingerprints(tmp_path / "one") == fingerprints(tmp_path / "three")
    assert len(fingerprints(tmp_path / "one")) == 3 * 3 + 1
    assert len(seen) == 3
    assert seen == sorted(seen)
    assert seen[-1] == 8200


def test_an_interrupted_run_of_several_workers_leaves_no_files(tmp_path: Path) -> None:
    def interrupt(_step: str, _done: int, _total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate(tmp_path / "source", lines=8200, days=1, seed=1, workers=2, on_progress=interrupt)
    assert list(tmp_path.iterdir()) == []


def test_every_persona_occurs_in_the_simulation(truth: pl.DataFrame) -> None:
    assert set(truth["persona"]) == set(NAMES)
    assert len(NAMES) >= 8 + 4


def test_the_report_matches_the_folder(
    records: pl.DataFrame, accounts: pl.DataFrame, labels: pl.DataFrame, truth: pl.DataFrame, report: SimulationReport
) -> None:
    assert (report.lines, report.days) == (truth.height, 56)
    assert report.records == records.height
    assert report.account_rows == accounts.height
    assert report.label_rows == labels.height
    assert report.fraud_lines == truth["is_fraud"].sum()


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"lines": 0}, "lines"),
        ({"days": 0}, "days"),
        ({"seed": -1}, "seed"),
        ({"workers": 0}, "workers"),
        ({"prevalence": -0.1}, "prevalence"),
        ({"prevalence": 0.9}, "prevalence"),
        ({"prevalence": float("nan")}, "prevalence"),
    ],
)
def test_the_error_names_the_argument_that_is_out_of_range(tmp_path: Path, wrong: dict[str, Any], field: str) -> None:
    arguments = {"lines": 10, "days": 10, "seed": 1, **wrong}
    with pytest.raises(UsageError) as refused:
        simulate(tmp_path / "source", **arguments)
    assert refused.value.field == field
    assert list(tmp_path.iterdir()) == []


def test_a_non_empty_folder_is_refused_and_unchanged(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep", encoding="utf-8")
    with pytest.raises(InputError) as refused:
        simulate(tmp_path, lines=10, days=5, seed=1)
    assert refused.value.field == "out"
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    out = tmp_path / "empty"
    out.mkdir()
    simulate(out, lines=10, days=5, seed=1)
    assert (out / "truth.parquet").exists()


def test_a_single_line_on_a_single_day_can_be_simulated(tmp_path: Path) -> None:
    report = simulate(tmp_path / "source", lines=1, days=1, seed=3, start=date(2025, 1, 1))
    assert (report.lines, report.fraud_lines) == (1, 0)
    assert pl.read_parquet(tmp_path / "source" / "accounts")["line_id"].n_unique() == 1
    assert pl.read_parquet(tmp_path / "source" / "call_records").schema["started_at"] == INSTANT


def test_progress_counts_the_lines_done(tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    simulate(tmp_path / "source", lines=5000, days=1, seed=1, on_progress=lambda *step: seen.append(step))
    assert seen == [("simulate", 4096, 5000), ("simulate", 5000, 5000)]


def test_an_interrupted_run_leaves_no_files(tmp_path: Path) -> None:
    def interrupt(_step: str, _done: int, _total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate(tmp_path / "source", lines=20, days=5, seed=1, on_progress=interrupt)
    assert list(tmp_path.iterdir()) == []


def test_leftovers_of_a_killed_run_do_not_affect_the_next(tmp_path: Path) -> None:
    stale = tmp_path / ".source.unfinished" / "call_records"
    stale.mkdir(parents=True)
    (stale / "part-00099.parquet").write_bytes(b"half a file")
    simulate(tmp_path / "source", lines=20, days=5, seed=1)
    assert [path.name for path in tmp_path.iterdir()] == ["source"]
    assert [path.name for path in (tmp_path / "source" / "call_records").iterdir()] == ["part-00000.parquet"]
