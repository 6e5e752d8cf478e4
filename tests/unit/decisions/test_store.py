"""A store is durable, at its newest revision, and refused where it cannot be either."""

import stat
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, make_url, text

from linerisk.decisions import store
from linerisk.decisions.chain import GENESIS, digest, link
from linerisk.decisions.log import DecisionLog
from linerisk.decisions.record import DecisionRecord
from linerisk.decisions.schema import HEAD, metadata, sortable
from linerisk.errors import DecisionLogError
from linerisk.settings import Settings

Unguarded = Callable[[str], Any]

MakeRecords = Callable[..., list[DecisionRecord]]


SECRET = "hunter2"  # noqa: S105  # of nothing
DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg"}


def test_the_revision_that_opening_asks_for_is_the_newest_migration() -> None:
    assert ScriptDirectory(str(store._MIGRATIONS)).get_heads() == [HEAD]


def test_migrations_make_the_tables_that_the_code_reads(log: DecisionLog) -> None:
    with log._engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_a_commit_is_on_disk_when_it_returns(sqlite_url: str) -> None:
    with DecisionLog(sqlite_url) as log, log._engine.connect() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout", "secure_delete")
        }
    expected = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5_000, "secure_delete": 1}
    assert pragmas == expected


def test_a_server_set_to_lose_its_last_commits_is_overruled(postgresql_url: str) -> None:
    name = make_url(postgresql_url).database
    with DecisionLog(postgresql_url) as log, log._engine.connect() as connection:
        connection.exec_driver_sql(f"ALTER DATABASE {name} SET synchronous_commit = off")
        connection.exec_driver_sql(f"ALTER DATABASE {name} SET default_transaction_isolation = serializable")
        connection.commit()
    with DecisionLog(postgresql_url) as log, log._engine.connect() as connection:
        said = {
            name: connection.exec_driver_sql(f"SHOW {name}").scalar()
            for name in ("synchronous_commit", "lock_timeout", "transaction_isolation")
        }
    assert said == {"synchronous_commit": "on", "lock_timeout": "5s", "transaction_isolation": "read committed"}


