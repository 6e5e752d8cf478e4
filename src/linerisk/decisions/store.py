"""Opening the store: engines that are durable by default, and a schema that is always at its newest revision.

SQLite runs in WAL mode with `synchronous=FULL`, so a commit is on disk when it returns and readers never wait for
writers. PostgreSQL is taken by URL with the same schema and the same promises.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock
from sqlalchemy import Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from linerisk.decisions.schema import HEAD
from linerisk.errors import DecisionLogError
from linerisk.tables.disk import sync

# What a database or a disk in trouble raises.
FAILURES = (SQLAlchemyError, sqlite3.Error, OSError)

_MIGRATIONS = Path(__file__).parent / "migrations"
_WRITES = "linerisk_writes"
_RETRY_S = 0.0005
# Any constant will do: it names the lock under which PostgreSQL migrations run.
_MIGRATION_LOCK = 5_051_977


def open_engine(url: str, *, create: bool = True, busy_s: float = 5.0) -> Engine:
    """An engine on a store whose schema is at the newest revision.

    Args:
        url: SQLAlchemy URL.
        create: Whether a missing store may be made.
        busy_s: How long to wait for another process that writes.

    Raises:
        DecisionLogError: The store is missing, in memory, unreadable, or of a newer program.
    """
    parsed = make_url(url)
    file = Path(parsed.database or "") if parsed.get_backend_name() == "sqlite" else None
    if file is not None and parsed.database in {None, "", ":memory:"}:
        raise DecisionLogError("the decision log must outlive the process", expected="a file", found=url)
    if file is not None and not create and not file.is_file():
        raise DecisionLogError("there is no decision log", expected=str(file), todo="score something first")
    if file is None:
        engine = create_engine(parsed, pool_pre_ping=True, hide_parameters=True)
        _make_postgresql_durable(engine, busy_s)
    else:
        engine = create_engine(parsed, connect_args={"timeout": busy_s}, hide_parameters=True)
        _make_sqlite_durable(engine, busy_s)
    try:
        if file is not None and not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            # What is said about people is nobody else's to read; SQLite gives its side files the same mode.
            file.touch(mode=0o600)
        if _revision(engine) != HEAD:
            _migrate(engine, file)
    except FAILURES as error:
        engine.dispose()
        raise unusable(error) from error
    except BaseException:
        engine.dispose()
        raise
    return engine


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One transaction that alone may write: what it reads stays true until it commits."""
    with engine.connect().execution_options(**{_WRITES: True}) as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            connection.execute(text("LOCK TABLE decisions IN EXCLUSIVE MODE"))
        yield connection


def unusable(error: Exception) -> DecisionLogError:
    """The error of the log for an error of the database or the disk; it names no value of any row."""
    cause = getattr(error, "orig", None) or error
    # Only these speak of the store alone; the others may quote the row.
    telling = isinstance(error, OperationalError | sqlite3.OperationalError | OSError)
    return DecisionLogError(
        "the decision log cannot be used",
        found=f"{type(cause).__name__}: {cause}" if telling else type(cause).__name__,
        todo="see that its disk has room and that no other program holds it locked" if telling else None,
    )


def _make_sqlite_durable(engine: Engine, busy_s: float) -> None:
    """SQLite: our own transactions instead of the driver's, and full durability on every connection."""

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        if connection.get_execution_options().get(_WRITES):
            _begin_immediate(connection.connection.dbapi_connection, busy_s)
        else:
            connection.exec_driver_sql("BEGIN")


def _make_postgresql_durable(engine: Engine, busy_s: float) -> None:
    """PostgreSQL: a server set to lose its last commits is overruled, and locks are not waited for without end."""

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SET lock_timeout = {int(busy_s * 1000)}")
            cursor.execute(
                "SELECT set_config('synchronous_commit', 'on', false) "
                "WHERE current_setting('synchronous_commit') = 'off'"
            )
        connection.commit()


def _begin_immediate(connection: Any, busy_s: float) -> None:
    """Take the write lock. SQLite's own waiting backs off to 100 ms a try, far longer than a commit takes here."""
    deadline = time.monotonic() + busy_s
    connection.execute("PRAGMA busy_timeout=0")
    try:
        while True:
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() >= deadline:
                    raise
                time.sleep(_RETRY_S)
            else:
                return
    finally:
        connection.execute(f"PRAGMA busy_timeout={int(busy_s * 1000)}")


def _revision(engine: Engine) -> str | None:
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _migrate(engine: Engine, file: Path | None) -> None:
    if file is None:
        with engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
            _upgrade(connection)
        return
    # Switching to WAL does not wait for others, so first starts take turns outside the database.
    with FileLock(f"{file}.lock"):
        with engine.connect() as connection:
            connection.connection.dbapi_connection.execute("PRAGMA journal_mode=WAL")  # type: ignore[union-attr]
        with engine.connect().execution_options(**{_WRITES: True}) as connection, connection.begin():
            _upgrade(connection)
    sync(file.parent)


def _upgrade(connection: Connection) -> None:
    # Imported here: it is needed once in the life of a store, not at every start.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise DecisionLogError(
            "the decision log is of another version", expected=f"revision {HEAD}", todo="use the newer program"
        ) from error
