"""Reads Arrow IPC request bodies: lines by id or with records, as one table.

Compressed streams are refused, because 16 MB could unpack to any size.
"""

from __future__ import annotations

import struct
from typing import Final

import msgspec
import polars as pl
import pyarrow as pa

from linerisk.service.request_records import TYPES, LineColumns, required
from linerisk.service.request_types import MOST_RECORDS, AccountBody, RecordBody
from linerisk.web.errors import MalformedError, WrongValueError
from linerisk.web.query_params import LONGEST_ID

MEDIA_TYPE: Final = "application/vnd.apache.arrow.stream"

_DICTIONARY, _RECORDS = 2, 3
"""Kinds of messages that hold values; Message.fbs of the Arrow format, union MessageHeader."""
_TEXT_OF_TIME = "%Y-%m-%dT%H:%M:%S%.6fZ"
_COLUMNS = frozenset({"line_id", "account", "records"})
_CAST: Final = "cast the column before it is sent"


def read_table(body: bytes) -> pl.DataFrame:
    """Read the table in a body.

    Raises:
        MalformedError: It is not an Arrow IPC stream, or it is damaged or compressed.
    """
    try:
        _refuse_compressed(body)
        table = pa.ipc.open_stream(body).read_all()
        table.validate(full=True)
        frame = pl.from_arrow(table)
    except (
        pa.ArrowException,
        ValueError,
        TypeError,
        OSError,
        struct.error,
        IndexError,
        pl.exceptions.PolarsError,
    ) as error:
        raise MalformedError(
            "the body is not an Arrow IPC stream of one table",
            found=type(error).__name__,
            todo="write it with a library of Apache Arrow, without compression",
        ) from error
    if not isinstance(frame, pl.DataFrame):
        raise MalformedError("the body is not a table", todo="send one table, lines as rows")
    return frame


def line_ids(table: pl.DataFrame, *, most: int) -> list[str]:
    """The requested lines, in order.

    Raises:
        WrongValueError: Columns or ids are not those of the contract, or there are too many or no lines.
    """
    unknown = [name for name in table.columns if name not in _COLUMNS]
    if unknown:
        raise WrongValueError(
            "a column is not known here",
            found=f"`{unknown[0][:60]}`",
            todo="leave it out, or check its spelling",
            field=unknown[0][:60],
        )
    if "line_id" not in table.columns:
        raise WrongValueError(
            "a column is missing",
            expected="`line_id`",
            found="none",
            todo="give the column of ids this name",
            field="line_id",
        )
    if not 1 <= table.height <= most:
        raise WrongValueError(
            "wrong number of lines",
            expected=f"1 to {most}",
            found=str(table.height),
            todo=f"send at most {most} lines at a time, and at least one",
            field="line_id",
        )
    ids = _text(table["line_id"], "line_id")
    lengths = ids.str.len_chars()
    wrong = ids.is_null() | (lengths < 1) | (lengths > LONGEST_ID) | ids.str.contains(r"[\x00-\x1f\x7f]")
    if (wrong | wrong.is_null()).any():
        row = int((wrong | wrong.is_null()).arg_max() or 0)
        raise WrongValueError(
            "an id is missing or not an id",
            expected=f"1 to {LONGEST_ID} characters without control characters",
            todo="give every row an id",
            field=f"line_id[{row}]",
        )
    return ids.to_list()


def line_columns(table: pl.DataFrame, ids: list[str]) -> LineColumns:
    """Lines with records.

    Raises:
        WrongValueError: Nested columns are not those of the contract.
    """
    position = pl.Series("line", range(table.height), dtype=pl.Int64)
    records = _nested(table["records"], RecordBody, "records", position)
    most = records["line"].value_counts()["count"].max() if records.height else 0
    if isinstance(most, int) and most > MOST_RECORDS:
        raise WrongValueError(
            "a line has too many records",
            expected=f"at most {MOST_RECORDS}",
            found=str(most),
            todo="send fewer records of the line, or score it by id",
            field="records",
        )
    account = table["account"] if "account" in table.columns else pl.Series("account", [None] * table.height)
    return LineColumns(ids, records, _nested(account, AccountBody, "account", position))


