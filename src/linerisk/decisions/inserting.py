"""Many rows into a table, as tuples straight to the driver.

SQLAlchemy makes the statement, once. It would also arrange and check the parameters of each row by name, which takes as
long as hashing them, and these rows are made here.

Rows go in many to a statement. A driver gives Python's lock away with each execution, and while requests are decided on
another thread it waits for it each time.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Dialect, Table, insert

_PLACES = {"sqlite": "qmark", "postgresql": "format"}
_AT_ONCE = (64, 32, 16, 8, 4, 2, 1)
"""Rows of one statement: few texts, so that each stays prepared, and few statements, however many rows there are."""


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
        statement = _statement(table, names, many, connection.dialect)
        while len(rows) - done >= many:
            values = tuple(chain.from_iterable(rows[done : done + many]))
            connection.exec_driver_sql(statement, values)
            done += many


@lru_cache(maxsize=256)
def _statement(table: Table, names: tuple[str, ...], rows: int, dialect: Dialect) -> str:
    positional = type(dialect)(paramstyle=_PLACES[dialect.name])  # type: ignore[call-arg]  # all of SQLAlchemy's take it
    compiled = insert(table).compile(dialect=positional, column_keys=list(names))
    if tuple(compiled.positiontup or ()) != names:
        raise AssertionError(compiled.positiontup)
    into, word, places = str(compiled).partition(" VALUES ")
    return into + word + ", ".join([places] * rows)
