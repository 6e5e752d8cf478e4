"""Mappings: TOML files that map an operator's column names, codes and formats to the input contract."""

from __future__ import annotations

import difflib
import hashlib
import tomllib
from collections.abc import Iterable
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Self
from zoneinfo import available_timezones

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, model_validator

from linerisk.errors import InputError
from linerisk.records.contract import TABLES, TableName, columns_of
from linerisk.records.text import printable

_SHIPPED = Path(__file__).parent / "mappings"
ANY_OTHER = "*"


def _as_text(value: object) -> object:
    """Convert TOML values to text, because constants are read like cells."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value) if isinstance(value, int | float) else value


Cell = Annotated[str, BeforeValidator(_as_text)]


class TableMapping(BaseModel):
    """Mapping of one kind of file to one table of the contract."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    files: tuple[str, ...] = ()
    """Patterns of file names or of paths relative to the source; default: the table's own name."""
    columns: dict[str, str] = {}
    """Column of the contract -> column of the file; columns that are not listed keep their name."""
    codes: dict[str, dict[str, Cell]] = {}
    """Column of the contract -> code of the file -> code of the contract; `*` means any other code, and an
    empty text means null."""
    constants: dict[str, Cell] = {}
    """Column of the contract -> its value in every row, if the file has no such column."""
    time_zone: str | None = None
    """Time zone of timestamps without a zone; default: that of the mapping."""
    timestamp_format: str | None = None
    """strptime format of timestamps in text, or `epoch_s` or `epoch_ms`; ISO 8601 is always read."""
    separator: str = ","
    """The character between the cells of a CSV file; default: a comma."""

    @cached_property
    def fingerprint(self) -> str:
        """Identifies the mapping: the same file read by another mapping is another source."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


class Mapping(BaseModel):
    """Mapping of an operator's files to the tables of the contract."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    """Name of the mapping in messages."""
    notices: tuple[str, ...] = ()
    """Notes for the intake report, such as what the files do not contain."""
    time_zone: str = "UTC"
    """Time zone of timestamps without a zone, such as `Asia/Shanghai`; default: UTC."""
    timestamp_format: str | None = None
    """Format of timestamps, for tables that set none of their own; see below."""
    call_records: tuple[TableMapping, ...] = ()
    accounts: tuple[TableMapping, ...] = ()
    labels: tuple[TableMapping, ...] = ()

    @classmethod
    def load(cls, path: Path) -> Mapping:
        """Read a mapping.

        Raises:
            InputError: The file is missing, is not TOML, or is not a valid mapping.
        """
        try:
            content = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise InputError("there is no such mapping", found=str(path), todo=_shipped_hint()) from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise InputError(f"the mapping {path.name} is not TOML", found=printable(str(error), most=200)) from error
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            wrong = _as_input_error(error, content)
        except InputError as error:
            wrong = error
        raise InputError(
            f"the mapping {path.name} is wrong, {wrong.wrong}",
            expected=wrong.expected,
            found=wrong.found,
            todo=wrong.todo,
            field=wrong.field,
        )

    def of(self, table: TableName) -> tuple[TableMapping, ...]:
        """The parts of one table, with the mapping's time zone and format as defaults."""
        parts: tuple[TableMapping, ...] = getattr(self, table)
        return tuple(
            part.model_copy(
                update={
                    "time_zone": part.time_zone or self.time_zone,
                    "timestamp_format": part.timestamp_format or self.timestamp_format,
                }
            )
            for part in parts
        )

    @model_validator(mode="after")
    def _check_against_contract(self) -> Self:
        for table in TABLES:
            for number, part in enumerate(self.of(table), start=1):
                where = _part_label(table, number, of=len(self.of(table)))
                for key in ("columns", "codes", "constants"):
                    _check_columns(table, where, key, getattr(part, key))
                both = part.columns.keys() & part.constants.keys()
                if both:
                    raise InputError(
                        f"{where}: {min(both)} is both a column and a constant",
                        expected="an entry under columns or under constants, not both",
                        field=f"{table}.{min(both)}",
                    )
                _check_time_zone(where, part.time_zone)
                _check_separator(where, part.separator)
        return self


