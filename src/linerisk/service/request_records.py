"""Computes features of lines with records in a request, by the rules of the intake and the stages of training.

A record or account that breaks a rule makes its own line unusable, with a problem; the other lines are scored.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl

from linerisk.as_of import iso
from linerisk.features.build import build_request
from linerisk.features.records_summary import RecordsSummary, summarise
from linerisk.features.reference import Reference
from linerisk.model.risk_model import Rows
from linerisk.records.contract import TableName
from linerisk.records.mapping import TableMapping
from linerisk.service.request_types import AccountBody, LineWithRecords, ProblemBody, RecordBody
from linerisk.tables.casting import CODES
from linerisk.tables.identity import key_of_id
from linerisk.tables.merge import merge_records
from linerisk.tables.validation import validate_batch

_AS_SAID = TableMapping()
TYPES: dict[str, pl.DataType] = {"duration_s": pl.Int64(), "ring_s": pl.Float64(), "answered": pl.Boolean()}
"""Columns that are not text."""

_LOOKED_AT = {
    "peer_area": "peer_area",
    "visited_area": "visited_area",
    "cell_id": "cell_key",
    "device_id": "device_key",
}
"""Columns that may be null in some records of a line; if null in all, the line is `degraded`."""

_NOT_BELOW_0 = frozenset({"duration_s", "ring_s"})
_EXPECTED = {
    "required": "a value",
    "timestamp": "an instant in ISO 8601, such as 2024-07-25T00:00:00Z",
    "date": "a date, such as 2024-07-25",
    "area_code": "six digits, as in GB/T 2260",
    "whole_number": "a whole number of at most 32 bits",
    "not_in_the_future": "an instant in the past",
    "min": "an instant since 1990",
    "unknown_answer_has_duration": "true or false; only an answered call has a duration above 0",
}


@dataclass(frozen=True)
class ComputedFeatures:
    """Features of the usable lines of a request.

    Attributes:
        positions: Position of each row among the lines of the request.
        rows: Float32, one row per usable line.
        with_account: Whether the account of each line is known at `as_of`.
        last_verified: When each line was last verified.
        missing: Inputs that no record of a line has; empty if all are there.
        problems: Why other lines are unusable.
        records: `tables.schemas.Records` of the usable lines.
        keys: Line key of each row.
    """

    positions: list[int]
    rows: Rows
    with_account: list[bool]
    last_verified: list[datetime | None]
    missing: list[tuple[str, ...]]
    problems: list[ProblemBody]
    records: pl.DataFrame
    keys: list[int]

    def summaries(self, rows: Sequence[int], *, as_of: datetime, time_zone: str) -> dict[int, RecordsSummary]:
        """Summaries of the records of some rows, by row."""
        keys = [self.keys[row] for row in rows]
        found = summarise(self.records.lazy().filter(pl.col("line_key").is_in(keys)), as_of=as_of, time_zone=time_zone)
        return {row: found[key] for row, key in zip(rows, keys, strict=True) if key in found}


@dataclass(frozen=True)
class LineColumns:
    """Lines with records as columns.

    Attributes:
        ids: The distinct lines.
        records: Columns of `RecordBody` that occur, and `line`, the position in `ids`; the rows of a line are adjacent
            and in its order.
        accounts: The same for `AccountBody`; at most one row per line.
    """

    ids: list[str]
    records: pl.DataFrame
    accounts: pl.DataFrame

    def only(self, positions: Sequence[int]) -> LineColumns:
        """Some of the lines, in ascending order."""
        at = pl.DataFrame({"line": positions, "_now": range(len(positions))}, schema_overrides={"line": pl.Int64})

        def kept(rows: pl.DataFrame) -> pl.DataFrame:
            found = rows.join(at, on="line", how="inner", maintain_order="left")
            return found.with_columns(line="_now").drop("_now")

        return LineColumns([self.ids[position] for position in positions], kept(self.records), kept(self.accounts))


def as_columns(lines: Sequence[LineWithRecords]) -> LineColumns:
    """Turn lines of a JSON body into columns; ids become text."""
    counts = [len(line.records) for line in lines]
    accounts = [(i, account) for i, line in enumerate(lines) if isinstance(account := line.account, AccountBody)]
    return LineColumns(
        ids=[str(line.line_id) for line in lines],
        records=_frame(
            RecordBody,
            list(chain.from_iterable(line.records for line in lines)),
            np.repeat(np.arange(len(lines)), counts),
        ),
        accounts=_frame(AccountBody, [account for _, account in accounts], np.array([i for i, _ in accounts], int)),
    )


def compute_features(
    lines: LineColumns,
    *,
    columns: Sequence[str],
    reference: Reference | None,
    as_of: datetime,
    now: datetime,
    secret: bytes,
    time_zone: str,
) -> ComputedFeatures:
    """Compute the features of lines from their records.

    Args:
        lines: The requested lines.
        columns: The columns of the model.
        reference: The published reference of other lines, not later than `as_of`.
        as_of: The instant to score at.
        now: The present.
        secret: Keys the ids.
        time_zone: Local time zone of hours and weekdays.
    """
    ids = lines.ids
    records, bad_records = _judged(lines.records, "call_records", ids, now=now, secret=secret)
    known_at = pl.col("known_at") if "known_at" in lines.accounts.columns else pl.lit(None)
    stated = lines.accounts.with_columns(known_at=pl.coalesce(known_at, pl.lit(iso(as_of))))
    accounts, bad_accounts = _judged(stated, "accounts", ids, now=now, secret=secret)
    wrong = {**bad_accounts, **bad_records}
    keys = [key_of_id(line_id, secret=secret) for line_id in ids]
    bad_keys = [keys[i] for i in wrong]
    if bad_keys:
        records = records.filter(~pl.col("line_key").is_in(bad_keys))
        accounts = accounts.filter(~pl.col("line_key").is_in(bad_keys))
    known = accounts.filter(pl.col("known_at") <= as_of)
    merged = merge_records([records])
    features = build_request(merged, accounts, reference=reference, as_of=as_of, time_zone=time_zone)
    at = {key: row for row, key in enumerate(features["line_key"].to_list())}
    verified = dict(zip(known["line_key"].to_list(), known["last_verified_at"].to_list(), strict=True))
    found = [i for i, key in enumerate(keys) if key in at]
    found_keys = [keys[i] for i in found]
    matrix = features.select(pl.col(columns).fill_null(float("nan"))).to_numpy(order="c")
    problems = [_problem(ids[i], wrong.get(i)) for i in sorted(set(range(len(ids))) - set(found))]
    return ComputedFeatures(
        positions=found,
        rows=np.ascontiguousarray(matrix[[at[key] for key in found_keys]], dtype=np.float32),
        with_account=[key in verified for key in found_keys],
        last_verified=[verified.get(key) for key in found_keys],
        missing=_missing(records, found_keys),
        problems=problems,
        records=merged,
        keys=found_keys,
    )


def _judged(
    raw: pl.DataFrame, table: TableName, ids: Sequence[str], *, now: datetime, secret: bytes
) -> tuple[pl.DataFrame, dict[int, str]]:
    """Good rows of all lines, and the problem of the first bad row of each line."""
    of_line = raw["line"].to_numpy()
    said = raw.drop("line").with_columns(line_id=pl.Series(ids, dtype=pl.String).gather(raw["line"]))
    judged = validate_batch(said, table, _AS_SAID, secret=secret, now=now, first_row=0)
    wrong: dict[int, str] = {}
    for rule, row in judged.rejected.select("rule", "row").unique("row").sort("row").iter_rows():
        line, field = int(of_line[row]), _field(rule, table)
        place = f"records[{row - int(np.searchsorted(of_line, line))}]" if table == "call_records" else "account"
        value = raw[field][row] if field in raw.columns else None
        wrong.setdefault(line, _problem_text(f"{place}.{field}", rule, value))
    return judged.good, wrong


def _missing(records: pl.DataFrame, keys: Sequence[int]) -> list[tuple[str, ...]]:
    """Inputs that no record of a line has, by line; `records` if it has no record."""
    absent = records.group_by("line_key").agg(
        pl.col(column).is_null().all().alias(name) for name, column in _LOOKED_AT.items()
    )
    by_key = {
        row[0]: tuple(name for name, gone in zip(_LOOKED_AT, row[1:], strict=True) if gone) for row in absent.rows()
    }
    return [by_key.get(key, ("records",)) for key in keys]


def _frame(kind: type[msgspec.Struct], bodies: Sequence[msgspec.Struct], line: npt.NDArray[np.intp]) -> pl.DataFrame:
    """Turn bodies into columns; a column without values is left out, which the intake reads as null."""
    names = kind.__struct_fields__
    # Body by body: reading field by field would fetch each body into the processor's cache again.
    cells = list(chain.from_iterable(map(msgspec.structs.astuple, bodies)))
    columns = [_column(name, cells[field :: len(names)]) for field, name in enumerate(names)]
    said = [column for column in columns if column.name in required(kind) or column.null_count() < len(column)]
    return pl.DataFrame([pl.Series("line", line, dtype=pl.Int64), *said])


def _column(name: str, cells: list[Any]) -> pl.Series:
    """Cells of one field; missing ones are null."""
    try:
        return _read(name, cells)
    except (TypeError, ValueError):
        return _read(name, [None if cell is msgspec.UNSET else cell for cell in cells])


def _read(name: str, cells: list[Any]) -> pl.Series:
    """Turn cells into a column; ids become text."""
    dtype = TYPES.get(name, pl.String())
    first = next((cell for cell in cells if cell is not None), None)
    if dtype == pl.String() and isinstance(first, int):
        with suppress(TypeError, ValueError):
            return pl.Series(name, cells, dtype=pl.Int64).cast(pl.String)
    return pl.Series(name, cells, dtype=dtype, strict=False)


def required(kind: type[msgspec.Struct]) -> frozenset[str]:
    """Required columns."""
    names = kind.__struct_fields__
    return frozenset(names[: len(names) - len(kind.__struct_defaults__)])


def _field(rule: str, table: TableName) -> str:
    column, _, law = rule.partition("|")
    if law:
        return column
    return "answered" if table == "call_records" else "status"


def _problem_text(field: str, rule: str, value: object) -> str:
    return f"{field}: expected {_expected(rule)}; found {msgspec.json.encode(value).decode()[:60]}"


def _expected(rule: str) -> str:
    """The text of what a rule expects."""
    column, _, law = rule.rpartition("|")
    if law == "known_code":
        codes = next(codes[column] for codes in CODES.values() if column in codes)
        return f"one of {', '.join(codes.categories)}"
    if law == "min" and column in _NOT_BELOW_0:
        return "0 or more"
    if law in {"min", "max"} and column.endswith("_area"):
        law = "area_code"
    return _EXPECTED.get(law, law.replace("_", " "))


def _problem(line_id: str, wrong: str | None) -> ProblemBody:
    if wrong is not None:
        return ProblemBody(line_id, "wrong_value", wrong)
    return ProblemBody(line_id, "nothing_known", "neither a record nor an account of this line is known at as_of")
