"""Many rows into a table, as tuples straight to the driver.

SQLAlchemy makes the statement, once. It would also arrange and check the parameters of each row by name, which takes as
long as hashing them, and these rows are made here.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Dialect, Table, insert

_PLACES = {"sqlite": "qmark", "postgresql": "format"}


def insert_rows(connection: Connection, table: Table, names: tuple[str, ...], rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows.

    Args:
        connection: Inside a transaction.
        table: The table.
        names: Its columns that are given; the others are null.
        rows: Text, whole numbers or None, in the order of `names`.
    """
    connection.exec_driver_sql(_statement(table, names, connection.dialect), list(rows))


@lru_cache(maxsize=64)
def _statement(table: Table, names: tuple[str, ...], dialect: Dialect) -> str:
    positional = type(dialect)(paramstyle=_PLACES[dialect.name])  # type: ignore[call-arg]  # all of SQLAlchemy's take it
    compiled = insert(table).compile(dialect=positional, column_keys=list(names))
    if tuple(compiled.positiontup or ()) != names:
        raise AssertionError(compiled.positiontup)
    return str(compiled)
