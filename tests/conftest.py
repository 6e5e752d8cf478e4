"""One small simulated operator for every test that needs a trained model: simulated, ingested, trained, live."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from linerisk.cli.walk import AS_OF, DAYS, ID_KEY, LINES, SEED
from linerisk.records.simulation import simulate
from linerisk.records.simulation.story import Story, write_story
from linerisk.settings import Settings
from linerisk.tables.identity import load_secret
from linerisk.tables.intake import IntakeReport, ingest
from linerisk.workflows.release import promote, publish
from linerisk.workflows.train import Trained, train_store


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
