"""The same rows give the same store, whatever the format, order and number of files."""

import gzip
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from linerisk.errors import InputError, StoreError
from linerisk.tables.intake_report import IntakeReport, TableCount
from linerisk.tables.schemas import Accounts, Labels, Lines, Records
from linerisk.tables.staging import DayStaging
from linerisk.tables.store import RecordStore

Take = Callable[..., tuple[IntakeReport, RecordStore]]
Rows = Callable[..., pl.DataFrame]


@pytest.fixture
def many(records: Rows) -> pl.DataFrame:
    return records(*({"line_id": f"{n:03}", "started_at": f"2024-05-0{1 + n % 3}T08:00:{n:02}Z"} for n in range(40)))


def test_a_source_becomes_a_store(source: Path, run_ingest: Take) -> None:
    report, store = run_ingest(source)
    assert report.tables == {
        "call_records": TableCount(read=3, accepted=3, files=1),
        "accounts": TableCount(read=2, accepted=2, files=1),
        "labels": TableCount(read=1, accepted=1, files=1),
    }
    assert (report.rejected, report.notices, report.skipped) == ((), (), ())
    assert (store.days, store.record_count) == ([date(2024, 5, 1), date(2024, 5, 2)], 3)
    assert store.lines().select("line_id").collect().to_series().sort().to_list() == ["007", "7", "8"]


def test_all_tables_of_a_store_match_the_schemas(source: Path, run_ingest: Take) -> None:
    _, store = run_ingest(source)
    Records.validate(store.records().collect(), cast=False)
    Accounts.validate(store.accounts().collect(), cast=False)
    Labels.validate(store.labels().collect(), cast=False)
    Lines.validate(store.lines().collect(), cast=False)


def test_cells_are_converted_to_values(records: Rows, run_ingest: Take) -> None:
    _, store = run_ingest(records({"answered": "False", "duration_s": "0", "peer_kind": ""}))
    row = store.records().collect().row(0, named=True)
    assert row["started_at"] == datetime(2024, 5, 1, 8, tzinfo=UTC)
    assert (row["record_type"], row["duration_s"], row["ring_s"], row["answered"]) == ("call_out", 0, 4.5, False)
    assert (row["peer_kind"], row["peer_area"], row["device_model"]) == (None, 440300, "86012345")


def test_a_missing_received_at_is_the_end_of_the_call(records: Rows, run_ingest: Take) -> None:
    _, store = run_ingest(records({"received_at": None, "duration_s": "90"}))
    assert store.records().collect()["received_at"].to_list() == [datetime(2024, 5, 1, 8, 1, 30, tzinfo=UTC)]


@pytest.mark.parametrize(
    "written",
    [
        "2024-05-01T08:00:00Z",
        "2024-05-01 08:00:00",
        "2024-05-01T16:00:00+08:00",
        "2024-05-01 08:00:00.000000+0000",
        "2024-05-01T08:00:00.000",
    ],
)
def test_timestamps_are_read_in_every_iso_format(records: Rows, run_ingest: Take, written: str) -> None:
    _, store = run_ingest(records({"started_at": written}, {"started_at": "2024-05-01T08:00:01Z"}))
    assert store.records().collect()["started_at"].min() == datetime(2024, 5, 1, 8, tzinfo=UTC)
    assert store.record_count == 2


def _parquet(rows: pl.DataFrame, folder: Path) -> None:
    folder.mkdir()
    rows.with_columns(
        pl.col("started_at", "received_at").str.to_datetime(time_zone="UTC"),
        pl.col("duration_s").cast(pl.Int64),
        pl.col("ring_s").cast(pl.Float64),
        pl.col("peer_block").cast(pl.Int64),
        pl.col("record_type").cast(pl.Categorical),
        answered=pl.col("answered") == "true",
    ).write_parquet(folder / "call_records.parquet")


def _nested_folder(rows: pl.DataFrame, folder: Path) -> None:
    (folder / "call_records" / "north").mkdir(parents=True)
    rows.head(10).write_csv(folder / "call_records" / "north" / "a.csv")
    rows.tail(30).write_csv(folder / "call_records" / "b.csv")
    (folder / "call_records" / "_SUCCESS").touch()


