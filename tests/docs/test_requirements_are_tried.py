"""Every requirement has its row, and what a row says to hold is tried by tests that are there."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

STATES = {"holds", "partly", "operator's", "not yet"}
PLACE = re.compile(r"`((?:src|docs|policies)(?:/[\w./-]+)?)`")
Row = list[str]


@pytest.fixture(scope="module")
def rows(root: Path) -> dict[str, Row]:
    """Cells by requirement: what, ground, state, where, tests."""
    text = (root / "docs" / "requirements.md").read_text(encoding="utf-8")
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:3] == "| R"]
    assert len({row[0] for row in cells}) == len(cells)
    return {row[0]: row[1:] for row in cells}


def test_every_requirement_has_its_row(rows: dict[str, Row]) -> None:
    assert list(rows) == [f"R{number:02}" for number in range(1, 31)]
    assert all(len(row) == 5 and row[0] and row[1] for row in rows.values())
    assert {row[2] for row in rows.values()} == STATES


def test_every_test_that_a_requirement_names_exists(
    rows: dict[str, Row], defined: set[str], named: Callable[[str], list[str]]
) -> None:
    names = {name for row in rows.values() for cell in row for name in named(cell)}
    assert len(names) > 30
    assert sorted(names - defined) == []


def test_what_is_said_to_hold_is_tried_and_what_is_lacking_is_said(
    rows: dict[str, Row], named: Callable[[str], list[str]]
) -> None:
    ours = {number: row for number, row in rows.items() if row[2] in {"holds", "partly"}}
    assert [number for number, row in ours.items() if not named(row[4])] == []
    assert [number for number, row in ours.items() if not row[3]] == []


def test_every_place_that_a_requirement_names_is_there(root: Path, rows: dict[str, Row]) -> None:
    places = {place for row in rows.values() for place in PLACE.findall(row[3])}
    assert len(places) > 5
    assert [place for place in sorted(places) if not (root / place).exists()] == []


def test_each_cell_of_tests_holds_nothing_else(rows: dict[str, Row], named: Callable[[str], list[str]]) -> None:
    assert [row[4] for row in rows.values() if row[4] != ", ".join(f"`{name}`" for name in named(row[4]))] == []
