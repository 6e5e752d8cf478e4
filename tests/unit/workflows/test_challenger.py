"""Which version people see as the one that asks to be live: what the registry's alias says, unless it ever was live."""

import shutil
from pathlib import Path

import pytest

from linerisk.errors import ArtefactError
from linerisk.live import ChallengerHolder, Live
from linerisk.settings import Settings
from linerisk.training.fit import Recipe
from linerisk.workflows.registries import registry_for
from linerisk.workflows.release import promote, rollback
from linerisk.workflows.train import train_table


def train(settings: Settings, table: Path, *, seed: int, name: str = "linerisk") -> None:
    recipe = Recipe(trees=20, seed=seed)
    train_table(settings, table, label="y", id_column="line_id", trained_by="li", name=name, recipe=recipe)


def asks(settings: Settings) -> str | None:
    challenger = ChallengerHolder(settings.live).current()
    return None if challenger is None else challenger.meta.version


def test_a_version_asks_from_its_training_until_it_is_live(tmp_path: Path, small_table: Path) -> None:
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


def test_a_version_that_cannot_be_brought_fails_no_promotion_and_is_told(tmp_path: Path, small_table: Path) -> None:
    home = Settings(home=tmp_path)
    train(home, small_table, seed=1)
    train(home, small_table, seed=2)
    assert asks(home) == "2"
    shutil.rmtree(registry_for(home).folder("2"))
    promote(home, "1", by="li", approver="wang")
    assert Live.open(home.live).model_meta.version == "1"
    with pytest.raises(ArtefactError, match="version 2 could not be brought here"):
        ChallengerHolder(home.live).current()
