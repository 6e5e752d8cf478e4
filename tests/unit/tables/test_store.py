"""Guarantees of a record store for its readers."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import filelock
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from linerisk.errors import StoreError, UsageError
from linerisk.tables.intake_report import IntakeReport
from linerisk.tables.merge import merge_lines
from linerisk.tables.schemas import Accounts
from linerisk.tables.store import RecordStore, bucket_bounds

Take = Callable[..., tuple[IntakeReport, RecordStore]]
Rows = Callable[..., pl.DataFrame]


@pytest.fixture
def store(records: Rows, run_ingest: Take) -> RecordStore:
    rows = records(
        *(
            {
                "line_id": str(n % 50),
                "device_id": None if n % 5 == 0 else str(n % 7),
                "started_at": f"2024-05-{1 + n % 4:02}T{n % 24:02}:00:{n % 60:02}Z",
            }
            for n in range(200)
        )
    )
    return run_ingest(rows)[1]


@pytest.mark.parametrize("buckets", [1, 2, 7, 64])
def test_buckets_cover_the_keys_without_overlap(buckets: int) -> None:
    bounds = [bucket_bounds(bucket, buckets) for bucket in range(buckets)]
    assert (bounds[0][0], bounds[-1][1]) == (0, 2**63)
    assert all(left[1] == right[0] for left, right in pairwise(bounds))


def test_a_bucket_that_does_not_exist_is_refused() -> None:
    with pytest.raises(UsageError, match="no such bucket"):
        bucket_bounds(4, 4)


def test_buckets_hold_whole_lines_and_together_all_records(store: RecordStore) -> None:
    parts = [store.records("line_key", bucket, 3).collect() for bucket in range(3)]
    assert sum(part["line_key"].n_unique() for part in parts) == 50
    columns = parts[0].columns
    assert_frame_equal(pl.concat(parts).sort(columns), store.records().collect().sort(columns))


@pytest.mark.parametrize("buckets", [1, 3])
def test_a_record_without_the_key_is_in_no_bucket(store: RecordStore, buckets: int) -> None:
    parts = pl.concat([store.records("device_key", bucket, buckets).collect() for bucket in range(buckets)])
    assert parts.height == store.records().filter(pl.col("device_key").is_not_null()).collect().height == 160


def test_start_and_end_are_both_inclusive(store: RecordStore) -> None:
    start, end = datetime(2024, 5, 2, 5, 0, 5, tzinfo=UTC), datetime(2024, 5, 3, 2, 0, 2, tzinfo=UTC)
    found = store.records(start=start, end=end).collect()["started_at"]
    assert (found.min(), found.max()) == (start, end)


def test_a_day_is_sorted_by_line(store: RecordStore) -> None:
    day = store.records(end=datetime(2024, 5, 1, 23, 59, 59, tzinfo=UTC)).collect()
    assert day.height == 50
    assert day["line_key"].is_sorted()


def test_a_table_that_was_never_ingested_is_empty_and_has_its_columns(store: RecordStore) -> None:
    accounts = store.accounts().collect()
    assert accounts.height == 0
    assert accounts.schema == Accounts.create_empty().schema


def test_the_error_for_a_missing_store_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="linerisk ingest"):
        RecordStore.open(tmp_path / "nowhere")


def test_a_store_of_another_format_is_refused(store: RecordStore) -> None:
    manifest = store.path / "manifest.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "format": 99}))
    with pytest.raises(StoreError, match="format 99"):
        RecordStore.open(store.path)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 1, "surprise": 2}'])
def test_a_damaged_manifest_is_reported(store: RecordStore, content: str) -> None:
    (store.path / "manifest.json").write_text(content)
    with pytest.raises(StoreError, match="damaged"):
        RecordStore.open(store.path)


def test_opening_a_store_detects_a_missing_data_file(store: RecordStore) -> None:
    next((store.path / "days").iterdir()).unlink()
    with pytest.raises(StoreError, match="1 of them missing"):
        RecordStore.open(store.path)


def test_two_ids_with_one_key_are_refused() -> None:
    mine = pl.DataFrame({"line_key": [5, 6], "line_id": ["a", "b"]})
    theirs = pl.DataFrame({"line_key": [6, 5], "line_id": ["c", "a"]})
    with pytest.raises(StoreError, match="1 of 3 line ids have the key of another line"):
        merge_lines([mine, theirs])


def test_an_open_store_is_unchanged_after_the_next_ingest(store: RecordStore, records: Rows, run_ingest: Take) -> None:
    before = store.records().collect()
    run_ingest(records({"line_id": "new", "started_at": "2024-05-01T00:00:00Z"}))
    assert_frame_equal(store.records().collect(), before)
    assert RecordStore.open(store.path).record_count == before.height + 1


def test_replaced_files_are_removed_by_the_second_next_ingest(records: Rows, run_ingest: Take, tmp_path: Path) -> None:
    for line in range(3):
        run_ingest(records({"line_id": str(line)}))
    assert len(list((tmp_path / "store" / "days").iterdir())) == 2


def test_leftovers_of_an_interrupted_run_are_removed(store: RecordStore, records: Rows, run_ingest: Take) -> None:
    for name in ("days/2024-05-01-dead.parquet", "rejected/x-1.parquet", "staging/half.arrow"):
        (store.path / name).parent.mkdir(exist_ok=True)
        (store.path / name).write_bytes(b"half")
    run_ingest(records({}))
    assert not [path for path in store.path.rglob("*") if path.is_file() and path.read_bytes() == b"half"]


def test_a_concurrent_ingest_is_refused(store: RecordStore, records: Rows, run_ingest: Take) -> None:
    with filelock.FileLock(store.path / ".lock"), pytest.raises(StoreError, match="another ingest is writing"):
        run_ingest(records({}))


def test_a_folder_with_foreign_files_is_refused(records: Rows, run_ingest: Take, tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "thesis.txt").write_text("precious")
    with pytest.raises(StoreError, match=r"not a record store.*thesis\.txt"):
        run_ingest(records({}))


def test_a_store_that_cannot_be_written_is_reported(records: Rows, run_ingest: Take, tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file, where a folder is needed")
    with pytest.raises(StoreError, match="cannot be written"):
        run_ingest(records({}))
