"""A store is durable, at its newest revision, and refused where it cannot be either."""

import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_mock_engine

from linerisk.decisions import store
from linerisk.decisions.log import DecisionLog
from linerisk.decisions.record import DecisionRecord
from linerisk.decisions.schema import HEAD, metadata
from linerisk.errors import DecisionLogError

MakeRecords = Callable[..., list[DecisionRecord]]


def test_the_revision_that_opening_asks_for_is_the_newest_migration() -> None:
    assert ScriptDirectory(str(store._MIGRATIONS)).get_heads() == [HEAD]


def test_migrations_make_the_tables_that_the_code_reads(log: DecisionLog) -> None:
    with log._engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_a_commit_is_on_disk_when_it_returns(log: DecisionLog) -> None:
    with log._engine.connect() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5_000}


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_log_in_memory_is_refused(url: str) -> None:
    with pytest.raises(DecisionLogError, match="outlive"):
        DecisionLog(url)


def test_a_missing_store_is_not_made_by_who_only_reads(tmp_path: Path) -> None:
    with pytest.raises(DecisionLogError, match="no decision log"):
        DecisionLog(f"sqlite:///{tmp_path / 'none.db'}", create=False)
    assert list(tmp_path.iterdir()) == []


def test_folders_are_made_for_a_new_store(tmp_path: Path) -> None:
    with DecisionLog(f"sqlite:///{tmp_path / 'var' / 'log' / 'decisions.db'}") as log:
        assert log.count() == 0


def test_nobody_else_may_read_the_files_of_a_store(log: DecisionLog, tmp_path: Path, make_records: MakeRecords) -> None:
    log.append("suspension", "r-1", "body", make_records("r-1"))
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.glob("decisions.db*")}
    assert modes.keys() >= {"decisions.db", "decisions.db-wal"}
    assert {mode for name, mode in modes.items() if not name.endswith(".lock")} == {0o600}


def test_a_store_of_a_newer_program_is_refused(url: str, tmp_path: Path) -> None:
    DecisionLog(url).close()
    with closing(sqlite3.connect(tmp_path / "decisions.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(DecisionLogError, match="another version"):
        DecisionLog(url)


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


def test_the_same_tables_can_be_written_for_postgresql() -> None:
    said: list[str] = []
    engine = create_mock_engine(
        "postgresql://", lambda statement, *_: said.append(str(statement.compile(dialect=engine.dialect)))
    )
    metadata.create_all(engine, checkfirst=False)
    assert "seq BIGINT NOT NULL" in "".join(said)
