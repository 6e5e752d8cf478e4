"""Mappings: a TOML file with an operator's column names, codes and formats."""

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
from linerisk.records.text import quoted

_SHIPPED = Path(__file__).parent / "mappings"
ANY_OTHER = "*"


def _as_text(value: object) -> object:
    """Constants as text, which is read like cells."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value) if isinstance(value, int | float) else value


Cell = Annotated[str, BeforeValidator(_as_text)]


class TableMapping(BaseModel):
    """How one kind of file becomes one of the contract's tables."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    files: tuple[str, ...] = ()
    """Patterns of file names or of paths below the source; none: the table's own name."""
    columns: dict[str, str] = {}
    """Column of the contract -> column of the file; columns not named here keep their name."""
    codes: dict[str, dict[str, Cell]] = {}
    """Column of the contract -> code of the file -> code of the contract; `*` stands for any other code, and an
    empty text for null."""
    constants: dict[str, Cell] = {}
    """Column of the contract -> the value of every row, where the file has no such column."""
    time_zone: str | None = None
    """Zone of timestamps that name none; default that of the mapping."""
    timestamp_format: str | None = None
    """strptime format of timestamps in text, or `epoch_s` or `epoch_ms`; ISO 8601 is always read."""
    separator: str = ","
    """What stands between the cells of a CSV file."""

    @cached_property
    def fingerprint(self) -> str:
        """Fingerprint of the mapping; a file read by another mapping is another source."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


class Mapping(BaseModel):
    """How an operator's files become the contract's tables."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    """What the mapping is called in messages."""
    notices: tuple[str, ...] = ()
    """What the reader of an intake report must know, such as what the files cannot say."""
    time_zone: str = "UTC"
    """Zone of timestamps that name none, such as `Asia/Shanghai`; default UTC."""
    timestamp_format: str | None = None
    """Shape of timestamps, for tables that say none of their own; see below."""
    call_records: tuple[TableMapping, ...] = ()
    accounts: tuple[TableMapping, ...] = ()
    labels: tuple[TableMapping, ...] = ()

    @classmethod
    def load(cls, path: Path) -> Mapping:
        """Read a mapping.

        Raises:
            InputError: The file is missing, is not TOML, or says something that no mapping can say.
        """
        try:
            content = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise InputError("there is no such mapping", found=str(path), todo=_shipped_hint()) from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise InputError(f"the mapping {path.name} is not TOML", found=quoted(str(error), most=200)) from error
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
        """The parts for one table, with the mapping's zone and format as defaults."""
        content: tuple[TableMapping, ...] = getattr(self, table)
        return tuple(
            part.model_copy(
                update={
                    "time_zone": part.time_zone or self.time_zone,
                    "timestamp_format": part.timestamp_format or self.timestamp_format,
                }
            )
            for part in content
        )

    @model_validator(mode="after")
    def _only_known_keys(self) -> Self:
        for table in TABLES:
            for number, part in enumerate(self.of(table), start=1):
                where = _part(table, number, of=len(self.of(table)))
                for key in ("columns", "codes", "constants"):
                    _only_columns_of(table, where, key, getattr(part, key))
                both = part.columns.keys() & part.constants.keys()
                if both:
                    raise InputError(
                        f"{where}: {min(both)} is both a column and a constant",
                        expected="it under columns or under constants",
                        field=f"{table}.{min(both)}",
                    )
                _must_be_a_zone(where, part.time_zone)
                _must_separate(where, part.separator)
        return self


def _part(table: str, number: int, *, of: int) -> str:
    """Name of a part of the file: `[[call_records]]`, or the second of several."""
    return f"[[{table}]]" if of == 1 else f"[[{table}]] number {number}"


def _close(name: str, known: Iterable[str]) -> str | None:
    close = difflib.get_close_matches(name.lower(), known, n=2, cutoff=0.5)
    return f"did you mean {' or '.join(map(repr, close))}?" if close else None


def _only_columns_of(table: TableName, where: str, key: str, content: dict[str, object]) -> None:
    known = columns_of(table)
    for name, value in content.items():
        if name in known:
            continue
        turned = value in known if key == "columns" else False
        hint = f"turn it round: {value} = {name!r}, for the contract's name comes first" if turned else None
        raise InputError(
            f"{where}, under {key}: {table} has no column {quoted(name, most=40)!r}",
            expected=f"a column of the contract before the sign =: {', '.join(known)}",
            found=quoted(name, most=40),
            todo=hint or _close(name, known),
            field=f"{table}.{key}",
        )


def _must_be_a_zone(where: str, zone: str | None) -> None:
    zones = available_timezones()
    if zone not in zones:
        raise InputError(
            f"{where}: {quoted(str(zone), most=40)!r} is not a time zone",
            expected="a name such as 'Asia/Shanghai' or 'UTC'",
            todo=_close(str(zone), {each.lower(): each for each in zones}),
            field="time_zone",
        )


def _must_separate(where: str, separator: str) -> None:
    if len(separator) != 1 or not separator.isascii():
        raise InputError(
            f"{where}: separator is not one character",
            expected='one ASCII character, such as ";" or "\\t"',
            found=quoted(separator, most=40) or "nothing",
            field="separator",
        )


def _as_input_error(error: ValidationError, content: dict[str, Any]) -> InputError:
    """The first error of pydantic in terms of the file: part, key, expected value."""
    first, *others = error.errors()
    table, number, *keys = (*first["loc"], None) if len(first["loc"]) == 1 else first["loc"]
    if isinstance(number, int):
        where = f"{_part(str(table), number + 1, of=len(content[str(table)]))}"
    else:
        where, keys = "at the top", [table, *([] if number is None else [number]), *keys]
    known = list(TableMapping.model_fields if where != "at the top" else Mapping.model_fields)
    key = quoted(".".join(str(each) for each in keys), most=60)
    if first["type"] == "extra_forbidden":
        elsewhere = where == "at the top" and key in TableMapping.model_fields
        wrong, expected = f"there is no key {key!r}", ", ".join(known)
        todo = f"put {key} under a [[table]], such as [[call_records]]" if elsewhere else _close(key, known)
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
"""Files in the contract's own shape."""


def shipped(name: str) -> Path:
    """Where a mapping that comes with the package lies.

    Raises:
        InputError: No mapping of that name is shipped.
    """
    path = _SHIPPED / f"{name}.toml"
    if not path.is_file():
        raise InputError("no such mapping is shipped", found=repr(name), todo=_shipped_hint())
    return path


def _shipped_hint() -> str:
    return f"name a TOML file; shipped are {', '.join(sorted(path.stem for path in _SHIPPED.glob('*.toml')))}"
