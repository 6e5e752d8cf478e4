"""A cell is parsed to the same value whatever the other cells of its column."""

from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linerisk.records.contract import TableName
from linerisk.records.mapping import TableMapping
from linerisk.tables.casting import cast

NOW = datetime(2024, 7, 26, tzinfo=UTC)
SHAPES = st.sampled_from(
    [
        "2024-07-15T00:24:05Z",
        "2024-07-15T00:24:05.463144Z",
        "2024-07-15T00:24:05.5Z",
        "2024-07-15T00:24:05.463144789Z",
        "2024-07-15T08:24:05.463144+08:00",
        "2024-07-15 00:24:05.463144Z",
        "2024-07-15 00:24:05",
        "2024-07-15T00:24",
        "2024-07-15",
        "2024-02-29T23:59:60.463144Z",
        "2023-02-29T00:24:05.463144Z",
    ]
)


@st.composite
def texts(draw: st.DrawFn) -> str:
    """An instant as people write it, often with a character or two changed, left out or put in."""
    text = draw(SHAPES)
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(st.sampled_from(["", *"0123456789-+:.TZz "])) + text[at + draw(st.integers(0, 1)) :]
    return text


COLUMNS = st.lists(texts() | st.none(), min_size=1, max_size=30)


def read(cells: list[str | None], table: TableName, column: str) -> pl.DataFrame:
    values, broken = cast(pl.DataFrame({column: cells}, schema={column: pl.String}), table, TableMapping(), now=NOW)
    return pl.DataFrame([values[column], broken])


@pytest.mark.parametrize(
    ("table", "column"), [("call_records", "started_at"), ("accounts", "known_at"), ("accounts", "activated_on")]
)
@given(cells=COLUMNS)
def test_a_cell_is_parsed_the_same_alone_and_in_a_column(
    table: TableName, column: str, cells: list[str | None]
) -> None:
    assert read(cells, table, column).equals(pl.concat(read([cell], table, column) for cell in cells))


@given(cells=st.lists(texts(), min_size=1, max_size=30))
def test_the_common_format_parses_instants_like_the_general_format(cells: list[str]) -> None:
    column = pl.Series("text", cells, dtype=pl.String)
    common = column.str.to_datetime("%Y-%m-%dT%H:%M:%S.%6fZ", strict=False, time_unit="us").dt.replace_time_zone("UTC")
    general = column.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%#z", strict=False, time_unit="us")
    parsed = common.is_not_null()
    assert common.filter(parsed).equals(general.filter(parsed))