def _nested(column: pl.Series, kind: type[msgspec.Struct], name: str, position: pl.Series) -> pl.DataFrame:
    """Flatten a column of structs, or of lists of structs, to one table with the position of the line."""
    rows = pl.DataFrame({"line": position, name: column})
    if isinstance(column.dtype, pl.List):
        rows = rows.explode(name)
    elif name == "records":
        raise WrongValueError(
            "a column has a wrong type", expected="a list of structs", found=str(column.dtype), todo=_CAST, field=name
        )
    if rows[name].dtype == pl.Null:
        return pl.DataFrame(schema={"line": pl.Int64} | {each: TYPES.get(each, pl.String()) for each in required(kind)})
    if not isinstance(rows[name].dtype, pl.Struct):
        raise WrongValueError(
            "a column has a wrong type", expected="structs", found=str(column.dtype), todo=_CAST, field=name
        )
    rows = rows.filter(pl.col(name).is_not_null()).unnest(name, separator=".")
    rows = rows.rename({each: each.removeprefix(f"{name}.") for each in rows.columns})
    known = kind.__struct_fields__
    for each in rows.columns:
        if each != "line" and each not in known:
            raise WrongValueError(
                "a field is not known here",
                found=f"`{each[:60]}`",
                todo="leave it out, or check its spelling",
                field=f"{name}.{each[:60]}",
            )
    for each in sorted(required(kind)):
        if each not in rows.columns:
            raise WrongValueError(
                "a field is missing",
                expected=f"`{each}`",
                found="none",
                todo="add it to every struct",
                field=f"{name}.{each}",
            )
    return rows.select("line", *(_typed(rows[each], f"{name}.{each}") for each in rows.columns if each != "line"))


def _typed(column: pl.Series, field: str) -> pl.Series:
    wanted = TYPES.get(column.name)
    if wanted is None:
        return _text(column, field)
    numbers = column.dtype == pl.Boolean if wanted == pl.Boolean() else column.dtype.is_integer()
    if not (numbers or (wanted == pl.Float64() and column.dtype.is_float()) or column.dtype == pl.Null):
        raise WrongValueError(
            "a column has a wrong type", expected=str(wanted), found=str(column.dtype), todo=_CAST, field=field
        )
    return column.cast(wanted)


def _text(column: pl.Series, field: str) -> pl.Series:
    """Cast ids and codes to text; write instants and dates in ISO 8601."""
    kind = column.dtype
    if isinstance(kind, pl.Datetime):
        if kind.time_zone is None:
            raise WrongValueError(
                "an instant has no time zone",
                expected="UTC",
                found=str(kind),
                todo="cast the column to instants in UTC",
                field=field,
            )
        return column.dt.convert_time_zone("UTC").dt.strftime(_TEXT_OF_TIME)
    if kind in {pl.String, pl.Null, pl.Date, pl.Categorical} or kind.is_integer() or isinstance(kind, pl.Enum):
        return column.cast(pl.String)
    raise WrongValueError("a column has a wrong type", expected="text", found=str(kind), todo=_CAST, field=field)


def _refuse_compressed(body: bytes) -> None:
    """Check the head of every message, which the reader has verified; see Message.fbs of the Arrow format."""
    for message in pa.ipc.MessageReader.open_stream(body):
        head = message.metadata.to_pybytes()
        (at,) = struct.unpack_from("<I", head)
        kind = _field(head, at, 1)
        if kind is None or head[kind] not in {_DICTIONARY, _RECORDS}:
            continue
        batch = _table(head, at, 2)
        if head[kind] == _DICTIONARY and batch is not None:
            batch = _table(head, batch, 1)
        if batch is None or _field(head, batch, 3) is not None:
            raise ValueError("compressed")


def _field(head: bytes, table: int, number: int) -> int | None:
    """Offset of a field in a flatbuffers table; None if it is absent."""
    vtable = table - struct.unpack_from("<i", head, table)[0]
    (size,) = struct.unpack_from("<H", head, vtable)
    slot = 4 + 2 * number
    offset = struct.unpack_from("<H", head, vtable + slot)[0] if slot + 2 <= size else 0
    return table + offset if offset else None


def _table(head: bytes, table: int, number: int) -> int | None:
    """Offset of the table that a field points to."""
    at = _field(head, table, number)
    return None if at is None else at + struct.unpack_from("<I", head, at)[0]
