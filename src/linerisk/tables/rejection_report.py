"""The error for too many bad rows: for the most frequent rules the number of rows, the first row and the wrong values.

Wrong values are listed only for columns of codes and flags, and never if a value may be an id: a file with swapped
columns has phone numbers where a code should be.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from linerisk.errors import InputError
from linerisk.records.contract import TABLES, Column, TableName
from linerisk.records.mapping import TableMapping
from linerisk.records.text import printable
from linerisk.tables.intake_report import Tally
from linerisk.tables.rules import allowed, describe_rule

RULES_LISTED = 5
VALUES_LISTED = 3
MAX_LENGTH = 40
MAX_VALUES = 20
"""A column with more distinct wrong values does not hold codes, so none of them is listed."""
_MAY_BE_ID = re.compile(r"\d{7}|^(?=.*\d)\S{16}")


class WrongValues:
    """Counts wrong values by table and rule while files are read."""

    def __init__(self) -> None:
        self._words: dict[tuple[TableName, str], Counter[str]] = defaultdict(Counter)
        self._own: dict[tuple[TableName, str], dict[str, None]] = defaultdict(dict)

    def add(self, table: TableName, rejected: pl.DataFrame, mapping: TableMapping) -> None:
        """Count the rejected rows of one batch."""
        ids = [column.name for column in TABLES[table] if column.kind == "id" and column.name in rejected.columns]
        for rule in rejected["rule"].unique():
            column = _listed_column(table, rule)
            if column is None:
                continue
            words = rejected.filter(rule=rule)[column.name].drop_nulls()
            counts = words.value_counts(sort=True).head(MAX_VALUES + 1)
            known_ids = pl.concat([rejected[name].alias("id") for name in ids]).unique()
            counts = counts.with_columns(id=pl.col(column.name).is_in(known_ids.implode()))
            for word, rows, is_id in counts.rows():
                safe = "" if is_id or _MAY_BE_ID.search(word) else word
                self._words[table, rule][safe] += rows
            own = mapping.codes.get(column.name, {})
            self._own[table, rule].update(dict.fromkeys(own))

    def describe(self, table: TableName, rule: str) -> str:
        """The wrong values and the allowed ones, or the requirement of the rule."""
        column = _listed_column(table, rule)
        if column is None:
            return describe_rule(table, rule)
        may = f"allowed {', '.join(allowed(table, column) or ())}"
        own = self._own[table, rule]
        if own:
            may += f", and by the mapping {printable(', '.join(own), most=120)}"
        counts = self._words[table, rule]
        if len(counts) > MAX_VALUES:
            return f"found more than {MAX_VALUES} different values, so this may be another column; {may}"
        top = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:VALUES_LISTED]
        words = (f"'{printable(word, most=MAX_LENGTH)}'" if word else "what may be an id" for word, _ in top)
        return f"found {', '.join(words)}; {may}"


def _listed_column(table: TableName, rule: str) -> Column | None:
    """The column of a rule, if its allowed values can be listed."""
    name, _, check = rule.partition("|")
    if check not in ("known_code", "true_or_false"):
        return None
    return next(column for column in TABLES[table] if column.name == name)


def tables_over_limit(tallies: Mapping[TableName, Tally], max_rejected: float) -> list[TableName]:
    """The tables whose share of bad rows exceeds the limit."""
    return [table for table, tally in tallies.items() if tally.rejected > max_rejected * tally.read]


def rejection_error(
    tables: list[TableName],
    tallies: Mapping[TableName, Tally],
    *,
    found: WrongValues,
    max_rejected: float,
    kept_in: Path,
) -> InputError:
    """The error that refuses a run with too many bad rows.

    Args:
        tables: The tables with too many bad rows.
        tallies: Row counts.
        found: The wrong values.
        max_rejected: The largest allowed share.
        kept_in: Folder of the rejected rows.
    """
    worst = _by_rule(tallies[tables[0]])[0][0]
    return InputError(
        f"too many rows of {' and '.join(tables)} are bad, so nothing was ingested",
        expected=", ".join(f"at most {max_rejected:.2%} of {tallies[table].read} rows of {table}" for table in tables),
        found=". ".join(_describe_table(table, tallies[table], found) for table in tables),
        todo=f"inspect the rejected rows and their rules in {kept_in}; then correct the source, map its names and "
        "codes with --mapping, or allow more with --max-rejected; docs/data.md lists every rule",
        field=worst.split("|")[0],
    )


def _describe_table(table: TableName, tally: Tally, found: WrongValues) -> str:
    rules = _by_rule(tally)
    listed = [
        f"{rule} in {rows} rows, the first in row {first_row} of {file} ({found.describe(table, rule)})"
        for rule, rows, file, first_row in rules[:RULES_LISTED]
    ]
    more = [f"{len(rules) - RULES_LISTED} more rules"] if len(rules) > RULES_LISTED else []
    return f"{tally.rejected} ({tally.rejected / tally.read:.2%}) of {table}: {', '.join([*listed, *more])}"


def _by_rule(tally: Tally) -> list[tuple[str, int, str, int]]:
    """(rule, rows, first file, first row in it), the most frequent rule first."""
    rows: Counter[str] = Counter()
    first: dict[str, tuple[str, int]] = {}
    for (file, rule), (counted, first_row) in tally.by_rule.items():
        rows[rule] += counted
        first.setdefault(rule, (file, first_row))
    return [(rule, counted, *first[rule]) for rule, counted in rows.most_common()]
