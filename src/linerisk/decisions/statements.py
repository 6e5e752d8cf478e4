"""Statements of every commit, compiled once by SQLAlchemy and executed by the driver directly.

SQLAlchemy would check the parameters of each row by name, which costs as much as hashing them, and expand each list of
values anew, which costs more than the query. Many rows share a statement, because a driver releases Python's lock with
each execution.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

from sqlalchemy import Column, Connection, Dialect, Select, Table, bindparam, insert, select

_PLACES = {"sqlite": "qmark", "postgresql": "format"}
_AT_ONCE = (64, 32, *range(16, 0, -1))
"""Values of one statement: few texts, so that each stays prepared, and few statements, however many there are."""


def insert_rows(connection: Connection, table: Table, names: tuple[str, ...], rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows.

    Args:
        connection: Inside a transaction.
        table: The table.
        names: Its columns that are given; the others are null.
        rows: Text, whole numbers or None, in the order of `names`.
    """
    done = 0
    for many in _AT_ONCE:
        statement = _insertion(table, names, many, connection.dialect)
        while len(rows) - done >= many:
            values = tuple(chain.from_iterable(rows[done : done + many]))
            _run(connection, statement, values)
            done += many


def rows_among(connection: Connection, table: Table, **values: Sequence[str]) -> list[Any]:
    """Rows of a table whose columns each have one of some values.

    Args:
        connection: To read with.
        table: The table.
        values: By column, at most 64 of them.

    Returns:
        Rows with the names of their columns.
    """
    padded = {name: _padded(each) for name, each in values.items()}
    statement = _choice(table, tuple((name, len(each)) for name, each in padded.items()), connection.dialect)
    return list(map(_row_of(table)._make, _run(connection, statement, tuple(chain.from_iterable(padded.values())))))


def first_row(connection: Connection, statement: Select[Any]) -> tuple[Any, ...] | None:
    """The first row of a statement without parameters."""
    rows = _run(connection, _text_of(statement, connection.dialect), ())
    return rows[0] if rows else None


def _run(connection: Connection, statement: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    """Execute a statement; the rows that it gives.

    SQLite's driver is called directly; SQLAlchemy's result object costs more than the statement.
    """
    if connection.dialect.name == "sqlite":
        driver: Any = connection.connection.dbapi_connection
        rows: list[tuple[Any, ...]] = driver.execute(statement, values).fetchall()
        return rows
    result = connection.exec_driver_sql(statement, values)
    return [tuple(row) for row in result] if result.returns_rows else []


@lru_cache(maxsize=64)
def _row_of(table: Table) -> Any:
    names = [column.name for column in table.columns]
    return namedtuple("row_of_" + table.name, names)  # noqa: PYI024  # the names are known when it runs


@lru_cache(maxsize=64)
def _text_of(statement: Select[Any], dialect: Dialect) -> str:
    """A statement without parameters, in a dialect's SQL."""
    return str(statement.compile(dialect=_positional(dialect), compile_kwargs={"literal_binds": True}))


def _padded(values: Sequence[str]) -> list[str]:
    """The values padded with the last one to a few fixed lengths, so that few statements are compiled."""
    size = next(size for size in reversed(_AT_ONCE) if size >= len(values))
    return [*values, *[values[-1]] * (size - len(values))]


@lru_cache(maxsize=256)
def _insertion(table: Table, names: tuple[str, ...], rows: int, dialect: Dialect) -> str:
    compiled = insert(table).compile(dialect=_positional(dialect), column_keys=list(names))
    _check_order(compiled.positiontup, list(names))
    into, word, places = str(compiled).partition(" VALUES ")
    return into + word + ", ".join([places] * rows)


@lru_cache(maxsize=256)
def _choice(table: Table, lengths: tuple[tuple[str, int], ...], dialect: Dialect) -> str:
    statement, names = select(table), []
    for name, length in lengths:
        column: Column[Any] = table.c[name]
        own = [f"{name}_{i}" for i in range(length)]
        statement = statement.where(column.in_([bindparam(each, type_=column.type) for each in own]))
        names += own
    compiled = statement.compile(dialect=_positional(dialect))
    _check_order(compiled.positiontup, names)
    return str(compiled)


def _positional(dialect: Dialect) -> Dialect:
    made: Dialect = type(dialect)(paramstyle=_PLACES[dialect.name])  # type: ignore[call-arg]  # all of SQLAlchemy's do
    return made


def _check_order(found: Any, expected: list[str]) -> None:
    if list(found or ()) != expected:
        raise AssertionError(found)
