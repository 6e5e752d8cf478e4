"""The files of the tree, and a runner of development tools."""

from __future__ import annotations

import ast
import fnmatch
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "linerisk"
BIN = Path(sys.executable).parent


@pytest.fixture(scope="session")
def modules() -> dict[str, ast.Module]:
    """Every Python file of the package by its path in the project."""
    return {name: tree for name, tree in _parsed() if name.startswith("src/")}


@pytest.fixture(scope="session")
def python_files() -> dict[str, ast.Module]:
    """Every Python file of the project, tests included."""
    return dict(_parsed())


@pytest.fixture(scope="session")
def texts() -> dict[str, str]:
    """Every text file of the tree, without those that `.gitignore` excludes, by its path in the project."""
    found = {}
    for path in _files(ROOT):
        try:
            found[str(path.relative_to(ROOT))] = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
    return found


@pytest.fixture(scope="session")
def tool() -> Callable[..., None]:
    """Runs a tool of `.venv` in the project; a failure contains its output."""

    def run(*command: str) -> None:
        done = subprocess.run([BIN / command[0], *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.fail(f"{' '.join(command)}\n{done.stdout}{done.stderr}", pytrace=False)

    return run


def _parsed() -> Iterator[tuple[str, ast.Module]]:
    for path in _files(ROOT):
        if path.suffix == ".py":
            yield str(path.relative_to(ROOT)), ast.parse(path.read_text(encoding="utf-8"))


def _files(folder: Path) -> Iterator[Path]:
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").split()
    patterns = [".git", *(line.rstrip("/") for line in ignored)]
    for path in sorted(folder.iterdir()):
        if any(fnmatch.fnmatch(path.name, pattern) for pattern in patterns):
            continue
        if path.is_dir():
            yield from _files(path)
        else:
            yield path
