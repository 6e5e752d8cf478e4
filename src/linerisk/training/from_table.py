"""Slices from any feature table: rows and one column with the label.

Without a time column the split is random, and every report says so; with one, slices follow each other in time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl

from linerisk.errors import InputError
from linerisk.features.catalogue import BY_NAME
from linerisk.model.risk_model import FeatureColumn
from linerisk.training.examples import Examples, Keys, Slices
from linerisk.training.fit import Recipe
from linerisk.training.splits import slice_of
from linerisk.training.table_columns import (
    check_columns,
    check_ids,
    check_names,
    codes,
    listed,
    read_group,
    read_label,
    read_time,
)
from linerisk.training.table_split import LEFT_OUT, latest_of_each, split_by_group, split_by_time

RANDOM_SPLIT = "random split, not point in time"
SMALL_TABLE_ROWS = 20_000
SMALL_TABLE = Recipe(
    trees=500, learning_rate=0.03, least_rows_in_leaf=20, feature_share=0.3, row_share=0.5, leaf_shrinkage=5.0
)
"""The recipe for tables under `SMALL_TABLE_ROWS` rows: more trees, slower, each on a sample of rows. Leaves of twenty
rows are safe where fraud is frequent, and shrinkage keeps them from extremes."""


@dataclass(frozen=True)
class FeatureTable:
    """A table as read.

    Attributes:
        examples: Its rows.
        ids: The id of each row as given, or its number.
        fingerprint: SHA-256 of the file.
        notices: What was left out, and why.
        group: Shape (n,), rows that belong together, such as those of one line or one holder; None where none do.
        time_column: Column of time; None where there is none.
        group_column: Column of groups; None where there is none.
    """

    examples: Examples
    ids: pl.Series
    fingerprint: str
    notices: tuple[str, ...]
    group: Keys | None = None
    time_column: str | None = None
    group_column: str | None = None

    @property
    def recipe(self) -> Recipe:
        """The default recipe for a table of this size."""
        return SMALL_TABLE if len(self.examples) < SMALL_TABLE_ROWS else Recipe()


def read_frame(path: Path) -> pl.DataFrame:
    """Read a feature table.

    Args:
        path: Parquet or CSV.

    Raises:
        InputError: No such file, unknown kind, unreadable, or without a row.
    """
    if not path.is_file():
        raise InputError(
            "there is no such table",
            expected="a Parquet or CSV file",
            found=f"no file {path.name}",
            todo="check the path after --table",
            field="--table",
        )
    readers: dict[str, Callable[[Path], pl.DataFrame]] = {
        ".parquet": pl.read_parquet,
        ".csv": partial(pl.read_csv, infer_schema_length=None, null_values=["", "NA", "NaN", "nan", "null"]),
    }
    if path.suffix not in readers:
        raise InputError(
            "the table is of an unknown kind",
            expected=" or ".join(readers),
            found=path.suffix or path.name,
            todo="write it as one of these kinds",
            field="--table",
        )
    try:
        frame = readers[path.suffix](path)
    except pl.exceptions.PolarsError as error:
        raise InputError(
            f"{path.name} cannot be read",
            expected=f"a {path.suffix[1:]} table",
            found=str(error).splitlines()[0],
            todo="write it anew: one row of names, then one row per line, with as many cells each",
        ) from error
    if frame.is_empty():
        raise InputError(
            f"{path.name} has no rows",
            expected="a row per line below the names of the columns",
            found=f"the names alone: {listed(frame.columns)}" if frame.columns else "nothing",
            todo="export the table again, with its rows",
            field="--table",
        )
    return frame


def read_table(
    path: Path,
    *,
    label: str,
    id_column: str | None = None,
    time_column: str | None = None,
    group_column: str | None = None,
) -> FeatureTable:
    """Read a table as examples: numeric columns are features, except the named ones; text is left out.

    Args:
        path: Parquet or CSV, one row per line; with a column of time, one per line and time.
        label: Column that says 1 / 0, true / false, or fraud / legitimate.
        id_column: Column that names the line.
        time_column: Column that says when the row's features were taken: dates, timestamps, or ISO 8601 text.
        group_column: Column of what must stay together, such as a holder.

    Raises:
        InputError: A named column is missing or has gaps, an id comes twice, a label or a time cannot be read, nothing
            is numeric, or a name is not fit for trees.
    """
    frame = read_frame(path)
    options = {"--label": label, "--id": id_column, "--time": time_column, "--group": group_column}
    check_columns(frame, options)
    named = tuple(filter(None, options.values()))
    fraud = read_label(frame[label])
    ids = frame[id_column].cast(pl.String) if id_column else pl.Series("row", range(frame.height)).cast(pl.String)
    check_ids(frame, id_column, time_column)
    candidates = [column for column in frame.columns if column not in named]
    numeric = [column for column in candidates if frame[column].dtype.is_numeric() or frame[column].dtype == pl.Boolean]
    if not numeric:
        raise InputError(
            "the table has no feature",
            expected="numeric columns besides those that are named",
            found=f"columns of text: {listed(candidates)}" if candidates else "no other column",
            todo="write numbers as numbers, and true / false as such",
        )
    check_names(numeric)
    left_out = [column for column in candidates if column not in numeric]
    repeated = ids.n_unique() < frame.height
    line_key = codes(ids) if repeated else np.arange(frame.height, dtype=np.int64)
    examples = Examples(
        columns=tuple(_column(name) for name in numeric),
        rows=frame.select(pl.col(numeric).cast(pl.Float32)).fill_null(float("nan")).to_numpy(order="c"),
        fraud=fraud,
        line_key=line_key,
        as_of=None if time_column is None else read_time(frame[time_column]),
    )
    notices = (f"not a number, left out: {', '.join(left_out)}",) if left_out else ()
    if id_column is None:
        notices = (*notices, *_without_ids(frame, numeric))
    group = read_group(frame[group_column], line_key) if group_column else (line_key if repeated else None)
    return FeatureTable(
        examples=examples,
        ids=ids,
        fingerprint=hashlib.sha256(path.read_bytes()).hexdigest(),
        notices=notices,
        group=group,
        time_column=time_column,
        group_column=group_column or (id_column if repeated else None),
    )


def _without_ids(frame: pl.DataFrame, numeric: list[str]) -> tuple[str, ...]:
    """Notices for a table without an id column: repeated lines go unnoticed, and a feature may be an id."""
    like_ids = [name for name in numeric if frame[name].dtype.is_integer() and frame[name].n_unique() == frame.height]
    content = "No --id was given: rows are numbered, and two rows of one line would not be found out."
    if like_ids:
        content += (
            f" A feature with another whole number in every row may be an id, which is no evidence of fraud: "
            f"{', '.join(like_ids)}. If it is one, give it as --id."
        )
    return (content,)


def slices_from_table(table: FeatureTable, *, seed: int) -> Slices:
    """Slices by time if the table has one, else a random split; no group in two. The same for the same seed.

    Raises:
        EvidenceError: The table has times, but too few for three periods.
    """
    examples, together = table.examples, f"; no {table.group_column} in two slices" if table.group is not None else ""
    if examples.as_of is None:
        if table.group is None:
            of = slice_of(np.random.default_rng(seed).permutation(len(examples)) / max(1, len(examples)))
        else:
            of = split_by_group(table.group, seed=seed)
        train, calibration, test = (examples.take(of == number) for number in range(3))
        return Slices(train=train, calibration=calibration, test=test, how=RANDOM_SPLIT + together)
    of = split_by_time(examples.as_of, table.group, seed=seed)
    train, calibration, test = (examples.take(of == number) for number in range(3))
    calibration, test = (
        part.take(latest_of_each(part.line_key, part.as_of)) for part in (calibration, test) if part.as_of is not None
    )
    periods = " .. ".join(str(part.as_of.max())[:10] for part in (train, calibration, test) if part.as_of is not None)
    left = int((of == LEFT_OUT).sum())
    out = f"; {left:,} rows left out whose {table.group_column} is in another slice" if left else ""
    how = f"split by time, {table.time_column}: trained, calibrated, tested up to {periods}{together}{out}"
    return Slices(train=train, calibration=calibration, test=test, how=how)


@dataclass(frozen=True, slots=True)
class Shortcut:
    """Columns whose missing values reveal the label.

    Attributes:
        columns: The columns.
        family: They and the columns made of the same source, by the word before the first underscore.
        rows: Rows that lack one of them.
        fraud: Whether those rows are (nearly) all fraud, or all legitimate.
    """

    columns: tuple[str, ...]
    family: tuple[str, ...]
    rows: int
    fraud: bool


def shortcut_columns(examples: Examples, *, least_rows: int = 50, purity: float = 0.99) -> Shortcut:
    """Find columns that are missing (nearly) only for rows of one kind.

    Such a column says how the table was collected, not how fraud behaves.

    Args:
        examples: One row per line.
        least_rows: Missing in fewer rows proves nothing.
        purity: Share of one kind among the rows that lack it.
    """
    found: list[str] = []
    rows = np.zeros(len(examples), dtype=np.bool_)
    for index, column in enumerate(examples.columns):
        missing = np.isnan(examples.rows[:, index])
        if missing.sum() < least_rows:
            continue
        share = float(examples.fraud[missing].mean())
        if max(share, 1 - share) >= purity:
            found.append(column.name)
            rows |= missing
    sources = {name.split("_")[0] for name in found}
    family = tuple(column.name for column in examples.columns if column.name.split("_")[0] in sources)
    return Shortcut(tuple(found), family, int(rows.sum()), bool(rows.any() and examples.fraud[rows].mean() > 0.5))  # noqa: PLR2004


def hidden(examples: Examples, shortcut: Shortcut, *, seed: int) -> Examples:
    """The same rows with the shortcut columns filled from a random donor row where any is missing.

    Their values still count, the gaps do not. Donors are drawn regardless of labels.

    Args:
        examples: One row per line.
        shortcut: What `shortcut_columns` found.
        seed: Seed of the drawing.
    """
    columns = np.array([column.name in shortcut.family for column in examples.columns])
    lacking = np.isnan(examples.rows[:, columns]).any(axis=1)
    donors = np.random.default_rng(seed).choice(np.flatnonzero(~lacking), int(lacking.sum()))
    rows = examples.rows.copy()
    rows[np.ix_(lacking, columns)] = examples.rows[np.ix_(donors, columns)]
    return replace(examples, rows=rows)


def _column(name: str) -> FeatureColumn:
    return FeatureColumn(name=name, family=BY_NAME[name].family if name in BY_NAME else "other")
