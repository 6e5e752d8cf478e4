"""Splits a batch into good and rejected rows by the schema of its table."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import dataframely as dy
import polars as pl

from linerisk.records.contract import TableName
from linerisk.records.mapping import TableMapping
from linerisk.records.sources import BEYOND_HEADER
from linerisk.tables.casting import cast
from linerisk.tables.identity import keys_of_frame
from linerisk.tables.rules import BEYOND_THE_HEADER
from linerisk.tables.schemas import Accounts, Labels, Records

KEYS = {
    "line_id": "line_key",
    "peer_id": "peer_key",
    "peer_block": "peer_block",
    "cell_id": "cell_key",
    "device_id": "device_key",
    "holder_id": "holder_key",
}
"""Column of the contract -> column of the store, for everything that is hashed."""


class _NumberedRecords(Records):
    row = dy.Int64()


class _NumberedAccounts(Accounts):
    row = dy.Int64()


class _NumberedLabels(Labels):
    row = dy.Int64()


# The row number rides along, because that is how a failure is led back to the row as it came.
_LAWS: dict[TableName, type[dy.Schema]] = {
    "call_records": _NumberedRecords,
    "accounts": _NumberedAccounts,
    "labels": _NumberedLabels,
}
_IDS = {key: column for column, key in KEYS.items()}


@dataclass(frozen=True, slots=True)
class Judged:
    """A validated batch.

    Attributes:
        good: Rows that broke no rule, in the shape of the store.
        named: `line_key` and `line_id` of the good rows.
        rejected: The other rows as they came, as text, with `rule` and `row`.
        read: How many rows there were.
    """

    good: pl.DataFrame
    named: pl.DataFrame
    rejected: pl.DataFrame
    read: int

    @property
    def lines(self) -> pl.DataFrame:
        """`line_key` and `line_id` of the good rows, each line once."""
        return self.named.unique()


def judge(
    raw: pl.DataFrame, table: TableName, mapping: TableMapping, *, secret: bytes, now: datetime, first_row: int
) -> Judged:
    """Split a batch into good and bad rows.

    Args:
        raw: One batch, as `Source.batches` gives it.
        table: Which table it is of.
        mapping: How its cells are read.
        secret: Keys the ids.
        now: The present.
        first_row: Number of the batch's first row in its file.
    """
    rows = pl.Series("row", range(first_row, first_row + raw.height), dtype=pl.Int64)
    raw, rows = _without_blank_lines(raw, rows, codes_of_mapping=mapping.constants)
    values, broken = cast(raw, table, mapping, now=now)
    if BEYOND_HEADER in raw.columns and raw[BEYOND_HEADER].null_count() < raw.height:
        broken = broken.zip_with(raw[BEYOND_HEADER].is_null(), _rule(BEYOND_THE_HEADER, raw.height))
    if table == "call_records":
        values = _with_received_at(values)
    law = _LAWS[table]
    ids = {name: KEYS[name] for name in values.columns if name in KEYS}
    keys = keys_of_frame(values, ids, secret=secret)
    keyed = pl.concat([values.drop(ids.keys() - {"line_id"}), keys, rows.to_frame()], how="horizontal")
    shaped = keyed.select(law.column_names())
    _, failure = law.filter(shaped)
    if len(failure):
        details = failure.details().drop(name for name in shaped.columns if name != "row")
        broken = _with_broken_laws(broken, rows, details)
    good = broken.is_null()
    kept = keyed.filter(good)
    rejected = raw.with_columns(rows, broken).filter(~good)
    return Judged(
        good=kept.select(name for name in law.column_names() if name != "row"),
        named=kept.select("line_key", "line_id"),
        rejected=rejected.select("rule", "row", *(pl.col(name).cast(pl.String) for name in raw.columns)),
        read=raw.height,
    )


def _rule(name: str, height: int) -> pl.Series:
    return pl.Series("rule", [name]).new_from_index(0, height)


def _without_blank_lines(
    raw: pl.DataFrame, rows: pl.Series, *, codes_of_mapping: Collection[str]
) -> tuple[pl.DataFrame, pl.Series]:
    """Drop blank CSV lines; line numbers stay."""
    if BEYOND_HEADER not in raw.columns or raw["line_id"].null_count() == 0:
        return raw, rows
    content = raw.select(pl.any_horizontal(pl.exclude(list(codes_of_mapping)).is_not_null())).to_series()
    return raw.filter(content), rows.filter(content)


def _with_received_at(values: pl.DataFrame) -> pl.DataFrame:
    """A missing `received_at` is the end of the call."""
    over = pl.col("started_at") + pl.duration(seconds="duration_s")
    return values.with_columns(pl.col("received_at").fill_null(over))


def _with_broken_laws(broken: pl.Series, rows: pl.Series, details: pl.DataFrame) -> pl.Series:
    """Add the first rule of the schema that a row broke, unless reading it broke one already."""
    # What is missing comes first; `received_at` is missing only where that which fills it is.
    rules = sorted(
        set(details.columns) - {"row"},
        key=lambda rule: (not rule.endswith("|nullability"), rule.startswith("received_at"), rule),
    )
    named = details.select(
        "row",
        law=pl.coalesce(pl.when(pl.col(rule) == "invalid").then(pl.lit(_as_in_source(rule))) for rule in rules),
    )
    laws = rows.to_frame().join(named, on="row", how="left", maintain_order="left")["law"]
    return broken.zip_with(broken.is_not_null(), laws)


def _as_in_source(rule: str) -> str:
    """A rule with the contract's word for the column, such as `line_id|required` for `line_key|nullability`."""
    column, _, law = rule.partition("|")
    if not law:
        return rule
    return f"{_IDS.get(column, column)}|{'required' if law == 'nullability' else law}"
