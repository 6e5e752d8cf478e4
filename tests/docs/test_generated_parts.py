"""What is printed from the code is what the pages say. If not: `python tests/docs/pages.py`."""

from collections import defaultdict
from pathlib import Path
from types import ModuleType

import pytest

from linerisk.errors import LineriskError


@pytest.mark.parametrize(
    "name",
    [
        "errors.md",
        "images/house.svg",
        "architecture.md",
        "data.md",
        "mappings.md",
        "operations/README.md",
        "operations/install.md",
        "simulation.md",
    ],
)
def test_the_page_is_current(name: str, pages: ModuleType, root: Path) -> None:
    assert (root / "docs" / name).read_text(encoding="utf-8") == pages.printed(name), "python tests/docs/pages.py"


def test_every_page_that_is_printed_is_tested_here(pages: ModuleType) -> None:
    assert set(pages.PAGES) == {
        "errors.md",
        "images/house.svg",
        "architecture.md",
        "data.md",
        "mappings.md",
        "operations/README.md",
        "operations/install.md",
        "simulation.md",
    }


def test_every_error_says_what_it_means_in_its_own_words(pages: ModuleType) -> None:
    for kind in pages.error_kinds():
        assert kind.__doc__ != LineriskError.__doc__, kind
        assert pages.meaning(kind).endswith("."), kind


def test_every_error_has_a_code_of_its_own_and_one_code_has_one_status(pages: ModuleType) -> None:
    statuses = defaultdict(set)
    for kind in pages.error_kinds():
        assert "code" in vars(kind), kind
        if pages.http_status(kind) != "–":
            statuses[kind.code].add(pages.http_status(kind))
    assert {code: found for code, found in statuses.items() if len(found) > 1} == {}


def test_an_error_that_is_defined_anywhere_is_found(pages: ModuleType) -> None:
    codes = {kind.code for kind in pages.error_kinds()}
    assert {"usage", "input", "conflict", "wrong_value", "internal"} <= codes


def test_a_page_without_its_marks_is_refused(pages: ModuleType) -> None:
    with pytest.raises(ValueError, match="begin: settings"):
        pages.with_part("# Operations\n", "settings", "| a |")


def test_a_part_is_replaced_between_its_marks_and_nothing_else_is(pages: ModuleType) -> None:
    page = "before\n<!-- begin: x -->\nold\n<!-- end: x -->\nafter\n"
    assert pages.with_part(page, "x", "new") == page.replace("old", "new")
