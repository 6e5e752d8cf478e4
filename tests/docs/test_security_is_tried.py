"""Every measure that the threat model names is tried by a test that is there."""

import re
from pathlib import Path

import pytest

NAMED = re.compile(r"`(test_\w+)`")
DEFINED = re.compile(r"^\s*(?:async )?def (test_\w+)\(", flags=re.MULTILINE)


@pytest.fixture(scope="module")
def named(root: Path) -> list[str]:
    return NAMED.findall((root / "docs" / "security.md").read_text(encoding="utf-8"))


def test_every_test_that_the_threat_model_names_exists(root: Path, named: list[str]) -> None:
    defined = {name for path in root.glob("tests/**/test_*.py") for name in DEFINED.findall(path.read_text("utf-8"))}
    assert len(named) > 40
    assert sorted(set(named) - defined) == []


def test_every_threat_says_what_stops_it_and_what_tries_it(root: Path) -> None:
    text = (root / "docs" / "security.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("|") and not line.startswith("|---")]
    threats = [row.strip("|").split("|") for row in rows if "test" in row or "gate" in row or "assessment" in row]
    assert len(threats) > 25
    assert all(len(row) == 3 and all(cell.strip() for cell in row) for row in threats)
