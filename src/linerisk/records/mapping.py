"""An operator's own column names, codes and habits, said in a TOML file instead of in code."""

from __future__ import annotations

import difflib
import hashlib
import tomllib
from collections.abc import Iterator
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import Annotated, Self
from zoneinfo import available_timezones

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, model_validator

from linerisk.errors import InputError
from linerisk.records.contract import TABLES, TableName, columns_of

_SHIPPED = Path(__file__).parent / "mappings"
ANY_OTHER = "*"


def _as_text(value: object) -> object:
    """Constants are cells like any other: they are read from text."""
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
        """The same file read by another mapping is another source."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


class Mapping(BaseModel):
    """How an operator's files become the contract's tables."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    notices: tuple[str, ...] = ()
    """What the reader of an intake report must know, such as what the files cannot say."""
    time_zone: str = "UTC"
    timestamp_format: str | None = None
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
            return cls.model_validate(content)
        except FileNotFoundError as error:
            raise InputError("there is no such mapping", found=str(path), todo=_shipped_hint()) from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise InputError(f"the mapping {path.name} is not TOML", found=str(error)) from error
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "the whole"
            raise InputError(
                f"the mapping {path.name} says something that it cannot",
                found=f"{where}: {first['msg']}",
                todo="the keys of a mapping are name, notices, time_zone, timestamp_format and, for each table, "
                + ", ".join(TableMapping.model_fields),
                field=where,
            ) from error

    def of(self, table: TableName) -> tuple[TableMapping, ...]:
        """What is said about one table, with the mapping's own zone and format where a table names none."""
        said: tuple[TableMapping, ...] = getattr(self, table)
        return tuple(
            part.model_copy(
                update={
                    "time_zone": part.time_zone or self.time_zone,
                    "timestamp_format": part.timestamp_format or self.timestamp_format,
                }
            )
            for part in said
        )

    @model_validator(mode="after")
    def _says_only_what_the_contract_knows(self) -> Self:
        for problem in self._problems():
            raise ValueError(problem)
        return self

    def _problems(self) -> Iterator[str]:
        for table in TABLES:
            known = columns_of(table)
            for part in self.of(table):
                for name in (*part.columns, *part.codes, *part.constants):
                    if name not in known:
                        close = difflib.get_close_matches(name, known, n=1)
                        meant = f", did you mean {close[0]!r}?" if close else f"; it has {', '.join(known)}"
                        yield f"{table} has no column {name!r}{meant}"
                for name in part.columns.keys() & part.constants.keys():
                    yield f"{table}.{name} is both a column and a constant"
                if part.time_zone not in available_timezones():
                    yield f"{part.time_zone!r} is not a time zone, such as 'Asia/Shanghai'"


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