def _hive(rows: pl.DataFrame, folder: Path) -> None:
    for day, part in rows.with_columns(day=pl.col("started_at").str.head(10)).partition_by("day", as_dict=True).items():
        inner = folder / "call_records" / f"day={day[0]}" / "record_type=call_out"
        inner.mkdir(parents=True)
        part.drop("record_type", "day").write_parquet(inner / "part-0.parquet")


def _gzip(rows: pl.DataFrame, folder: Path) -> None:
    folder.mkdir()
    (folder / "call_records.csv.gz").write_bytes(gzip.compress(rows.write_csv().encode()))


def _windows(rows: pl.DataFrame, folder: Path) -> None:
    folder.mkdir()
    (folder / "call_records.csv").write_bytes(b"\xef\xbb\xbf" + rows.write_csv().replace("\n", "\r\n").encode())


def _shuffled(rows: pl.DataFrame, folder: Path) -> None:
    folder.mkdir()
    rows.sample(fraction=1, shuffle=True, seed=3).write_csv(folder / "call_records-2024.csv")


@pytest.mark.parametrize("write", [_parquet, _nested_folder, _hive, _gzip, _windows, _shuffled])
def test_every_file_format_gives_the_same_store(
    many: pl.DataFrame, run_ingest: Take, tmp_path: Path, write: Callable[[pl.DataFrame, Path], None]
) -> None:
    write(many, tmp_path / "other")
    _, expected = run_ingest(many)
    report, store = run_ingest(tmp_path / "other", "second")
    assert report.rejected == ()
    assert store.fingerprint == expected.fingerprint


def test_a_single_file_is_a_source(source: Path, run_ingest: Take) -> None:
    report, _ = run_ingest(source / "call_records.csv")
    assert list(report.tables) == ["call_records"]


def test_two_runs_give_the_same_store_as_one(many: pl.DataFrame, run_ingest: Take) -> None:
    _, whole = run_ingest(many)
    run_ingest(many.tail(25), "parts")
    _, parts = run_ingest(many.head(15), "parts")
    assert parts.fingerprint == whole.fingerprint


def test_the_same_file_again_changes_nothing(source: Path, run_ingest: Take, tmp_path: Path) -> None:
    run_ingest(source)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "store").rglob("*.*") if path.name != ".lock"}
    report, _ = run_ingest(source)
    assert report.tables == {}
    assert report.skipped == ("accounts.csv", "call_records.csv", "labels.csv")
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_the_same_rows_in_another_file_are_duplicates(many: pl.DataFrame, run_ingest: Take) -> None:
    _, before = run_ingest(many)
    report, after = run_ingest(many.reverse())
    assert report.tables["call_records"] == TableCount(read=40, accepted=0, duplicates=40, files=1)
    assert after.fingerprint == before.fingerprint


def test_of_a_record_reported_twice_the_one_received_first_is_kept(records: Rows, run_ingest: Take) -> None:
    early, late = {"received_at": "2024-05-01T08:05:00Z"}, {"received_at": "2024-05-01T20:00:00Z", "cell_id": "c2"}
    _, one_way = run_ingest(records(late, early), "one")
    run_ingest(records(late), "other")
    _, other_way = run_ingest(records(early), "other")
    assert one_way.records().collect()["received_at"].to_list() == [datetime(2024, 5, 1, 8, 5, tzinfo=UTC)]
    assert one_way.fingerprint == other_way.fingerprint


def test_a_tie_between_duplicates_does_not_depend_on_the_order(records: Rows, run_ingest: Take) -> None:
    bare, full = {"cell_id": None}, {"cell_id": "c9"}
    _, one_way = run_ingest(records(bare, full), "one")
    _, other_way = run_ingest(records(full, bare), "other")
    assert one_way.fingerprint == other_way.fingerprint
    assert one_way.records().collect()["cell_key"].null_count() == 0


