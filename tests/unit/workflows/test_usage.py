"""Options that do not go together are refused with what to do, before anything is read or written."""

from pathlib import Path

import pytest

from linerisk.as_of import parse_date
from linerisk.cli.models import score
from linerisk.cli.training import train
from linerisk.errors import UsageError
from linerisk.records.simulation import simulate
from linerisk.tables.identity import SECRET_BYTES
from linerisk.tables.intake import ingest

TABLE, STORE = Path("table.csv"), Path("nowhere")


@pytest.mark.parametrize(
    ("given", "found", "todo"),
    [
        ({}, "neither", "add --store for records, or --table for a feature table of your own"),
        ({"store": STORE}, "--store", "add --as-of, the instant that we stand at"),
        ({"feature_table": TABLE}, "--table", "add --label, the column that says fraud or not"),
        ({"store": STORE, "feature_table": TABLE}, "--store, --table", "leave out one of the two"),
        (
            {"feature_table": TABLE, "label": "y", "rolling": True},
            "--rolling, --table, --label",
            "leave out --rolling: a table has no records to go back to, so that goes with --store",
        ),
        (
            {"store": STORE, "as_of": "2024-07-26", "group_column": "holder"},
            "--store, --as-of, --group",
            "leave out --group: what goes with --table goes with no store",
        ),
    ],
)
def test_conflicting_options_are_refused_with_a_remedy(
    tmp_path: Path, given: dict[str, object], found: str, todo: str
) -> None:
    with pytest.raises(UsageError) as refused:
        train(**given, home=tmp_path / "home")  # type: ignore[arg-type]
    assert (refused.value.found, refused.value.todo) == (found, todo)
    assert not (tmp_path / "home").exists()


def test_a_store_without_as_of_is_refused_with_the_latest_possible_instant(tmp_path: Path) -> None:
    simulate(tmp_path / "source", lines=20, days=2, seed=1, start=parse_date("2024-04-19"))
    ingest(tmp_path / "source", tmp_path / "store", secret=bytes(SECRET_BYTES))
    for verb in (train, lambda **given: score(target=tmp_path / "out.parquet", **given)):
        with pytest.raises(UsageError) as refused:
            verb(store=tmp_path / "store", home=tmp_path / "home")
        assert refused.value.todo == "add --as-of 2024-04-21, the day after its last record"
