"""What the tests of documents share."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

HERE = Path(__file__).parent
NAMED = re.compile(r"`(test_\w+)`")
DEFINED = re.compile(r"^\s*(?:async )?def (test_\w+)\(", flags=re.MULTILINE)


@pytest.fixture(scope="session")
def pages() -> ModuleType:
    """What prints the generated parts of the manual."""
    spec = importlib.util.spec_from_file_location("linerisk_pages", HERE / "pages.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def root() -> Path:
    """The project."""
    return HERE.parents[1]


@pytest.fixture(scope="session")
def documents(root: Path) -> dict[str, str]:
    """Every Markdown document of the project by its path."""
    places = ("*.md", "docs/**/*.md", "models/**/*.md", "notebooks/**/*.md", "policies/**/*.md", "tests/**/*.md")
    found = sorted({path for place in places for path in root.glob(place)})
    return {str(path.relative_to(root)): path.read_text(encoding="utf-8") for path in found}


@pytest.fixture(scope="session")
def defined(root: Path) -> set[str]:
    """Names of all tests that there are."""
    return {name for path in root.glob("tests/**/test_*.py") for name in DEFINED.findall(path.read_text("utf-8"))}


@pytest.fixture(scope="session")
def named() -> Callable[[str], list[str]]:
    """Names of tests that a text gives in backticks."""
    return NAMED.findall
