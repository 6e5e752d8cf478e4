"""Slices from any feature table that a data scientist brings: one row per line, one column that says fraud or not.

Such a table has no time in it, so its slices are a random split by line and every report on it says so.
"""

from __future__ import annotations

import difflib
import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from linerisk.errors import InputError
from linerisk.features.catalogue import BY_NAME
from linerisk.model.risk_model import FeatureColumn
from linerisk.training.examples import Examples, Slices
from linerisk.training.splits import slice_of

RANDOM_SPLIT = "random split, not point in time"
_UNFIT_IN_NAME = frozenset(' \t\r\n\v\f",:[]{}')
"""LightGBM refuses some of these and quietly writes `_` for others."""
_POSITIVE, _NEGATIVE = {"1", "1.0", "true", "fraud"}, {"0", "0.0", "false", "legitimate"}


@dataclass(frozen=True)
class FeatureTable:
    """A table as read.

    Attributes:
        examples: Its rows.
        ids: The id of each row as given, or its number.
        fingerprint: SHA-256 of the file.
        notices: What was left out, and why.
    """

    examples: Examples
    ids: pl.Series
    fingerprint: str
    notices: tuple[str, ...]


def read_frame(path: Path) -> pl.DataFrame:
    """Read a feature table.

    Args:
        path: Parquet or CSV.

    Raises:
        InputError: No such file, unknown kind, or unreadable.
    """
    if not path.is_file():
        raise InputError("there is no such table", expected="a Parquet or CSV file", found=path.name)
    try:
        if path.suffix == ".parquet":
            return pl.read_parquet(path)
        if path.suffix == ".csv":
            return pl.read_csv(path, infer_schema_length=None, null_values=["", "NA", "NaN", "nan", "null"])
    except pl.exceptions.PolarsError as error:
        raise InputError(
            f"{path.name} cannot be read", expected=f"a {path.suffix[1:]} table", found=str(error).splitlines()[0]
        ) from error
    raise InputError("the table is of an unknown kind", expected=".parquet or .csv", found=path.suffix or path.name)


def read_table(path: Path, *, label: str, id_column: str | None = None) -> FeatureTable:
    """Read a table as examples: numeric columns are features, the id and the label are not, text is left out.

    Args:
        path: Parquet or CSV, one row per line.
        label: Column that says 1 / 0, true / false, or fraud / legitimate.
        id_column: Column that names the row.

    Raises:
        InputError: A named column is missing, an id comes twice, a label cannot be read, nothing is numeric, or a name
            is not fit for trees.
    """
    frame = read_frame(path)
    for column in filter(None, (label, id_column)):
        if column not in frame.columns:
            close = difflib.get_close_matches(column, frame.columns, n=3) or frame.columns[:8]
            raise InputError("the table has no such column", expected=column, found=", ".join(close), field=column)
    fraud = _read_label(frame[label])
    ids = frame[id_column].cast(pl.String) if id_column else pl.Series("row", range(frame.height)).cast(pl.String)
    if ids.n_unique() < frame.height:
        raise InputError(
            "an id stands in more than one row",
            expected="one row per line",
            found=f"{frame.height - ids.n_unique()} rows too many",
            todo="keep one row per line: rows of one line in two slices would flatter the model",
            field=id_column,
        )
    candidates = [column for column in frame.columns if column not in (label, id_column)]
    numeric = [column for column in candidates if frame[column].dtype.is_numeric() or frame[column].dtype == pl.Boolean]
    if not numeric:
        raise InputError("the table has no feature", expected="numeric columns", found=", ".join(candidates) or "none")
    _check_names(numeric)
    left_out = [column for column in candidates if column not in numeric]
    examples = Examples(
        columns=tuple(_column(name) for name in numeric),
        rows=frame.select(pl.col(numeric).cast(pl.Float32)).fill_null(float("nan")).to_numpy(order="c"),
        fraud=fraud,
        line_key=np.arange(frame.height, dtype=np.int64),
    )
    notices = (f"not a number, left out: {', '.join(left_out)}",) if left_out else ()
    return FeatureTable(
        examples=examples, ids=ids, fingerprint=hashlib.sha256(path.read_bytes()).hexdigest(), notices=notices
    )


def slices_from_table(table: FeatureTable, *, seed: int) -> Slices:
    """A random split by row, the same for the same seed and number of rows."""
    examples = table.examples
    of = slice_of(np.random.default_rng(seed).permutation(len(examples)) / max(1, len(examples)))
    train, calibration, test = (examples.take(of == number) for number in range(3))
    return Slices(train=train, calibration=calibration, test=test, how=RANDOM_SPLIT)


@dataclass(frozen=True, slots=True)
class Shortcut:
    """Columns whose being missing gives the label away.

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


def _check_names(names: list[str]) -> None:
    unfit = [name for name in names if not name or _UNFIT_IN_NAME & set(name)]
    if unfit:
        raise InputError(
            "columns have names that the trees cannot keep",
            expected="""no blank, comma, colon, quote, bracket or brace""",
            found=", ".join(map(repr, unfit[:5])),
            todo="rename them, in every table that is to be scored too",
            field=unfit[0],
        )


def _column(name: str) -> FeatureColumn:
    return FeatureColumn(name=name, family=BY_NAME[name].family if name in BY_NAME else "other")


def _read_label(column: pl.Series) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    text = column.cast(pl.String).str.to_lowercase()
    fraud = text.is_in(list(_POSITIVE))
    known = fraud | text.is_in(list(_NEGATIVE))
    if not known.all() or known.null_count():
        wrong = text.filter(~known.fill_null(value=False))
        raise InputError(
            "a label is neither fraud nor legitimate",
            expected="1 / 0, true / false, or fraud / legitimate",
            found=f"{wrong.len()} rows such as {wrong[0]!r}",
            field=column.name,
        )
    out: np.ndarray[tuple[int], np.dtype[np.bool_]] = fraud.to_numpy()
    return out
