"""Validates a batch of rows against the schema of its table and splits it into good and rejected rows."""

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


# Schemas with the row number, which links a failure to its source row.
_SCHEMAS: dict[TableName, type[dy.Schema]] = {
    "call_records": _NumberedRecords,
    "accounts": _NumberedAccounts,
    "labels": _NumberedLabels,
}
_IDS = {key: column for column, key in KEYS.items()}


@dataclass(frozen=True, slots=True)
class ValidatedBatch:
    """The good and the rejected rows of one batch.

    Attributes:
        good: Rows that broke no rule, in the columns of the store.
        named: `line_key` and `line_id` of the good rows.
        rejected: The other rows, unconverted, as text, with `rule` and `row`.
        read: Number of rows read.
    """

    good: pl.DataFrame
    named: pl.DataFrame
    rejected: pl.DataFrame
    read: int

    @property
    def lines(self) -> pl.DataFrame:
        """`line_key` and `line_id` of the good rows, each line once."""
        return self.named.unique()


def validate_batch(
    raw: pl.DataFrame, table: TableName, mapping: TableMapping, *, secret: bytes, now: datetime, first_row: int
) -> ValidatedBatch:
    """Split one batch into good and rejected rows.

    Args:
        raw: One batch of `Source.batches`.
        table: The table of the rows.
        mapping: How cells are read.
        secret: Keys the ids.
        now: The present.
        first_row: Number of the batch's first row in its file.
    """
    rows = pl.Series("row", range(first_row, first_row + raw.height), dtype=pl.Int64)
    raw, rows = _without_blank_lines(raw, rows, constants=mapping.constants)
    values, broken = cast(raw, table, mapping, now=now)
    if BEYOND_HEADER in raw.columns and raw[BEYOND_HEADER].null_count() < raw.height:
        broken = broken.zip_with(raw[BEYOND_HEADER].is_null(), _rule(BEYOND_THE_HEADER, raw.height))
    if table == "call_records":
        values = _with_received_at(values)
    schema = _SCHEMAS[table]
    ids = {name: KEYS[name] for name in values.columns if name in KEYS}
    keys = keys_of_frame(values, ids, secret=secret)
    keyed = pl.concat([values.drop(ids.keys() - {"line_id"}), keys, rows.to_frame()], how="horizontal")
    shaped = keyed.select(schema.column_names())
    _, failure = schema.filter(shaped)
    if len(failure):
        details = failure.details().drop(name for name in shaped.columns if name != "row")
        broken = _add_schema_rules(broken, rows, details)
    good = broken.is_null()
    kept = keyed.filter(good)
    rejected = raw.with_columns(rows, broken).filter(~good)
    return ValidatedBatch(
        good=kept.select(name for name in schema.column_names() if name != "row"),
        named=kept.select("line_key", "line_id"),
        rejected=rejected.select("rule", "row", *(pl.col(name).cast(pl.String) for name in raw.columns)),
        read=raw.height,
    )


def _rule(name: str, height: int) -> pl.Series:
    return pl.Series("rule", [name]).new_from_index(0, height)


def _without_blank_lines(
    raw: pl.DataFrame, rows: pl.Series, *, constants: Collection[str]
) -> tuple[pl.DataFrame, pl.Series]:
    """Drop blank CSV lines; they keep their row numbers, so later rows keep theirs."""
    if BEYOND_HEADER not in raw.columns or raw["line_id"].null_count() == 0:
        return raw, rows
    filled = raw.select(pl.any_horizontal(pl.exclude(list(constants)).is_not_null())).to_series()
    return raw.filter(filled), rows.filter(filled)


def _with_received_at(values: pl.DataFrame) -> pl.DataFrame:
    """Fill a missing `received_at` with the end of the call (start and duration)."""
    ended_at = pl.col("started_at") + pl.duration(seconds="duration_s")
    return values.with_columns(pl.col("received_at").fill_null(ended_at))


def _add_schema_rules(broken: pl.Series, rows: pl.Series, details: pl.DataFrame) -> pl.Series:
    """Add the first schema rule that a row broke, unless a cell rule is set already."""
    # Missing values come first; `received_at` comes last, as it is null only if its sources are.
    rules = sorted(
        set(details.columns) - {"row"},
        key=lambda rule: (not rule.endswith("|nullability"), rule.startswith("received_at"), rule),
    )
    named = details.select(
        "row",
        schema_rule=pl.coalesce(
            pl.when(pl.col(rule) == "invalid").then(pl.lit(_contract_rule_name(rule))) for rule in rules
        ),
    )
    schema_rules = rows.to_frame().join(named, on="row", how="left", maintain_order="left")["schema_rule"]
    return broken.zip_with(broken.is_not_null(), schema_rules)


def _contract_rule_name(rule: str) -> str:
    """The contract's name of a schema rule, such as `line_id|required` for `line_key|nullability`."""
    column, _, check = rule.partition("|")
    if not check:
        return rule
    return f"{_IDS.get(column, column)}|{'required' if check == 'nullability' else check}"
