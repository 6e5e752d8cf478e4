"""Opens the decision log's database, durable by default, at the newest schema revision.

SQLite runs in WAL mode with `synchronous=FULL`, so a commit is on disk when it returns and readers never wait for
writers. PostgreSQL has the same schema and guarantees.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock
from sqlalchemy import Connection, Engine, create_engine, event, inspect, text

from linerisk.decisions.errors import FAILURES, StoreBusyError, unusable
from linerisk.decisions.schema import HEAD
from linerisk.decisions.store_url import parse_url, without_password
from linerisk.errors import DecisionLogError
from linerisk.tables.durable_files import sync

_MIGRATIONS = Path(__file__).parent / "migrations"
_WRITES = "linerisk_writes"
_NO_WAIT = "linerisk_no_wait"
_FILE = "linerisk_file"
_RETRY_S = 0.0005
_PRAGMAS = (
    "synchronous=FULL",
    "foreign_keys=ON",
    "secure_delete=ON",  # erased content is overwritten, not only freed
    "cache_size=-8000",  # kB: a large request touches pages all over the index of lines
    "wal_autocheckpoint=500",  # pages: often and briefly, since a commit waits for it
)
# Arbitrary constants: keys of the advisory locks for migrations and writes.
_MIGRATION_LOCK = 5_051_977
_WRITE_LOCK = 5_051_978
_TAKE_LOCK = text("SELECT pg_advisory_xact_lock(:lock)")


def open_engine(url: str, *, create: bool = True, busy_s: float = 5.0) -> Engine:
    """Open a store and bring its schema to the newest revision.

    Args:
        url: SQLAlchemy URL of SQLite or PostgreSQL.
        create: Whether to create a missing store and migrate an older one.
        busy_s: How long to wait for another process that writes.

    Raises:
        DecisionLogError: The store is missing, in memory, unreadable, not durable, or of another program's version.
    """
    parsed = parse_url(url)
    file = Path(parsed.database or "") if parsed.get_backend_name() == "sqlite" else None
    if file is not None and parsed.database in {None, "", ":memory:"}:
        raise DecisionLogError(
            "the decision log must outlive the process",
            expected="a file",
            found=url,
            todo="name a file, as in sqlite:///decisions.db",
        )
    if file is not None and not create and not file.is_file():
        raise _no_log(str(file))
    if file is None:
        engine = create_engine(
            # A transaction that holds the lock must read what the previous one committed.
            parsed,
            pool_pre_ping=True,
            hide_parameters=True,
            isolation_level="READ COMMITTED",
        )
        _make_postgresql_durable(engine, busy_s)
    else:
        engine = create_engine(parsed, connect_args={"timeout": busy_s}, hide_parameters=True)
        _make_sqlite_durable(engine, busy_s)
    try:
        if file is not None and not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            # The log is about people: readable by its owner only. SQLite gives its side files the same mode.
            file.touch(mode=0o600)
        _bring_up_to_date(engine, file, create=create)
    except FAILURES as error:
        engine.dispose()
        raise unusable(error) from error
    except BaseException:
        engine.dispose()
        raise
    return engine


@contextmanager
def writing(engine: Engine, *, wait_for_lock: bool = True) -> Iterator[Connection]:
    """One transaction that holds the write lock: what it reads stays true until it commits.

    Raises:
        StoreBusyError: Another connection holds the lock, and `wait_for_lock` is false (SQLite only).
    """
    options = {_WRITES: True, _NO_WAIT: not wait_for_lock}
    with engine.connect().execution_options(**options) as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            # An advisory lock: a table lock would wait for a vacuum, which may take hours.
            connection.execute(_TAKE_LOCK, {"lock": _WRITE_LOCK})
        yield connection
        if connection.dialect.name == "sqlite":
            _see_that_it_has_its_name(connection)


def _see_that_it_has_its_name(connection: Connection) -> None:
    """Check that the path still names the open file: SQLite goes on writing to a deleted or replaced file.

    Raises:
        OSError: The file was replaced. The next transaction opens the new one.
    """
    path, opened = connection.info[_FILE]
    stat = os.stat(path)  # noqa: PTH116  # once a commit, while others wait for the lock
    if (stat.st_dev, stat.st_ino) != opened:
        connection.engine.dispose()
        connection.invalidate()
        raise OSError(errno.ESTALE, "the file was replaced while it was in use")


def scrub(engine: Engine) -> None:
    """Remove erased content from SQLite's write-ahead log. PostgreSQL does so when it vacuums."""
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            raw: Any = connection.connection.dbapi_connection
            raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _no_log(expected: str) -> DecisionLogError:
    return DecisionLogError(
        "there is no decision log",
        expected=expected,
        todo="name its home with --home, or its database with LINERISK_DECISION_LOG; the first `serve` makes one",
    )


