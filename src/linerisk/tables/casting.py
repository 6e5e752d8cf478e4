"""Converts the cells of source files to the types of the contract, and records the rule that a bad cell breaks.

A cell that cannot be read becomes null, and its row gets a rule such as `started_at|timestamp`. All steps work on
whole columns. Slow formats are tried only on the cells that fast formats could not read.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

import polars as pl

from linerisk.errors import InputError
from linerisk.records.contract import TABLES, Column, Kind, TableName
from linerisk.records.mapping import ANY_OTHER, Mapping, TableMapping
from linerisk.records.text import printable
from linerisk.tables import schemas

Reader = Callable[[pl.Series], pl.Series]

UTC_US = pl.Datetime("us", "UTC")
FUTURE_TOLERANCE = timedelta(days=1)
"""How far in the future an instant may be; clocks of operators differ."""

CODES: dict[TableName, dict[str, pl.Enum]] = {
    "call_records": {"record_type": pl.Enum(schemas.RECORD_TYPES), "peer_kind": pl.Enum(schemas.PEER_KINDS)},
    "accounts": {"plan_kind": pl.Enum(schemas.PLAN_KINDS), "status": pl.Enum(schemas.LINE_STATUS)},
    "labels": {"label": pl.Enum(schemas.LABELS), "source": pl.Enum(schemas.LABEL_SOURCES)},
}

RULES: dict[Kind, str] = {
    "id": "id",
    "code": "known_code",
    "area": "area_code",
    "instant": "timestamp",
    "date": "date",
    "whole": "whole_number",
    "number": "number",
    "flag": "true_or_false",
    "text": "text",
}
"""Column kind -> name of the rule that an unreadable cell of this kind breaks."""

_FLAGS = {"true": True, "false": False, "1": True, "0": False}

# Common formats come first; the general ones at the end read all of ISO 8601, but are slower.
_COMMON_UTC_FORMATS = ("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.%6fZ")
_UTC_FORMATS = ("%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f%#z")
_LOCAL_FORMATS = (
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
)
_DATE_FORMATS = ("%Y-%m-%d", "%Y-%m-%d 00:00:00", "%Y-%m-%dT00:00:00")
_EPOCHS = {"epoch_s": 1_000_000, "epoch_ms": 1_000}


def cast(
    raw: pl.DataFrame, table: TableName, mapping: TableMapping, *, now: datetime
) -> tuple[pl.DataFrame, pl.Series]:
    """Convert one batch of raw cells to the types of the contract.

    Args:
        raw: Unconverted columns under the contract's names; optional ones may be missing.
        table: Which table it is.
        mapping: Codes, time zone and format.
        now: The present, used to reject instants in the future.

    Returns:
        The columns of the contract in its types, ids as text; and for every row the first rule that a cell of it
        broke, or null.

    Raises:
        InputError: The type of a whole column cannot be converted.
    """
    values: list[pl.Series] = []
    broken = pl.Series("rule", [None], dtype=pl.String).new_from_index(0, raw.height)
    for column in TABLES[table]:
        if column.name not in raw.columns:
            values.append(pl.Series(column.name, [None], dtype=_dtype(table, column)).new_from_index(0, raw.height))
            continue
        cells = _recode(raw[column.name], mapping)
        value = _read(cells, table, column, mapping)
        if value.null_count() > cells.null_count():
            broken = _set_rule(broken, cells.is_not_null() & value.is_null(), f"{column.name}|{RULES[column.kind]}")
        if column.kind == "instant":
            future = (value > now + FUTURE_TOLERANCE).fill_null(value=False)
            broken = _set_rule(broken, future, f"{column.name}|not_in_the_future")
        values.append(value.alias(column.name))
    return pl.DataFrame(values), broken


def check_mapped_codes(mapping: Mapping) -> None:
    """Check that a mapping's codes and constants are codes of the contract, for columns whose codes it lists.

    Raises:
        InputError: A code or constant is unknown.
    """
    for table, columns in CODES.items():
        for part in mapping.of(table):
            for name, known in columns.items():
                own = part.codes.get(name, {})
                mapped = list(own.items())
                if name in part.constants and part.constants[name] not in own:
                    mapped.append(("every row", part.constants[name]))
                for code, word in mapped:
                    if word and word not in known.categories:
                        raise _unknown_code(mapping, table, name, code=code, word=word)


def _unknown_code(mapping: Mapping, table: TableName, name: str, *, code: str, word: str) -> InputError:
    known = tuple(CODES[table][name].categories)
    close = difflib.get_close_matches(word.lower(), known, n=2, cutoff=0.5)
    return InputError(
        f"the mapping {printable(mapping.name, most=40)!r} maps {printable(code, most=40)!r} of {table}.{name} to an "
        "unknown code",
        expected=", ".join(known),
        found=printable(word, most=40),
        todo=f"did you mean {' or '.join(map(repr, close))}?" if close else "write one of those",
        field=f"{table}.{name}",
    )


def _set_rule(broken: pl.Series, rows: pl.Series, rule: str) -> pl.Series:
    """Set the rule on the given rows, except where an earlier rule is set."""
    if not rows.any():
        return broken
    return broken.zip_with(~rows | broken.is_not_null(), pl.Series([rule]).new_from_index(0, len(broken)))


def _recode(cells: pl.Series, mapping: TableMapping) -> pl.Series:
    """Replace the operator's codes by codes of the contract; unmapped codes stay, unless `*` is mapped."""
    codes = dict(mapping.codes.get(cells.name, {}))
    if cells.dtype == pl.String:
        cells = cells.to_frame().select(pl.when(pl.first() != "").then(pl.first())).to_series()
    if not codes:
        return cells
    text = cells.cast(pl.String)
    other = codes.pop(ANY_OTHER, None)
    named = {code: word or None for code, word in codes.items()}
    rest = text if other is None else pl.lit(other or None, dtype=pl.String)
    renamed = pl.first().replace_strict(named, default=rest, return_dtype=pl.String)
    recoded: pl.Series = text.to_frame().select(pl.when(pl.first().is_not_null()).then(renamed)).to_series()
    return recoded.alias(cells.name)