def test_a_database_that_cannot_hold_every_text_is_refused(postgresql: Any) -> None:
    engine = create_engine(postgresql.get_uri(driver="psycopg"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    engine.dispose()
    with pytest.raises(DecisionLogError) as caught:
        DecisionLog(postgresql.get_uri("latin"))
    assert (caught.value.expected, caught.value.found) == ("server_encoding = UTF8", "server_encoding = LATIN1")


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_log_in_memory_is_refused(url: str) -> None:
    with pytest.raises(DecisionLogError, match="outlive"):
        DecisionLog(url)


def test_a_missing_store_is_not_made_by_who_only_reads(tmp_path: Path) -> None:
    with pytest.raises(DecisionLogError, match="no decision log"):
        DecisionLog(f"sqlite:///{tmp_path / 'none.db'}", create=False)
    assert list(tmp_path.iterdir()) == []


def test_an_empty_file_or_database_is_not_filled_by_who_only_reads(url: str, tmp_path: Path) -> None:
    (tmp_path / "decisions.db").touch()
    with pytest.raises(DecisionLogError, match="no decision log") as caught:
        DecisionLog(url, create=False)
    assert "LINERISK_DECISION_LOG" in caught.value.todo
    assert (tmp_path / "decisions.db").stat().st_size == 0
    engine = create_engine(make_url(url).set(drivername=DRIVERS[make_url(url).drivername]))
    assert inspect(engine).get_table_names() == []
    engine.dispose()


def test_a_database_that_does_not_exist_is_named(postgresql: Any) -> None:
    with pytest.raises(DecisionLogError, match='"nowhere" does not exist'):
        DecisionLog(postgresql.get_uri("nowhere"), create=False)


@pytest.mark.parametrize(
    "wrong",
    [
        "postgresql://me:{secret}@127.0.0.1:1/log",
        "postgresql+psycopg://me@127.0.0.1:1/log?password={secret}",
        "postgresql://me:{secret}@127.0.0.1:port/log",
        "postgresql://me:{secret}@more@127.0.0.1:1/log",
        "postgresql://me:more@{secret}@127.0.0.1:1/log",
        "postgresql://me:more/{secret}@127.0.0.1:1/log",
        "mysql://me:{secret}@127.0.0.1:1/log",
        "me:{secret}@127.0.0.1:1/log",
    ],
)
def test_a_password_is_in_no_error(wrong: str, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(DecisionLogError) as caught:
        DecisionLog(wrong.format(secret=SECRET))
    told = "".join(traceback.format_exception(caught.value)) + caplog.text
    assert SECRET not in told


def test_a_password_is_not_shown_with_settings() -> None:
    settings = Settings(
        decision_log=f"postgresql://me:{SECRET}@db/log", tracking_uri=f"postgresql://me:{SECRET}@db/runs"
    )
    assert SECRET not in f"{settings!r}"
    assert store.without_password(settings.decision_log_url) == "postgresql://me:***@db/log"


def test_folders_are_made_for_a_new_store(tmp_path: Path) -> None:
    with DecisionLog(f"sqlite:///{tmp_path / 'var' / 'log' / 'decisions.db'}") as log:
        assert log.count() == 0


def test_nobody_else_may_read_the_files_of_a_store(sqlite_url: str, tmp_path: Path, make_records: MakeRecords) -> None:
    with DecisionLog(sqlite_url) as log:
        log.append("suspension", "r-1", "body", make_records("r-1"))
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.glob("decisions.db*")}
    assert modes.keys() >= {"decisions.db", "decisions.db-wal"}
    assert {mode for name, mode in modes.items() if not name.endswith(".lock")} == {0o600}


@pytest.mark.parametrize("create", [True, False])
def test_a_store_of_a_newer_program_is_refused(url: str, unguarded: Unguarded, create: bool) -> None:  # noqa: FBT001
    DecisionLog(url).close()
    with unguarded(url) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DecisionLogError, match="another version"):
        DecisionLog(url, create=create)


def test_a_store_of_an_older_program_is_brought_up_to_date_and_stands(
    url: str, make_records: MakeRecords, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as older:
        older.setattr(store, "HEAD", "0001")
        DecisionLog(url).close()
    engine = create_engine(make_url(url).set(drivername=DRIVERS[make_url(url).drivername]))
    [record] = make_records("r-1")
    kept = digest(record.to_json())
    with engine.begin() as connection:
        connection.execute(
            text("INSERT INTO requests VALUES ('suspension', 'r-1', 'body', '2024-07-01T00:00:00.000000Z', '[]', 1, 1)")
        )
        connection.execute(
            text(
                "INSERT INTO decisions VALUES (1, :id, 'r-1', 'line-0', :at, :at, :tier, :json, :kept, :start, :hash)"
            ),
            {
                "id": record.decision_id,
                "at": sortable(record.as_of),
                "tier": record.tier,
                "json": record.to_json().decode(),
                "kept": kept,
                "start": GENESIS,
                "hash": link(GENESIS, kept, 1),
            },
        )
    engine.dispose()
    with pytest.raises(DecisionLogError, match="another version"):
        DecisionLog(url, create=False)
    with DecisionLog(url) as log:
        assert log.get(record.decision_id) == record
        log.append("suspension", "r-2", "body", make_records("r-2"))
        assert (log.verify().ok, log.count()) == (True, 2)


def test_a_file_that_is_no_store_is_refused(tmp_path: Path) -> None:
    (tmp_path / "decisions.db").write_bytes(b"not a database, but long enough to look at" * 100)
    with pytest.raises(DecisionLogError, match="cannot be used"):
        DecisionLog(f"sqlite:///{tmp_path / 'decisions.db'}")


def test_an_error_of_the_store_names_no_line(log: DecisionLog, make_records: MakeRecords) -> None:
    [record] = make_records("r-1")
    log.append("suspension", "r-1", "body", [record])
    [clash] = make_records("r-2")
    clash = type(clash).from_json(clash.to_json().replace(clash.decision_id.encode(), record.decision_id.encode()))
    with pytest.raises(DecisionLogError) as caught:
        log.append("suspension", "r-2", "body", [clash])
    assert record.line_id not in f"{caught.value} {caught.value.__cause__}"


def test_opening_an_existing_store_does_not_load_the_migration_tool(url: str) -> None:
    DecisionLog(url).close()
    program = f"import sys; from linerisk.decisions.log import DecisionLog; DecisionLog({url!r}).close(); "
    program += "sys.exit(any(name in sys.modules for name in ('alembic', 'lightgbm', 'bentoml', 'mlflow', 'scipy')))"
    assert subprocess.run([sys.executable, "-W", "error", "-c", program], check=False).returncode == 0
