"""The version that was trained on a table scores such a table, row by row, under the names of the table."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sqlalchemy import insert

from linerisk.decisions.log import DecisionLog
from linerisk.decisions.schema import lifts, sortable
from linerisk.errors import InputError, RegistryError
from linerisk.model.tiers import TIERS
from linerisk.settings import Settings
from linerisk.training.from_table import read_table
from linerisk.workflows.score import score_table_file
from linerisk.workflows.train import Trained

AS_OF = datetime(2024, 8, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def some_rows(sichuan_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first forty rows of the table, without the label."""
    path = tmp_path_factory.mktemp("rows") / "rows.csv"
    pl.read_csv(sichuan_file).head(40).drop("label").write_csv(path)
    return path


def test_each_row_has_the_score_of_the_model(
    sichuan: Trained, sichuan_home: Settings, sichuan_file: Path, some_rows: Path
) -> None:
    scored = score_table_file(sichuan_home, some_rows, id_column="phone_no_m", as_of=AS_OF, name="sichuan", version="1")
    table = read_table(sichuan_file, label="label", id_column="phone_no_m")
    margin = sichuan.model.margin(table.examples.rows[:40])
    expected = {
        line: (float(m), TIERS[int(tier)])
        for line, m, tier in zip(table.ids[:40], margin, sichuan.model.tier(margin), strict=True)
    }
    assert {line: (m, tier) for line, m, tier in scored.select("line_id", "margin", "tier").iter_rows()} == expected
    assert scored["model_version"].unique().to_list() == ["1"]
    assert np.allclose(np.sort(scored["probability"]), np.sort(sichuan.model.probability(margin)))


def test_without_a_champion_a_version_must_be_named(sichuan: Trained, sichuan_home: Settings, some_rows: Path) -> None:
    assert sichuan.version.version == "1"
    with pytest.raises(RegistryError, match="no champion yet"):
        score_table_file(sichuan_home, some_rows, id_column="phone_no_m", as_of=AS_OF, name="sichuan")


def test_an_id_column_that_is_not_there_is_refused(sichuan: Trained, sichuan_home: Settings, some_rows: Path) -> None:
    with pytest.raises(InputError) as refused:
        score_table_file(
            sichuan_home, some_rows, id_column="line", as_of=AS_OF, name="sichuan", version=sichuan.version.version
        )
    assert refused.value.field == "line"


def test_the_column_that_names_the_row_counts_where_another_is_called_line_id(
    sichuan: Trained, sichuan_home: Settings, some_rows: Path, tmp_path: Path
) -> None:
    assert sichuan.version.version == "1"
    rows = pl.read_csv(some_rows)
    path = tmp_path / "rows.parquet"
    rows.with_columns(line_id=pl.lit("of another system")).write_parquet(path)
    scored = score_table_file(sichuan_home, path, id_column="phone_no_m", as_of=AS_OF, name="sichuan", version="1")
    assert scored["line_id"].to_list() == sorted(rows["phone_no_m"].cast(pl.String))


def test_a_line_that_was_cleared_in_a_dispute_is_held_back(
    sichuan: Trained, sichuan_home: Settings, sichuan_file: Path, tmp_path: Path
) -> None:
    assert sichuan.version.version == "1"
    path = tmp_path / "rows.csv"
    pl.read_csv(sichuan_file).drop("label").write_csv(path)
    settings = sichuan_home.model_copy(update={"decision_log": f"sqlite:///{tmp_path / 'decisions.db'}"})

    def actions(settings: Settings) -> dict[str, str]:
        scored = score_table_file(settings, path, id_column="phone_no_m", as_of=AS_OF, name="sichuan", version="1")
        return dict(scored.select("line_id", "action").iter_rows())

    before = actions(sichuan_home)
    line = next(line for line, action in before.items() if action == "verify")
    lift = {"dispute_id": "d", "case_number": "c", "decision_id": "e", "line_id": line, "outcome": "cleared"}
    with DecisionLog(settings.decision_log_url) as log, log.writing() as connection:
        connection.execute(insert(lifts), {**lift, "seq": 1, "tier": "medium_high", "lifted_at": sortable(AS_OF)})
    assert actions(settings) == {**before, line: "verify_held"}
