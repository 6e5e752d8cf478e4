"""`docs/architecture.md` and its picture show the rooms of the code, in the layers of the import contract."""

import re
import tomllib
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    return (root / "docs" / "architecture.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def contract_layers(root: Path) -> list[str]:
    settings = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    contract = next(each for each in settings["tool"]["importlinter"]["contracts"] if each["type"] == "layers")
    return [name.strip(" ()") for layer in contract["layers"] for name in re.split(r"[|:]", layer)]


def test_the_table_has_a_row_for_every_room_and_no_other(page: str, pages: ModuleType) -> None:
    table = page.split("## What each room does")[1].split("\n## ", maxsplit=1)[0]
    rows = [
        [cell.strip(" `") for cell in line.strip("|").split("|")] for line in table.splitlines() if line[:2] == "| "
    ]
    described = {cells[0]: cells[1:] for cells in rows if cells[0] != "room"}
    assert set(described) == pages.rooms()
    assert [room for room, cells in described.items() if not all(cells)] == []


def test_every_room_is_in_the_picture_and_no_other_is(root: Path, pages: ModuleType) -> None:
    picture = (root / "docs" / "images" / "house.svg").read_text(encoding="utf-8")
    named = re.findall(r"font-size='14' font-weight='bold' fill='#111827'>(\w+)</text>", picture)
    assert sorted(named) == sorted(pages.rooms())


def test_the_layers_of_the_page_are_those_of_the_contract(page: str, contract_layers: list[str]) -> None:
    listed = page.split("<!-- begin: layers -->")[1].split("<!-- end: layers -->", maxsplit=1)[0]
    named = re.findall(r"`(\w+)`", listed)
    assert named == [room for room in contract_layers if room in set(named)]


def test_every_room_has_its_layer_in_the_contract(contract_layers: list[str], pages: ModuleType) -> None:
    assert pages.rooms() - set(contract_layers) == set()