def _part_label(table: str, number: int, *, of: int) -> str:
    """Locates a part of the file for the reader: `[[call_records]]`, or the second of several."""
    return f"[[{table}]]" if of == 1 else f"[[{table}]] number {number}"


def _suggestion(name: str, known: Iterable[str]) -> str | None:
    close = difflib.get_close_matches(name.lower(), known, n=2, cutoff=0.5)
    return f"did you mean {' or '.join(map(repr, close))}?" if close else None


def _check_columns(table: TableName, where: str, key: str, entries: dict[str, object]) -> None:
    known = columns_of(table)
    for name, value in entries.items():
        if name in known:
            continue
        reversed_pair = value in known if key == "columns" else False
        hint = f"swap them: {value} = {name!r}, because the contract's name comes first" if reversed_pair else None
        raise InputError(
            f"{where}, under {key}: {table} has no column {printable(name, most=40)!r}",
            expected=f"a column of the contract before the sign =: {', '.join(known)}",
            found=printable(name, most=40),
            todo=hint or _suggestion(name, known),
            field=f"{table}.{key}",
        )


def _check_time_zone(where: str, zone: str | None) -> None:
    zones = available_timezones()
    if zone not in zones:
        raise InputError(
            f"{where}: {printable(str(zone), most=40)!r} is not a time zone",
            expected="a name such as 'Asia/Shanghai' or 'UTC'",
            todo=_suggestion(str(zone), {each.lower(): each for each in zones}),
            field="time_zone",
        )


def _check_separator(where: str, separator: str) -> None:
    if len(separator) != 1 or not separator.isascii():
        raise InputError(
            f"{where}: separator is not one character",
            expected='one ASCII character, such as ";" or "\\t"',
            found=printable(separator, most=40) or "nothing",
            field="separator",
        )


def _as_input_error(error: ValidationError, content: dict[str, Any]) -> InputError:
    """The first validation error, in terms of the file: part, key, what was expected."""
    first, *others = error.errors()
    table, number, *keys = (*first["loc"], None) if len(first["loc"]) == 1 else first["loc"]
    if isinstance(number, int):
        where = f"{_part_label(str(table), number + 1, of=len(content[str(table)]))}"
    else:
        where, keys = "at the top", [table, *([] if number is None else [number]), *keys]
    known = list(TableMapping.model_fields if where != "at the top" else Mapping.model_fields)
    key = printable(".".join(str(each) for each in keys), most=60)
    if first["type"] == "extra_forbidden":
        elsewhere = where == "at the top" and key in TableMapping.model_fields
        wrong, expected = f"there is no key {key!r}", ", ".join(known)
        todo = f"put {key} under a [[table]], such as [[call_records]]" if elsewhere else _suggestion(key, known)
    elif first["type"] == "missing":
        wrong, expected, todo = f"the key {key!r} is missing", 'for example name = "our-switch"', None
    else:
        wrong, expected, todo = (
            f"the key {key!r} has a wrong value" if key else "it has a wrong form",
            first["msg"],
            None,
        )
        if where == "at the top" and key in TABLES:
            expected, todo = f"[[{key}]], with two brackets on each side", f"write [[{key}]] in place of [{key}]"
    more = f" ({len(others)} more like it)" if others else ""
    return InputError(f"{where}: {wrong}{more}", expected=expected, todo=todo, field=key or str(table))


CONTRACT = TableMapping(time_zone="UTC")
"""The default: files with the contract's own columns and codes."""


def shipped(name: str) -> Path:
    """Path of a mapping that is shipped with the package.

    Raises:
        InputError: No mapping of that name is shipped.
    """
    path = _SHIPPED / f"{name}.toml"
    if not path.is_file():
        raise InputError("no such mapping is shipped", found=repr(name), todo=_shipped_hint())
    return path


def _shipped_hint() -> str:
    return f"name a TOML file; shipped are {', '.join(sorted(path.stem for path in _SHIPPED.glob('*.toml')))}"
