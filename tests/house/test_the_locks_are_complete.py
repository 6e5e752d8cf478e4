"""Both lock files: exact versions with hashes, no URLs, and every runtime and development requirement once."""

import re
import subprocess
import tomllib
from collections.abc import Iterator
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
RUNTIME, DEVELOPMENT = "requirements.lock", "requirements-dev.lock"
Locks = dict[str, list[str]]


@pytest.fixture(scope="module")
def locks() -> Locks:
    """Requirements of each lock, each on one line with its hashes."""
    found = {}
    for name in (RUNTIME, DEVELOPMENT):
        text = (ROOT / name).read_text(encoding="utf-8").replace("\\\n", " ")
        found[name] = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return found


@pytest.fixture(scope="module")
def pins(locks: Locks) -> dict[str, dict[str, str]]:
    """Version by normalised name, for each lock."""
    return {
        lock: {canonicalize_name(name): version for name, version in map(_pin, lines)} for lock, lines in locks.items()
    }


def _pin(line: str) -> tuple[str, str]:
    found = re.match(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;]+)", line)
    assert found is not None, line
    return found[1], found[2]


def test_every_requirement_is_exact_and_has_a_hash(locks: Locks) -> None:
    lines = locks[RUNTIME] + locks[DEVELOPMENT]
    assert [line for line in lines if not re.search(r"--hash=sha256:[0-9a-f]{64}\b", line)] == []
    assert len(lines) > len(_for_running() + _for_development())
    for line in lines:
        _pin(line)


def test_nothing_is_locked_twice(locks: Locks, pins: dict[str, dict[str, str]]) -> None:
    assert len({**pins[RUNTIME], **pins[DEVELOPMENT]}) == len(locks[RUNTIME]) + len(locks[DEVELOPMENT])


def test_the_locks_name_no_address(locks: Locks) -> None:
    lines = locks[RUNTIME] + locks[DEVELOPMENT]
    assert [line for line in lines if "://" in line or " @ " in line] == []
    assert [line for line in lines if line.startswith("-")] == []


def test_every_dependency_is_locked_at_a_version_that_it_allows(pins: dict[str, dict[str, str]]) -> None:
    runtime, everything = pins[RUNTIME], {**pins[RUNTIME], **pins[DEVELOPMENT]}
    for declared, locked in ((_for_running(), runtime), (_for_development(), everything)):
        for requirement in declared:
            name = canonicalize_name(requirement.name)
            assert name in locked, name
            assert requirement.specifier.contains(Version(locked[name]), prereleases=True), (name, locked[name])


def test_the_runtime_lock_holds_exactly_what_running_needs(pins: dict[str, dict[str, str]]) -> None:
    assert _needed(_for_running()) == set(pins[RUNTIME])


def test_both_locks_hold_exactly_what_development_needs(pins: dict[str, dict[str, str]]) -> None:
    assert _needed(_for_running() + _for_development()) == set(pins[RUNTIME]) | set(pins[DEVELOPMENT])


def test_both_distributions_of_mlflow_have_one_version(pins: dict[str, dict[str, str]]) -> None:
    assert pins[RUNTIME]["mlflow-skinny"] == pins[DEVELOPMENT]["mlflow"]


@pytest.mark.parametrize(
    ("target", "locks"), [("demo", [RUNTIME]), ("serve", [RUNTIME]), ("test", [RUNTIME, DEVELOPMENT])]
)
def test_a_target_of_make_installs_what_it_needs_and_no_more(target: str, locks: list[str]) -> None:
    command = ["make", "--dry-run", "--always-make", target]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    assert re.findall(r"--require-hashes -r (\S+)", printed) == locks


def _for_running() -> list[Requirement]:
    """Requirements of the runtime and of the build of the package."""
    project = _pyproject()
    build = [*project["build-system"]["requires"], *project["project"]["optional-dependencies"]["build"]]
    return [Requirement(text) for text in [*project["project"]["dependencies"], *build]]


def _for_development() -> list[Requirement]:
    return [Requirement(text) for text in _pyproject()["project"]["optional-dependencies"]["dev"]]


def _pyproject() -> dict[str, dict[str, dict[str, list[str]]]]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def _needed(declared: list[Requirement]) -> set[str]:
    """Names of the requirements and of their dependencies, as the installed packages declare them."""
    waiting, seen = list(declared), set()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        for extra in ("", *requirement.extras):
            if (name, extra) not in seen:
                seen.add((name, extra))
                waiting += _requires(name, extra)
    return {name for name, _ in seen}


def _requires(name: str, extra: str) -> Iterator[Requirement]:
    for text in requires(name) or []:
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
            yield requirement
