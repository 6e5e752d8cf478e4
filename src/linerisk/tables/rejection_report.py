"""The error when too many rows are bad: the commonest rules with counts, places and found values.

What stood there is said only of columns whose allowed words can be listed, and never if it may be an id: a file
whose columns are mixed up has numbers of people where a code should be.
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
from linerisk.records.text import quoted
from linerisk.tables.intake_report import Tally
from linerisk.tables.rules import allowed, sentence

RULES_SAID = 5
VALUES_SAID = 3
LONGEST_VALUE = 40
MOST_VALUES = 20
"""A column in which more different wrong words are found holds no codes, so none of them is repeated."""
_LIKE_AN_ID = re.compile(r"\d{7}|^(?=.*\d)\S{16}")


class Found:
    """Wrong values found, by table and rule."""

    def __init__(self) -> None:
        self._words: dict[tuple[TableName, str], Counter[str]] = defaultdict(Counter)
        self._own: dict[tuple[TableName, str], dict[str, None]] = defaultdict(dict)

    def add(self, table: TableName, rejected: pl.DataFrame, mapping: TableMapping) -> None:
        """Take the rejected rows of one batch."""
        ids = [column.name for column in TABLES[table] if column.kind == "id" and column.name in rejected.columns]
        for rule in rejected["rule"].unique():
            column = _listed(table, rule)
            if column is None:
                continue
            words = rejected.filter(rule=rule)[column.name].drop_nulls()
            counts = words.value_counts(sort=True).head(MOST_VALUES + 1)
            known_ids = pl.concat([rejected[name].alias("id") for name in ids]).unique()
            counts = counts.with_columns(id=pl.col(column.name).is_in(known_ids.implode()))
            for word, rows, is_id in counts.rows():
                safe = "" if is_id or _LIKE_AN_ID.search(word) else word
                self._words[table, rule][safe] += rows
            own = mapping.codes.get(column.name, {})
            self._own[table, rule].update(dict.fromkeys(own))

    def describe(self, table: TableName, rule: str) -> str:
        """The found and the allowed values, or what the rule expects."""
        column = _listed(table, rule)
        if column is None:
            return sentence(table, rule)
        may = f"allowed {', '.join(allowed(table, column) or ())}"
        own = self._own[table, rule]
        if own:
            may += f", and by the mapping {quoted(', '.join(own), most=120)}"
        counts = self._words[table, rule]
        if len(counts) > MOST_VALUES:
            return f"found more than {MOST_VALUES} different words, so this may be another column; {may}"
        top = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:VALUES_SAID]
        words = (f"'{quoted(word, most=LONGEST_VALUE)}'" if word else "what may be an id" for word, _ in top)
        return f"found {', '.join(words)}; {may}"


def _listed(table: TableName, rule: str) -> Column | None:
    """The column of a rule about words that can be listed."""
    name, _, law = rule.partition("|")
    if law not in ("known_code", "true_or_false"):
        return None
    return next(column for column in TABLES[table] if column.name == name)


def too_many(tallies: Mapping[TableName, Tally], max_rejected: float) -> list[TableName]:
    """Tables with too large a share of bad rows."""
    return [table for table, tally in tallies.items() if tally.rejected > max_rejected * tally.read]


def refusal(
    tables: list[TableName], tallies: Mapping[TableName, Tally], *, found: Found, max_rejected: float, kept_in: Path
) -> InputError:
    """The error of a refused run.

    Args:
        tables: Those of which too many rows are bad.
        tallies: What was counted.
        found: The wrong words.
        max_rejected: The share that was allowed.
        kept_in: Where the rejected rows are.
    """
    worst = _by_rule(tallies[tables[0]])[0][0]
    return InputError(
        f"too many rows of {' and '.join(tables)} are bad, so nothing was taken in",
        expected=", ".join(f"at most {max_rejected:.2%} of {tallies[table].read} rows of {table}" for table in tables),
        found=". ".join(_of_table(table, tallies[table], found) for table in tables),
        todo=f"look at the rejected rows, each with its rule, in {kept_in}; then mend the source, map its names and "
        "codes with --mapping, or allow more with --max-rejected; docs/data.md has every rule",
        field=worst.split("|")[0],
    )


def _of_table(table: TableName, tally: Tally, found: Found) -> str:
    rules = _by_rule(tally)
    text = [
        f"{rule} in {rows} rows, the first in row {first_row} of {file} ({found.describe(table, rule)})"
        for rule, rows, file, first_row in rules[:RULES_SAID]
    ]
    more = [f"{len(rules) - RULES_SAID} more rules"] if len(rules) > RULES_SAID else []
    return f"{tally.rejected} ({tally.rejected / tally.read:.2%}) of {table}: {', '.join([*text, *more])}"


def _by_rule(tally: Tally) -> list[tuple[str, int, str, int]]:
    """(rule, rows, first file, first row in it), the commonest rule first."""
    rows: Counter[str] = Counter()
    first: dict[str, tuple[str, int]] = {}
    for (file, rule), (counted, first_row) in tally.by_rule.items():
        rows[rule] += counted
        first.setdefault(rule, (file, first_row))
    return [(rule, counted, *first[rule]) for rule, counted in rows.most_common()]
