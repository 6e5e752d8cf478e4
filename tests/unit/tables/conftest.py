"""A small source in the contract's format, and a fixture that ingests it."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from linerisk.tables.intake import ingest
from linerisk.tables.intake_report import IntakeReport
from linerisk.tables.store import RecordStore

SECRET = b"a secret of the tests, long enough"

RECORD = {
    "line_id": "007",
    "peer_id": "13800000001",
    "peer_block": "138000000",
    "record_type": "call_out",
    "started_at": "2024-05-01T08:00:00Z",
    "received_at": "2024-05-01T09:00:00Z",
    "ring_s": "4.5",
    "duration_s": "60",
    "answered": "true",
    "peer_kind": "mobile",
    "peer_area": "440300",
    "visited_area": "440100",
    "cell_id": "c1",
    "device_id": "d1",
    "device_model": "86012345",
}
ACCOUNT = {
    "line_id": "007",
    "known_at": "2024-04-01T00:00:00Z",
    "activated_on": "2020-02-29",
    "home_area": "440300",
    "plan_kind": "prepaid",
    "status": "active",
}
LABEL = {
    "line_id": "007",
    "label": "fraud",
    "source": "police",
    "occurred_at": "2024-05-02T00:00:00Z",
    "known_at": "2024-05-20T00:00:00Z",
}


Rows = Callable[..., pl.DataFrame]


def _rows(usual: dict[str, str], *changes: dict[str, str | None]) -> pl.DataFrame:
    return pl.DataFrame([{**usual, **change} for change in changes], schema=dict.fromkeys(usual, pl.String))


@pytest.fixture
def records() -> Rows:
    """Build call records as text, one per dictionary of changed cells."""
    return lambda *changes: _rows(RECORD, *changes)


@pytest.fixture
def accounts() -> Rows:
    """Build accounts as text, one per dictionary of changed cells."""
    return lambda *changes: _rows(ACCOUNT, *changes)


@pytest.fixture
def labels() -> Rows:
    """Build labels as text, one per dictionary of changed cells."""
    return lambda *changes: _rows(LABEL, *changes)


@pytest.fixture
def source(tmp_path: Path, records: Rows, accounts: Rows, labels: Rows) -> Path:
    """A source folder with three records of two lines on two days, two accounts and a label."""
    folder = tmp_path / "source"
    folder.mkdir()
    records(
        {},
        {"line_id": "7", "started_at": "2024-05-02T08:00:00Z", "received_at": None},
        {"record_type": "sms_in", "duration_s": "0", "answered": None, "started_at": "2024-05-02T09:00:00Z"},
    ).write_csv(folder / "call_records.csv")
    accounts({}, {"line_id": "8"}).write_csv(folder / "accounts.csv")
    labels({}).write_csv(folder / "labels.csv")
    return folder


@pytest.fixture
def run_ingest(tmp_path: Path) -> Callable[..., tuple[IntakeReport, RecordStore]]:
    """Ingest a source, or a frame of one table, into a store, and open it."""

    def take(
        source: Path | pl.DataFrame, store: str = "store", table: str = "call_records", **options: object
    ) -> tuple[IntakeReport, RecordStore]:
        if isinstance(source, pl.DataFrame):
            folder = tmp_path / f"frame-{len(list(tmp_path.glob('frame-*')))}"
            folder.mkdir()
            source.write_csv(folder / f"{table}.csv")
            source = folder
        options.setdefault("secret", SECRET)
        report = ingest(source, tmp_path / store, **options)  # type: ignore[arg-type]
        return report, RecordStore.open(tmp_path / store)

    return take