def _read(cells: pl.Series, table: TableName, column: Column, mapping: TableMapping) -> pl.Series:
    if cells.dtype == pl.Null:
        return cells.cast(_dtype(table, column))
    if column.kind == "code":
        return _text(cells).cast(CODES[table][column.name], strict=False)
    if column.kind == "instant":
        return _instants(cells, mapping)
    return _READERS[column.kind](cells)


def _dtype(table: TableName, column: Column) -> pl.DataType:
    if column.kind == "code":
        return CODES[table][column.name]
    return _DTYPES[column.kind]


def _wrong_type(cells: pl.Series, expected: str) -> InputError:
    return InputError(
        f"the column {cells.name} cannot be read",
        expected=expected,
        found=str(cells.dtype),
        todo="write the column in that type",
        field=cells.name,
    )


def _ids(cells: pl.Series) -> pl.Series:
    """Ids as text. Floats are refused, because they may have lost digits."""
    if cells.dtype.is_integer() or isinstance(cells.dtype, pl.String | pl.Categorical | pl.Enum):
        return cells.cast(pl.String)
    raise _wrong_type(cells, "ids as text or whole numbers")


def _text(cells: pl.Series) -> pl.Series:
    if cells.dtype.is_nested() or cells.dtype == pl.Binary:
        raise _wrong_type(cells, "text or whole numbers")
    return cells.cast(pl.String)


def _areas(cells: pl.Series) -> pl.Series:
    if cells.dtype.is_integer():
        six = cells.is_between(100_000, 999_999)
        return cells.to_frame().select(pl.when(six).then(pl.first().cast(pl.Int32, strict=False))).to_series()
    shaped = pl.first().str.contains(r"^[1-9][0-9]{5}$")
    return _text(cells).to_frame().select(pl.when(shaped).then(pl.first()).cast(pl.Int32)).to_series()


def _whole(cells: pl.Series) -> pl.Series:
    if cells.dtype.is_float() or cells.dtype.is_decimal():
        cells = cells.to_frame().select(pl.when(pl.first() == pl.first().round(0)).then(pl.first())).to_series()
    return (cells if cells.dtype.is_numeric() else _text(cells)).cast(pl.Int32, strict=False)


def _numbers(cells: pl.Series) -> pl.Series:
    return (cells if cells.dtype.is_numeric() else _text(cells)).cast(pl.Float32, strict=False)


