"""The input contract and the schemas of the store agree."""

from collections.abc import Callable
from datetime import UTC, datetime

import dataframely as dy
import polars as pl
import pytest

from linerisk.records.contract import TABLES, TableName
from linerisk.tables.casting import CODES
from linerisk.tables.intake_report import IntakeReport
from linerisk.tables.schemas import Accounts, Labels, Records, Scores
from linerisk.tables.store import RecordStore
from linerisk.tables.validation import KEYS

Take = Callable[..., tuple[IntakeReport, RecordStore]]
Rows = Callable[..., pl.DataFrame]

# Optional in the source; intake fills it.
FILLED = {"received_at"}


@pytest.mark.parametrize(("table", "schema"), [("call_records", Records), ("accounts", Accounts), ("labels", Labels)])
def test_contract_and_schemas_agree_on_columns_and_nulls(table: TableName, schema: type[dy.Schema]) -> None:
    arriving = {KEYS.get(column.name, column.name): column for column in TABLES[table]}
    kept = schema.columns()
    assert list(arriving) == list(kept)
    assert {name for name, column in arriving.items() if column.required} == {
        name for name, column in kept.items() if not column.nullable
    } - FILLED
    assert {name for name, column in kept.items() if isinstance(column, dy.Enum)} == set(CODES[table])


def test_scores_require_the_probability_within_its_interval() -> None:
    row = {
        "line_id": "007",
        "as_of": datetime(2024, 7, 1, tzinfo=UTC),
        "margin": -3.9,
        "probability": 0.02,
        "probability_low": 0.01,
        "probability_high": 0.03,
        "tier": "medium_low",
        "action": "verify",
        "reasons": ["A02", "C01"],
        "model_version": "7",
        "line_status": None,
    }
    rows = pl.DataFrame([row, {**row, "line_id": "7", "probability": 0.5}])
    good, failure = Scores.filter(rows, cast=True)
    assert good["line_id"].to_list() == ["007"]
    assert failure.counts() == {"interval_holds_the_probability": 1}


def test_a_report_is_exported_as_plain_data(records: Rows, run_ingest: Take) -> None:
    report, _ = run_ingest(records({}, {"duration_s": "-1"}), max_rejected=0.5)
    exported = report.as_dict()
    assert exported["tables"] == {
        "call_records": {"read": 2, "accepted": 1, "duplicates": 0, "rejected": 1, "late": 0, "files": 1}
    }
    assert exported["rejected"] == (
        {"table": "call_records", "file": "call_records.csv", "rule": "duration_s|min", "rows": 1, "first_row": 2},
    )