def _another_version(found: str | None = None) -> DecisionLogError:
    return DecisionLogError(
        "the decision log is of another version",
        expected=f"revision {HEAD}",
        found=None if found is None else f"revision {found}",
        todo="use the newest program; starting its service brings an older log up to date",
    )


def _make_sqlite_durable(engine: Engine, busy_s: float) -> None:
    """SQLite: explicit transactions, and full durability on every connection."""

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, record: Any) -> None:
        path = engine.url.database or ""
        stat = os.stat(path)  # noqa: PTH116  # as where it is compared
        record.info[_FILE] = path, (stat.st_dev, stat.st_ino)
        connection.isolation_level = None
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        raw: Any = connection.connection.dbapi_connection
        writes = bool(connection.get_execution_options().get(_WRITES))
        if connection.info.get(_WRITES) != writes:
            # SQLite's own busy handler backs off to 100 ms, far longer than a commit takes.
            raw.execute(f"PRAGMA busy_timeout={0 if writes else int(busy_s * 1000)}")
            connection.info[_WRITES] = writes
        if writes:
            _begin_immediate(raw, None if connection.get_execution_options().get(_NO_WAIT) else busy_s)
        else:
            connection.exec_driver_sql("BEGIN")


def _make_postgresql_durable(engine: Engine, busy_s: float) -> None:
    """PostgreSQL: synchronous commits whatever the server's default, and a timeout for locks."""

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SET lock_timeout = {int(busy_s * 1000)}")
            cursor.execute(
                "SELECT set_config('synchronous_commit', 'on', false) "
                "WHERE current_setting('synchronous_commit') = 'off'"
            )
        connection.commit()


def _begin_immediate(connection: Any, busy_s: float | None) -> None:
    """Take the write lock; wait for it so many seconds, or not at all."""
    deadline = time.monotonic() + (busy_s or 0)
    while True:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_BUSY and busy_s is None:
                raise StoreBusyError from error
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() >= deadline:
                raise
            with contextlib.suppress(OSError):  # the system refuses a sleep while its clock is set
                time.sleep(_RETRY_S)
        else:
            return


def _revision(engine: Engine) -> str | None:
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _bring_up_to_date(engine: Engine, file: Path | None, *, create: bool) -> None:
    revision = _revision(engine)
    if revision != HEAD and not create:
        raise _no_log(without_password(str(engine.url))) if revision is None else _another_version(revision)
    if revision != HEAD:
        _migrate(engine, file)


def _migrate(engine: Engine, file: Path | None) -> None:
    if file is None:
        with engine.begin() as connection:
            connection.execute(_TAKE_LOCK, {"lock": _MIGRATION_LOCK})
            _refuse_what_loses_or_garbles(connection)
            _upgrade(connection)
        return
    # Switching to WAL does not wait for other processes, so a file lock serialises first starts.
    with FileLock(f"{file}.lock"):
        with engine.connect() as connection:
            raw: Any = connection.connection.dbapi_connection
            # Has an effect on a new store only; records of 2 to 4 KB fill pages of 8 KB better than of 4 KB.
            raw.execute("PRAGMA page_size=8192")
            raw.execute("PRAGMA journal_mode=WAL")
        with engine.connect().execution_options(**{_WRITES: True}) as connection, connection.begin():
            _upgrade(connection)
    sync(file.parent)


def _upgrade(connection: Connection) -> None:
    # Imported here: needed only when a store is created or upgraded.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, HEAD)
    except CommandError as error:
        raise _another_version() from error


def _refuse_what_loses_or_garbles(connection: Connection) -> None:
    """Refuse a server that does not sync its disk, or cannot store every text."""
    for name, needed in (("fsync", "on"), ("server_encoding", "UTF8")):
        found = connection.execute(text("SELECT current_setting(:name)"), {"name": name}).scalar_one()
        if found != needed:
            raise DecisionLogError(
                "this PostgreSQL cannot hold a decision log",
                expected=f"{name} = {needed}",
                found=f"{name} = {found}",
                todo="make the database in UTF-8, on a server that waits for its disk",
            )