def _flags(cells: pl.Series) -> pl.Series:
    if cells.dtype == pl.Boolean:
        return cells
    return _text(cells).str.to_lowercase().replace_strict(_FLAGS, default=None, return_dtype=pl.Boolean)


def _dates(cells: pl.Series) -> pl.Series:
    if isinstance(cells.dtype, pl.Date | pl.Datetime):
        return cells.dt.date()
    if cells.dtype != pl.String:
        raise _wrong_type(cells, "dates, or text such as 2024-07-25")
    return _by_formats(cells, pl.Date(), [partial(_date, shape=shape) for shape in _DATE_FORMATS])


def _instants(cells: pl.Series, mapping: TableMapping) -> pl.Series:
    zone = mapping.time_zone or "UTC"
    shape = mapping.timestamp_format
    if isinstance(cells.dtype, pl.Datetime | pl.Date):
        return _to_utc(cells.cast(pl.Datetime("us", getattr(cells.dtype, "time_zone", None))), zone)
    if shape in _EPOCHS and cells.dtype.is_numeric():
        return _epoch(cells, unit=shape)
    if cells.dtype != pl.String:
        raise _wrong_type(cells, "timestamps, or text such as 2024-07-25T00:00:00Z")
    readers: list[Reader] = []
    if shape is not None:
        readers += [partial(_epoch, unit=shape) if shape in _EPOCHS else partial(_instant, shape=shape, zone=zone)]
    readers += [partial(_instant, shape=each, zone="UTC") for each in _COMMON_UTC_FORMATS]
    readers += [partial(_instant, shape=each, zone=zone) for each in _LOCAL_FORMATS]
    readers += [partial(_instant, shape=each, zone="UTC") for each in _UTC_FORMATS]
    return _by_formats(cells, UTC_US, [*readers, lambda text: _to_utc(_date(text).cast(pl.Datetime("us")), zone)])


def _epoch(cells: pl.Series, unit: str) -> pl.Series:
    return (cells.cast(pl.Int64, strict=False) * _EPOCHS[unit]).cast(UTC_US)


def _date(text: pl.Series, shape: str = "%Y-%m-%d") -> pl.Series:
    return text.str.to_date(shape, strict=False)


def _instant(text: pl.Series, shape: str, zone: str) -> pl.Series:
    return _to_utc(text.str.to_datetime(shape, strict=False, time_unit="us"), zone)


def _by_formats(cells: pl.Series, dtype: pl.DataType, readers: list[Reader]) -> pl.Series:
    """Try one format after another, each only on the cells that earlier formats could not read.

    A file usually has one format, so the one that reads most cells of a sample comes first. No cell has two
    different values under two formats.
    """
    few = cells.head(1000).drop_nulls().head(20)
    # Stop at the first format that reads the whole sample: trying all costs more than reading a request's cells.
    whole = next((reader for reader in readers if not reader(few).null_count()), None)
    first, *rest = sorted(readers, key=lambda each: each is not whole if whole else each(few).null_count())
    result = first(cells).cast(dtype)
    for reader in rest:
        if result.null_count() == cells.null_count():
            break
        left = (cells.is_not_null() & result.is_null()).arg_true()
        result = result.scatter(left, reader(cells.gather(left)).cast(dtype))
    return result


def _to_utc(instants: pl.Series, zone: str) -> pl.Series:
    """Convert to UTC; instants without a zone are in `zone`. An ambiguous local time is taken as the earlier one."""
    if isinstance(instants.dtype, pl.Datetime) and instants.dtype.time_zone is None:
        instants = instants.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    return instants.dt.convert_time_zone("UTC")


_READERS: dict[Kind, Reader] = {
    "id": _ids,
    "area": _areas,
    "date": _dates,
    "whole": _whole,
    "number": _numbers,
    "flag": _flags,
    "text": _text,
}
_DTYPES: dict[Kind, pl.DataType] = {
    "id": pl.String(),
    "area": pl.Int32(),
    "instant": UTC_US,
    "date": pl.Date(),
    "whole": pl.Int32(),
    "number": pl.Float32(),
    "flag": pl.Boolean(),
    "text": pl.String(),
}
