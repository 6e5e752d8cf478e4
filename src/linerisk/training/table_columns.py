"""Special columns of a user's feature table: label, id, time, group, and checks of all names."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np
import polars as pl

from linerisk.as_of import parse_instant
from linerisk.errors import InputError
from linerisk.training.examples import Keys

_UNFIT_IN_NAME = frozenset(' \t\r\n\v\f",:[]{}')
"""LightGBM refuses some of these and quietly writes `_` for others."""
_POSITIVE, _NEGATIVE = {"1", "1.0", "true", "fraud"}, {"0", "0.0", "false", "legitimate"}


_MOST_LISTED = 60


def listed(names: Sequence[str]) -> str:
    """Names of columns as an error lists them."""
    more = len(names) - _MOST_LISTED
    return ", ".join(names[:_MOST_LISTED]) + (f" and {more:,} more" if more > 0 else "")


def check_columns(frame: pl.DataFrame, options: Mapping[str, str | None]) -> None:
    """Refuse a column that the table does not have.

    Args:
        frame: The table.
        options: The column that each option names; None where it was not given.

    Raises:
        InputError: There is one.
    """
    for option, column in options.items():
        if column is None or column in frame.columns:
            continue
        close = difflib.get_close_matches(column, frame.columns, n=1)
        raise InputError(
            f"the table has no column {column!r}, which {option} names",
            expected=f"one of its {len(frame.columns):,} columns",
            found=listed(frame.columns),
            todo=f"give {option} the name of a column" + (f", such as {close[0]}" if close else ""),
            field=column,
        )


def check_ids(frame: pl.DataFrame, id_column: str | None, time_column: str | None) -> None:
    """Refuse two rows of one line, or with a column of time, two of one line at one time.

    Raises:
        InputError: There are such rows.
    """
    key = [name for name in (id_column, time_column) if name is not None]
    if id_column is None or frame.select(key).n_unique() == frame.height:
        return
    raise InputError(
        "an id is in more than one row" if time_column is None else "an id is in several rows of one time",
        expected="one row per line" if time_column is None else "one row per line and time",
        found=f"{frame.height - frame.select(key).n_unique()} rows too many",
        todo="keep one row per line: rows of one line in two slices would flatter the model"
        if time_column is None
        else "keep one of them",
        field=id_column,
    )


def codes(values: pl.Series) -> Keys:
    """Equal values as equal numbers, shape (n,)."""
    return np.unique(values.cast(pl.String).to_numpy(), return_inverse=True)[1].astype(np.int64)


def read_group(column: pl.Series, line_key: Keys) -> Keys:
    """Which rows belong together, shape (n,).

    Raises:
        InputError: A row has no group, or a line is in two.
    """
    if column.null_count():
        raise InputError(
            "a row has no group",
            expected="a group in every row",
            found=f"{column.null_count()} without",
            todo="fill the column, or leave out --group",
            field=column.name,
        )
    group = codes(column)
    pairs = len(np.unique(np.stack([line_key, group]), axis=1).T)
    lines = len(np.unique(line_key))
    if pairs > lines:
        raise InputError(
            "a line is in more than one group",
            expected="every row of a line in one group",
            found=f"{pairs - lines} memberships too many",
            todo="give each line one group, or leave out --group",
            field=column.name,
        )
    return group


def read_time(column: pl.Series) -> np.ndarray[tuple[int], np.dtype[np.datetime64]]:
    """Instants in UTC, shape (n,), microseconds.

    Raises:
        InputError: One is missing, or is no date, no timestamp and no ISO 8601 text.
    """
    if column.null_count():
        raise _no_time(
            column, found=f"{column.null_count():,} empty of {len(column):,}", todo="fill them or drop the rows"
        )
    if column.dtype == pl.String:
        known = {text: _instant(text) for text in column.unique(maintain_order=True)}
        unread = [text for text, instant in known.items() if instant is None]
        if unread:
            rows = column.is_in(unread).sum()
            raise _no_time(
                column, found=f"text that is no time in {rows:,} of {len(column):,} rows, such as {unread[0]!r}"
            )
        column = column.replace_strict(known, return_dtype=pl.Datetime("us", "UTC"))
    if column.dtype.base_type() not in (pl.Date, pl.Datetime):
        raise _no_time(column, found=f"numbers ({column.dtype}) such as {column[0]}")
    if isinstance(column.dtype, pl.Datetime) and column.dtype.time_zone:
        column = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    out: np.ndarray[tuple[int], np.dtype[np.datetime64]] = column.cast(pl.Datetime("us")).to_numpy()
    return out


def _no_time(column: pl.Series, *, found: str, todo: str = "write its times so, or give another column") -> InputError:
    return InputError(
        f"column {column.name!r}, which --time names, is no time",
        expected="dates, timestamps, or ISO 8601 text such as 2024-07-25 in every row",
        found=found,
        todo=f"{todo}; without --time rows are split at random, and every report says so",
        field=column.name,
    )


def _instant(text: str) -> datetime | None:
    try:
        return parse_instant(text)
    except InputError:
        return None


def check_names(names: list[str]) -> None:
    """Refuse names that LightGBM would refuse or change.

    Raises:
        InputError: There is one.
    """
    unfit = [name for name in names if not name or _UNFIT_IN_NAME & set(name)]
    if unfit:
        raise InputError(
            "columns have names that the trees cannot keep",
            expected="""no blank, comma, colon, quote, bracket or brace""",
            found=", ".join(map(repr, unfit[:5])),
            todo="rename them, in every table that is to be scored too",
            field=unfit[0],
        )


def read_label(column: pl.Series) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """True where fraud, shape (n,).

    Raises:
        InputError: One is neither fraud nor legitimate.
    """
    text = column.cast(pl.String).str.to_lowercase()
    fraud = text.is_in(list(_POSITIVE))
    known = fraud | text.is_in(list(_NEGATIVE))
    if not known.all() or known.null_count():
        wrong = text.filter(~known.fill_null(value=False))
        raise InputError(
            "a label is neither fraud nor legitimate",
            expected="1 / 0, true / false, or fraud / legitimate",
            found=f"{wrong.len()} rows such as {wrong[0]!r}",
            todo="name the column of labels with --label, or write them so; leave out rows of which nothing is known",
            field=column.name,
        )
    out: np.ndarray[tuple[int], np.dtype[np.bool_]] = fraud.to_numpy()
    return out
