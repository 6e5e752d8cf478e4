"""Columns that give the label away are named in full, in a table with times too."""

from pathlib import Path

import polars as pl

from linerisk.training.from_table import SMALL_TABLE, read_table
from linerisk.workflows.cross_validate import cross_validate_table

GAPS = [f"gap_{number}" for number in range(5)]


def test_every_shortcut_of_a_table_with_times_is_named_though_nothing_is_cross_validated(tmp_path: Path) -> None:
    fraud = [number % 4 == 0 for number in range(400)]
    gaps = {name: [None if is_fraud else 1.0 for is_fraud in fraud] for name in GAPS}
    times = [f"2024-0{1 + number // 100}-01" for number in range(400)]
    path = tmp_path / "gaps.parquet"
    pl.DataFrame({"month": times, "y": fraud, "calls": [float(n % 7) for n in range(400)], **gaps}).write_parquet(path)
    found, (notice,) = cross_validate_table(
        read_table(path, label="y", time_column="month"), SMALL_TABLE, lambda _step, _done, _total: None
    )
    assert found == {}
    assert notice.startswith(f"Shortcut: 100 rows lack {', '.join(GAPS)} and nearly all of them are fraud")
