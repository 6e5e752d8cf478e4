"""Every measure that the threat model names is tried by a test that is there."""

from collections.abc import Callable
from pathlib import Path


def test_every_test_that_the_threat_model_names_exists(
    root: Path, defined: set[str], named: Callable[[str], list[str]]
) -> None:
    names = named((root / "docs" / "security.md").read_text(encoding="utf-8"))
    assert len(names) > 40
    assert sorted(set(names) - defined) == []


def test_every_threat_says_what_stops_it_and_what_tries_it(root: Path) -> None:
    text = (root / "docs" / "security.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("|") and not line.startswith("|---")]
    threats = [row.strip("|").split("|") for row in rows if "test" in row or "gate" in row or "assessment" in row]
    assert len(threats) > 25
    assert all(len(row) == 3 and all(cell.strip() for cell in row) for row in threats)
