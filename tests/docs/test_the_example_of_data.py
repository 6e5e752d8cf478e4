"""The example on the page about mappings is ingested unchanged."""

import re
from datetime import UTC, date, datetime
from pathlib import Path
from types import ModuleType

import pytest

from linerisk.records.contract import TABLES
from linerisk.records.mapping import Mapping, TableMapping
from linerisk.tables.intake import ingest
from linerisk.tables.intake_report import IntakeReport
from linerisk.tables.store import RecordStore

FILE = re.compile(r"^`([\w./-]+)`:\n\n```\w+\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)


@pytest.fixture
def taken_in(documents: dict[str, str], tmp_path: Path) -> tuple[IntakeReport, RecordStore]:
    for name, content in FILE.findall(documents["docs/mappings.md"]):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content, encoding="utf-8")
    mapping = Mapping.load(tmp_path / "our-switch.toml")
    report = ingest(tmp_path / "export", tmp_path / "store", secret=b"a secret of the tests, long", mapping=mapping)
    return report, RecordStore.open(tmp_path / "store")


def test_every_row_of_the_example_is_taken_in(taken_in: tuple[IntakeReport, RecordStore]) -> None:
    report, _ = taken_in
    assert report.rejected == ()
    assert {table: count.accepted for table, count in report.tables.items()} == {"call_records": 3, "accounts": 2}
    assert report.notices == ("failed calls are not in the files: answered is null",)


def test_directions_and_local_times_are_read(taken_in: tuple[IntakeReport, RecordStore]) -> None:
    _, store = taken_in
    rows = store.records().sort("started_at").collect()
    assert rows["record_type"].to_list() == ["call_out", "call_in", "call_forwarded"]
    assert rows["duration_s"].to_list() == [62, 15, 240]
    assert rows["started_at"][0] == datetime(2024, 5, 1, tzinfo=UTC)
    assert store.days == [date(2024, 5, 1)]


def test_accounts_are_read(taken_in: tuple[IntakeReport, RecordStore]) -> None:
    _, store = taken_in
    rows = store.accounts().join(store.lines(), on="line_key").sort("line_id").collect()
    assert rows.select("line_id", "activated_on", "home_area", "plan_kind", "status").rows() == [
        ("u-001", date(2019, 3, 12), 440300, "prepaid", "active"),
        ("u-002", date(2024, 4, 28), 440100, "postpaid", "suspended"),
    ]


def test_every_column_and_every_key_is_explained(pages: ModuleType) -> None:
    assert all(column.meaning for columns in TABLES.values() for column in columns)
    assert all("null: " in column.meaning for columns in TABLES.values() for column in columns if not column.required)
    for model in (Mapping, TableMapping):
        assert set(pages.attribute_docs(model)) >= model.model_fields.keys() - TABLES.keys()
