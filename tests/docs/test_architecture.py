"""`docs/architecture.md` shows the rooms that stand, in the layers of the import contract."""

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


def test_every_room_says_what_it_does_and_what_it_refuses_and_no_other_does(page: str, pages: ModuleType) -> None:
    table = page.split("## What each room does")[1].split("\n## ", maxsplit=1)[0]
    rows = [
        [cell.strip(" `") for cell in line.strip("|").split("|")] for line in table.splitlines() if line[:2] == "| "
    ]
    said = {cells[0]: cells[1:] for cells in rows if cells[0] != "room"}
    assert set(said) == pages.rooms()
    assert [room for room, cells in said.items() if not all(cells)] == []


def test_every_room_is_in_the_picture_and_no_other_is(page: str, pages: ModuleType) -> None:
    picture = page.split("```mermaid")[1].split("```", maxsplit=1)[0]
    assert set(re.findall(r"^ +(\w+):::", picture, flags=re.MULTILINE)) == pages.rooms()


def test_the_layers_of_the_page_are_those_of_the_contract(page: str, contract_layers: list[str]) -> None:
    listed = page.split("<!-- begin: layers -->")[1].split("<!-- end: layers -->", maxsplit=1)[0]
    named = re.findall(r"`(\w+)`", listed)
    assert named == [room for room in contract_layers if room in set(named)]


def test_every_room_has_its_layer_in_the_contract(contract_layers: list[str], pages: ModuleType) -> None:
    assert pages.rooms() - set(contract_layers) == set()


def test_arrows_of_the_picture_go_down(page: str, contract_layers: list[str]) -> None:
    arrows = re.findall(r"^ +(\w+) --> (\w+)$", page, flags=re.MULTILINE)
    assert arrows
    order = {room: depth for depth, room in enumerate(contract_layers)}
    assert [(above, below) for above, below in arrows if order[above] >= order[below]] == []


def test_an_arrow_that_follows_from_others_is_left_out(pages: ModuleType) -> None:
    arrows = set(pages.arrows())
    assert ("training", "features") in arrows
    assert ("training", "tables") not in arrows
