"""`requirements.lock`: exact versions with hashes, no addresses, every dependency covered."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def lock() -> list[str]:
    """Requirements of the lock, each on one line with its hashes."""
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8").replace("\\\n", " ")
    return [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]


@pytest.fixture(scope="module")
def versions(lock: list[str]) -> dict[str, str]:
    """Version by normalised name."""
    return {canonicalize_name(name): version for name, version in (_pin(line) for line in lock)}


def _pin(line: str) -> tuple[str, str]:
    found = re.match(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;]+)", line)
    assert found is not None, line
    return found[1], found[2]


def test_every_requirement_is_exact_and_has_a_hash(lock: list[str]) -> None:
    assert [line for line in lock if not re.search(r"--hash=sha256:[0-9a-f]{64}\b", line)] == []
    assert len(lock) > len(_declared())
    for line in lock:
        _pin(line)


def test_nothing_is_locked_twice(lock: list[str], versions: dict[str, str]) -> None:
    assert len(versions) == len(lock)


def test_the_lock_names_no_address(lock: list[str]) -> None:
    assert [line for line in lock if "://" in line or " @ " in line] == []
    assert [line for line in lock if line.startswith("-")] == []


def test_every_dependency_is_locked_at_a_version_that_it_allows(versions: dict[str, str]) -> None:
    for requirement in _declared():
        name = canonicalize_name(requirement.name)
        assert name in versions, name
        assert requirement.specifier.contains(Version(versions[name]), prereleases=True), (name, versions[name])


def _declared() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    named = [*project["project"]["dependencies"], *project["build-system"]["requires"]]
    for group in project["project"]["optional-dependencies"].values():
        named += group
    return [Requirement(text) for text in named]