def test_late_rows_are_accepted_and_counted(records: Rows, run_ingest: Take) -> None:
    run_ingest(records({}))
    report, store = run_ingest(records({"started_at": "2024-05-01T07:00:00Z", "received_at": "2024-05-03T00:00:00Z"}))
    assert (report.tables["call_records"].late, report.tables["call_records"].accepted) == (1, 1)
    assert (store.days, store.record_count) == ([date(2024, 5, 1)], 2)


def test_ids_keep_their_leading_zeros(records: Rows, run_ingest: Take) -> None:
    _, store = run_ingest(records({"line_id": "007"}, {"line_id": "7"}, {"line_id": "0"}))
    assert set(store.lines().collect()["line_id"]) == {"007", "7", "0"}
    assert store.records().collect()["line_key"].n_unique() == 3


def test_identical_accounts_and_labels_are_one_row(accounts: Rows, labels: Rows, run_ingest: Take) -> None:
    report, _ = run_ingest(accounts({}, {}, {"status": "closed"}), table="accounts")
    assert report.tables["accounts"] == TableCount(read=3, accepted=2, duplicates=1, files=1)
    report, store = run_ingest(labels({}, {}), table="labels")
    assert report.tables["labels"] == TableCount(read=2, accepted=1, duplicates=1, files=1)
    assert (store.accounts().collect().height, store.labels().collect().height) == (2, 1)


def test_extra_columns_are_ignored_with_one_notice_per_table(records: Rows, run_ingest: Take, tmp_path: Path) -> None:
    (tmp_path / "s" / "call_records").mkdir(parents=True)
    records({}).with_columns(tariff=pl.lit("x")).write_csv(tmp_path / "s" / "call_records" / "a.csv")
    records({"line_id": "1"}).with_columns(tariff=pl.lit("x"), imsi=1).write_csv(
        tmp_path / "s" / "call_records" / "b.csv"
    )
    report, _ = run_ingest(tmp_path / "s")
    assert report.notices == ("unused columns of call_records: tariff, imsi",)


def test_ids_as_floats_are_refused_because_they_have_lost_digits(
    records: Rows, run_ingest: Take, tmp_path: Path
) -> None:
    records({}).with_columns(pl.col("line_id").cast(pl.Float64)).write_parquet(tmp_path / "call_records.parquet")
    with pytest.raises(InputError, match="ids as text or whole numbers") as error:
        run_ingest(tmp_path / "call_records.parquet")
    assert error.value.field == "line_id"


def test_another_secret_is_refused(source: Path, run_ingest: Take) -> None:
    run_ingest(source)
    with pytest.raises(StoreError, match="keyed by another secret"):
        run_ingest(source, secret=b"another secret, also long")


def test_progress_of_every_step_reaches_its_total(source: Path, run_ingest: Take) -> None:
    calls: list[tuple[str, int, int]] = []
    run_ingest(source, on_progress=lambda step, done, total: calls.append((step, done, total)))
    last = {step: (done, total) for step, done, total in calls}
    assert list(last) == ["reading", "merging days", "committing"]
    assert all(done == total for done, total in last.values())


def test_tables_without_rows_are_ingested_as_empty(
    records: Rows, accounts: Rows, run_ingest: Take, tmp_path: Path
) -> None:
    (tmp_path / "s").mkdir()
    records().write_csv(tmp_path / "s" / "call_records.csv")
    accounts().write_parquet(tmp_path / "s" / "accounts.parquet")
    report, store = run_ingest(tmp_path / "s")
    assert report.tables == {"call_records": TableCount(files=1), "accounts": TableCount(files=1)}
    assert (store.days, store.accounts().collect().height) == ([], 0)


def test_records_are_staged_by_day_in_memory_or_on_disk(many: pl.DataFrame, tmp_path: Path) -> None:
    staging = DayStaging(tmp_path, rows_in_memory=10)
    typed = many.with_columns(pl.col("started_at").str.to_datetime(time_zone="UTC"))
    for part in typed.iter_slices(7):
        staging.add(part)
    days = staging.days
    taken = pl.concat([frame for day in days for frame in staging.take(day)])
    assert taken.sort("line_id").equals(typed.sort("line_id"))
    assert (len(days), list(tmp_path.glob("*.arrow"))) == (3, [])
