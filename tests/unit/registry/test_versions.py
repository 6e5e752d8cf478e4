"""Versions: registered as challengers, found again with all that was recorded, loaded only if undamaged."""

import pickletools
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from linerisk.errors import ArtefactError, RegistryError
from linerisk.model.risk_model import RiskModel
from linerisk.registry import CHALLENGER, CHAMPION, Registry, Version

Open = Callable[[str], Registry]
Register = Callable[..., Version]


def test_a_new_version_becomes_the_challenger(open_registry: Open, register: Register) -> None:
    registry = open_registry("challenger")
    first = register(registry)
    assert (first.version, first.aliases) == ("1", (CHALLENGER,))
    second = register(registry)
    assert registry.alias(CHALLENGER) == second
    assert registry.version("1").aliases == ()


def test_a_version_is_found_again_with_what_was_recorded(open_registry: Open, register: Register) -> None:
    registry = open_registry("recorded")
    register(registry, trained_by="zhao", gates="failed", recall=0.25)
    found = open_registry("recorded").version("1")
    assert (found.name, found.trained_by, found.gates) == ("recorded", "zhao", "failed")
    assert found.figures == {"average_precision": 0.6, "recall": 0.25}
    assert found.created_at.endswith("Z")


def test_versions_are_listed_newest_first(open_registry: Open, register: Register) -> None:
    registry = open_registry("listed")
    assert registry.versions() == ()
    for _ in range(2):
        register(registry)
    assert [version.version for version in registry.versions()] == ["2", "1"]


def test_models_of_other_names_are_other_models(open_registry: Open, register: Register) -> None:
    register(open_registry("mine"))
    assert open_registry("yours").versions() == ()
    assert open_registry("yours").alias(CHALLENGER) is None
    assert open_registry("yours").history() == ()


def test_a_name_may_be_in_chinese(open_registry: Open, register: Register) -> None:
    registry = open_registry("四川 2024")
    register(registry)
    assert registry.alias(CHALLENGER) == registry.version("1")
    assert len(registry.versions()) == 1


@pytest.mark.parametrize("name", ["", "  ", "a/b", "a:b", "o'brien", 'the "best"', "100%"])
def test_a_name_that_mlflow_cannot_look_up_is_refused(open_registry: Open, name: str) -> None:
    with pytest.raises(RegistryError) as refused:
        open_registry(name)
    assert refused.value.found == repr(name)


@pytest.mark.parametrize("unknown", ["99", "latest", "", "-1"])
def test_an_unknown_version_is_refused_with_the_known_ones(
    open_registry: Open, register: Register, unknown: str
) -> None:
    registry = open_registry(f"unknown{unknown}")
    for _ in range(2):
        register(registry)
    for ask in (registry.version, registry.load, registry.folder):
        with pytest.raises(RegistryError) as refused:
            ask(unknown)
        assert (refused.value.expected, refused.value.found) == ("one of 2, 1", unknown)


def test_an_unknown_version_of_an_empty_registry_is_refused_with_a_hint(open_registry: Open) -> None:
    with pytest.raises(RegistryError) as refused:
        open_registry("empty").version("1")
    assert refused.value.expected == "a version of empty, of which there is none yet"
    assert "train one first" in str(refused.value.todo)


def test_before_a_promotion_there_is_no_champion(open_registry: Open, register: Register) -> None:
    registry = open_registry("no champion")
    register(registry)
    assert registry.alias(CHAMPION) is None
    with pytest.raises(RegistryError) as refused:
        registry.champion()
    assert "linerisk promote VERSION --approver NAME" in (refused.value.todo or "")


# Artefacts ----------------------------------------------------------------------------------------------------------


def test_a_loaded_model_gives_the_margins_of_the_one_registered(
    open_registry: Open, register: Register, model: RiskModel
) -> None:
    registry = open_registry("loaded")
    register(registry)
    loaded = registry.load("1")
    rows = np.random.default_rng(1).normal(size=(50, 2)).astype(np.float32)
    assert loaded.margin(rows).tolist() == model.margin(rows).tolist()
    assert (loaded.version, len(loaded.fingerprint)) == ("1", 64)


@pytest.mark.parametrize("name", ["trees.txt", "model.json"])
def test_a_damaged_artefact_is_refused(open_registry: Open, register: Register, name: str) -> None:
    registry = open_registry(f"damaged {name}")
    register(registry)
    file = registry.folder("1") / name
    file.write_bytes(file.read_bytes().replace(b"0", b"1", 1))
    with pytest.raises(ArtefactError) as refused:
        registry.load("1")
    assert refused.value.wrong == f"{name} is damaged"


@pytest.mark.parametrize("name", ["trees.txt", "model.json", "checksums.json"])
def test_an_artefact_that_is_not_whole_is_refused(open_registry: Open, register: Register, name: str) -> None:
    registry = open_registry(f"partial {name}")
    register(registry)
    (registry.folder("1") / name).unlink()
    with pytest.raises(ArtefactError):
        registry.load("1")


def test_an_artefact_that_is_gone_is_refused(open_registry: Open, register: Register) -> None:
    registry = open_registry("gone")
    register(registry)
    folder = registry.folder("1")
    folder.rename(folder.with_name("elsewhere"))
    with pytest.raises(ArtefactError):
        registry.load("1")


def test_an_attachment_of_a_version_can_be_read(open_registry: Open, register: Register) -> None:
    registry = open_registry("beside")
    register(registry)
    assert registry.attachment("1", "gates.json") == "[]"


def test_nothing_in_the_store_is_a_pickle(open_registry: Open, register: Register, folder: Path) -> None:
    register(open_registry("no pickle"))
    files = [file for file in folder.rglob("*") if file.is_file()]
    assert {file.suffix for file in files} == {".db", ".json", ".txt", ".yaml", ""}
    # MLflow notes beside an artefact that was loaded by name which version it is.
    assert {file.name for file in files if not file.suffix} - {"registered_model_meta"} == {"MLmodel"}
    for file in files:
        if file.suffix != ".db":
            file.read_text(encoding="utf-8")
            with pytest.raises(ValueError, match=r"opcode|pickle|exhausted|invalid literal"):
                list(pickletools.genops(file.read_bytes()))


# House rules --------------------------------------------------------------------------------------------------------

FRESH = """
import sys
from pathlib import Path
from linerisk.registry import Registry
folder = Path(sys.argv[1])
registry = Registry(f"sqlite:///{folder / 'fresh.db'}", artefacts=folder / "artefacts", name="fresh")
assert registry.versions() == ()
"""


def test_a_fresh_process_with_warnings_as_errors_is_silent_from_import_to_exit(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-X", "dev", "-c", FRESH, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def test_an_attachment_can_be_rewritten_but_not_created(open_registry: Open, register: Register) -> None:
    registry = open_registry("rewritten")
    register(registry)
    assert registry.rewrite("1", "gates.json", lambda text: f"{text} 改")
    assert registry.attachment("1", "gates.json") == "[] 改"
    assert not registry.rewrite("1", "card.md", lambda text: f"{text} and more")
    assert {file.path for file in registry.client.list_artifacts(registry.version("1").run_id)} == {
        "gates.json",
        "model",
    }


def test_an_unreachable_server_is_reported_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    registry = Registry("http://127.0.0.1:9", artefacts=None)
    for query in (registry.versions, registry.history, registry.champion, lambda: registry.version("1")):
        with pytest.raises(RegistryError, match="the MLflow server does not answer") as refused:
            query()
        assert "LINERISK_TRACKING_URI" in str(refused.value.todo)
