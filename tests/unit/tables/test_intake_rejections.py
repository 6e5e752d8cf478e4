"""Bad rows are rejected and kept; too many of them stop the run and leave the store unchanged."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from linerisk.as_of import iso, now
from linerisk.errors import InputError, StoreError
from linerisk.tables.intake_report import IntakeReport, RejectedCount
from linerisk.tables.store import RecordStore

Take = Callable[..., tuple[IntakeReport, RecordStore]]
Rows = Callable[..., pl.DataFrame]


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"line_id": None}, "line_id|required"),
        ({"peer_id": ""}, "peer_id|required"),
        ({"record_type": "fax"}, "record_type|known_code"),
        ({"record_type": None}, "record_type|required"),
        ({"peer_kind": "martian"}, "peer_kind|known_code"),
        ({"started_at": None}, "started_at|required"),
        ({"started_at": None, "received_at": None}, "started_at|required"),
        ({"started_at": "yesterday"}, "started_at|timestamp"),
        ({"started_at": "2024-02-30T00:00:00Z"}, "started_at|timestamp"),
        ({"started_at": "1970-01-01T00:00:00Z"}, "started_at|min"),
        ({"started_at": iso(now() + timedelta(days=2))}, "started_at|not_in_the_future"),
        ({"received_at": "soon"}, "received_at|timestamp"),
        ({"received_at": "2999-01-01T00:00:00Z"}, "received_at|not_in_the_future"),
        ({"duration_s": "-1"}, "duration_s|min"),
        ({"duration_s": "1.5"}, "duration_s|whole_number"),
        ({"duration_s": "99999999999"}, "duration_s|whole_number"),
        ({"duration_s": None}, "duration_s|required"),
        ({"ring_s": "-0.5"}, "ring_s|min"),
        ({"ring_s": "long"}, "ring_s|number"),
        ({"ring_s": "inf"}, "ring_s|inf"),
        ({"answered": "perhaps"}, "answered|true_or_false"),
        ({"answered": None, "duration_s": "0"}, "unknown_answer_has_duration"),
        ({"peer_area": "4403"}, "peer_area|area_code"),
        ({"visited_area": "0440300"}, "visited_area|area_code"),
        ({"visited_area": "Shenzhen"}, "visited_area|area_code"),
    ],
)
def test_a_bad_record_is_rejected_with_its_rule(
    records: Rows, run_ingest: Take, tmp_path: Path, change: dict[str, str | None], rule: str
) -> None:
    report, store = run_ingest(records({}, change), max_rejected=0.5)
    assert report.rejected == (RejectedCount("call_records", "call_records.csv", rule, 1, first_row=2),)
    assert (report.tables["call_records"].rejected, store.record_count) == (1, 1)
    kept = pl.read_parquet(tmp_path / "store" / report.rejected_files[0])
    assert kept.select("rule", "file", "row").rows() == [(rule, "call_records.csv", 2)]
    assert all(kept[column].to_list() == [cell] for column, cell in change.items())


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"activated_on": "2021-02-29"}, "activated_on|date"),
        ({"activated_on": None}, "activated_on|required"),
        ({"home_area": "44"}, "home_area|area_code"),
        ({"plan_kind": "barter"}, "plan_kind|known_code"),
        ({"known_at": "1969-01-01"}, "known_at|min"),
    ],
)
def test_a_bad_account_is_rejected(accounts: Rows, run_ingest: Take, change: dict[str, str | None], rule: str) -> None:
    report, store = run_ingest(accounts({}, change), table="accounts", max_rejected=0.5)
    assert [count.rule for count in report.rejected] == [rule]
    assert store.accounts().collect().height == 1


def test_a_bad_label_is_rejected(labels: Rows, run_ingest: Take) -> None:
    report, _ = run_ingest(labels({}, {"label": "suspect"}), table="labels", max_rejected=0.5)
    assert [count.rule for count in report.rejected] == ["label|known_code"]


def test_texts_need_no_answer_and_no_duration(records: Rows, run_ingest: Take) -> None:
    report, _ = run_ingest(records({"record_type": "sms_out", "answered": None, "duration_s": "0"}))
    assert report.rejected == ()


def test_a_row_that_breaks_two_rules_is_counted_once(records: Rows, run_ingest: Take) -> None:
    report, _ = run_ingest(records({}, {"peer_area": "x", "duration_s": "-1"}), max_rejected=0.5)
    assert report.tables["call_records"].rejected == sum(count.rows for count in report.rejected) == 1


def test_rules_are_counted_by_file(records: Rows, run_ingest: Take, tmp_path: Path) -> None:
    folder = tmp_path / "s" / "call_records"
    folder.mkdir(parents=True)
    records({}, {"duration_s": "-1"}, {"line_id": "2", "duration_s": "-2"}).write_csv(folder / "a.csv")
    records({"duration_s": "-1"}, {"line_id": "3"}).write_csv(folder / "b.csv")
    report, _ = run_ingest(tmp_path / "s", max_rejected=0.9)
    assert [(count.file, count.rule, count.rows, count.first_row) for count in report.rejected] == [
        ("call_records/a.csv", "duration_s|min", 2, 2),
        ("call_records/b.csv", "duration_s|min", 1, 1),
    ]


def test_a_row_with_more_cells_than_the_header_is_rejected(records: Rows, run_ingest: Take, tmp_path: Path) -> None:
    lines = records({}, {"line_id": "8"}).write_csv().splitlines()
    (tmp_path / "call_records.csv").write_text("\n".join([*lines[:2], lines[2] + ",surplus"]) + "\n\n")
    report, store = run_ingest(tmp_path / "call_records.csv", max_rejected=0.5)
    assert [count.rule for count in report.rejected] == ["row|no_more_cells_than_the_header"]
    assert store.record_count == 1


def test_blank_lines_are_not_counted_as_rows(records: Rows, run_ingest: Take, tmp_path: Path) -> None:
    lines = records({}, {"line_id": "8"}).write_csv().splitlines()
    (tmp_path / "call_records.csv").write_text("\n".join([*lines[:2], "", lines[2], "", ""]))
    report, _ = run_ingest(tmp_path / "call_records.csv")
    assert (report.tables["call_records"].read, report.tables["call_records"].rejected) == (2, 0)


def test_too_many_bad_rows_stop_the_run_and_leave_the_store_unchanged(
    records: Rows, run_ingest: Take, tmp_path: Path
) -> None:
    _, before = run_ingest(records({}))
    files = sorted(path for path in (tmp_path / "store").rglob("*") if path.is_file())
    bad = records(*({"line_id": f"secret-{n}", "duration_s": "-1" if n < 2 else "5"} for n in range(100)))
    with pytest.raises(InputError, match=r"duration_s\|min in 2 rows") as error:
        run_ingest(bad)
    assert "2 (2.00%)" in str(error.value)
    assert "row 1 of call_records.csv" in str(error.value)
    assert "secret-" not in str(error.value)
    kept = sorted(path for path in (tmp_path / "store").rglob("*") if path.is_file() and "refused-1" not in path.parts)
    assert kept == files
    assert RecordStore.open(tmp_path / "store").fingerprint == before.fingerprint


def test_too_many_bad_rows_in_a_first_run_create_no_store(records: Rows, run_ingest: Take, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="too many rows of call_records are bad"):
        run_ingest(records({}, {"duration_s": "x"}))
    with pytest.raises(StoreError, match="no record store"):
        RecordStore.open(tmp_path / "store")
    assert {path.name for path in (tmp_path / "store").iterdir()} == {".lock", "rejected"}


def test_one_bad_row_in_a_hundred_is_allowed(records: Rows, run_ingest: Take) -> None:
    rows = records(*({"line_id": str(n), "duration_s": "-1" if n == 50 else "5"} for n in range(100)))
    report, store = run_ingest(rows)
    assert report.tables["call_records"].rejected == 1
    assert store.record_count == 99


def test_instants_up_to_a_day_in_the_future_are_accepted(records: Rows, run_ingest: Take) -> None:
    future = iso((now() + timedelta(hours=20)).replace(microsecond=0))
    _, store = run_ingest(records({"started_at": future, "received_at": None}))
    assert store.records().collect()["started_at"].to_list() == [datetime.fromisoformat(future).astimezone(UTC)]


def test_a_damaged_file_is_named(run_ingest: Take, tmp_path: Path) -> None:
    (tmp_path / "call_records.parquet").write_bytes(b"PAR1 this is no Parquet")
    with pytest.raises(InputError, match=r"call_records\.parquet cannot be read"):
        run_ingest(tmp_path / "call_records.parquet")
