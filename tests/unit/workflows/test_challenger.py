"""Which version people see as the one that asks to be live: what the registry's alias says, unless it ever was live."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from linerisk.cli import app
from linerisk.errors import ArtefactError
from linerisk.live import ChallengerHolder, Live
from linerisk.settings import Settings
from linerisk.training.fit import Recipe
from linerisk.workflows.registries import registry_for
from linerisk.workflows.release import promote, publish, rollback
from linerisk.workflows.train import train_table

AS_OF = datetime(2024, 4, 22, tzinfo=UTC)
NOBODY_LISTENS = "http://127.0.0.1:9"


def train(settings: Settings, table: Path, *, seed: int, name: str = "linerisk") -> None:
    recipe = Recipe(trees=20, seed=seed)
    train_table(settings, table, label="y", id_column="line_id", trained_by="li", name=name, recipe=recipe)


def asks(settings: Settings) -> str | None:
    challenger = ChallengerHolder(settings.live).current()
    return None if challenger is None else challenger.meta.version


def test_a_version_is_the_challenger_from_its_training_until_it_is_live(tmp_path: Path, small_table: Path) -> None:
    home = Settings(home=tmp_path)
    train(home, small_table, seed=1, name="other")
    assert asks(home) is None
    train(home, small_table, seed=1)
    assert asks(home) == "1"
    promote(home, "1", by="li", approver="wang")
    assert asks(home) is None

    train(home, small_table, seed=2)
    assert (asks(home), Live.open(home.live).model_meta.version) == ("2", "1")
    promote(home, "2", by="li", approver="wang")
    assert asks(home) is None
    # The alias stays with it, but nobody asks for what was just taken back.
    rollback(home, by="chen", reason="a drill")
    assert (asks(home), Live.open(home.live).model_meta.version) == (None, "1")


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A record store of three days of twenty simulated lines."""
    source, store = str(tmp_path / "source"), tmp_path / "store"
    for words in (
        ("simulate", source, "--lines", "20", "--days", "3", "--seed", "1", "--start", "2024-04-19"),
        ("ingest", source, "--store", str(store), "--home", str(tmp_path / "keyed")),
    ):
        assert CliRunner().invoke(app, words).exit_code == 0
    return store


def test_publishing_copies_a_challenger_trained_under_another_home(
    tmp_path: Path, small_table: Path, store: Path
) -> None:
    shared = f"sqlite:///{tmp_path / 'mlflow.db'}"
    training, serving = (Settings(home=tmp_path / name, tracking_uri=shared) for name in ("training", "serving"))
    train(training, small_table, seed=1)
    assert (asks(training), asks(serving)) == ("1", None)
    publish(serving, store, as_of=AS_OF)
    assert asks(serving) == "1"
    promote(training, "1", by="li", approver="wang")
    publish(serving, store, as_of=AS_OF)
    assert asks(serving) is None


def test_publishing_does_not_wait_for_the_registry(
    tmp_path: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    for number, uri in enumerate((None, NOBODY_LISTENS)):
        home = Settings(home=tmp_path / f"home-{number}", tracking_uri=uri)
        assert publish(home, store, as_of=AS_OF).lines == 20
        assert asks(home) is None


def test_a_version_that_cannot_be_copied_is_reported_without_failing_the_promotion(
    tmp_path: Path, small_table: Path
) -> None:
    home = Settings(home=tmp_path)
    train(home, small_table, seed=1)
    train(home, small_table, seed=2)
    assert asks(home) == "2"
    shutil.rmtree(registry_for(home).folder("2"))
    promote(home, "1", by="li", approver="wang")
    assert Live.open(home.live).model_meta.version == "1"
    with pytest.raises(ArtefactError, match="version 2 could not be brought here"):
        ChallengerHolder(home.live).current()
