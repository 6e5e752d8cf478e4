"""`docs/adr`: numbered without gaps, with the same five parts, half a page each."""

import re
from datetime import date
from pathlib import Path

import pytest

ADR = Path(__file__).resolve().parents[2] / "docs" / "adr"
RECORDS = sorted(ADR.glob("[0-9]*.md"))
SUPERSEDED = re.compile(r"^Superseded by \d+$", flags=re.MULTILINE)
PARTS = ["Status", "Context", "Decision", "Consequences"]
MOST_WORDS = 300


def test_numbers_are_unique_and_without_gaps() -> None:
    assert [int(path.name[:4]) for path in RECORDS] == list(range(1, len(RECORDS) + 1))


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_a_record_has_its_number_its_date_and_its_parts(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    heading = re.match(r"# (\d+)\. \S.*\n\nDate: (\S+)\n", text)
    assert heading is not None
    assert int(heading[1]) == int(path.name[:4])
    assert date.fromisoformat(heading[2])
    assert re.findall(r"^## (.+)$", text, flags=re.MULTILINE) == PARTS
    for part in re.split(r"^## .+$", text, flags=re.MULTILINE)[1:]:
        assert part.strip()


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_a_record_is_half_a_page(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").split()) <= MOST_WORDS


def test_the_index_has_the_title_and_status_of_every_record() -> None:
    rows = re.findall(
        r"^\| \[(\d+)\]\(([^)]+)\) \| (.+?) \| (.+?) \| .+ \|$", (ADR / "README.md").read_text("utf-8"), re.MULTILINE
    )
    expected = []
    for path in RECORDS:
        text = path.read_text(encoding="utf-8")
        heading = re.match(r"# (\d+)\. (.+)\n", text)
        status = re.search(r"^## Status\n\n(.+)$", text, flags=re.MULTILINE)
        assert heading is not None
        assert status is not None
        expected.append((heading[1], path.name, heading[2], status[1]))
    assert rows == expected


def test_a_record_that_names_code_names_code_that_exists() -> None:
    """Names such as `model.tiers` or `evaluation.gates.run` are modules of the package, or things in them."""
    package = ADR.parents[1] / "src" / "linerisk"
    rooms = {path.name.removesuffix(".py") for path in package.iterdir()}
    wrong = []
    for record in RECORDS:
        if SUPERSEDED.search(record.read_text(encoding="utf-8")):
            continue  # tells of code that is gone
        for name in re.findall(r"`([a-z_]+(?:\.\w+)+)`", record.read_text(encoding="utf-8")):
            parts = name.split(".")
            if parts[0] not in rooms or parts[-1] in {"toml", "json", "txt", "yaml", "lock", "db"}:
                continue
            module = _module(package, parts)
            if module is None or not all(re.search(rf"\b{part}\b", module[0]) for part in module[1]):
                wrong.append((record.name, name))
    assert wrong == []


def _module(package: Path, parts: list[str]) -> tuple[str, list[str]] | None:
    """The text of the longest module path in `parts`, and what is left of it."""
    for length in range(len(parts), 0, -1):
        path = package.joinpath(*parts[:length])
        for file in (path.with_suffix(".py"), path / "__init__.py"):
            if file.is_file():
                return file.read_text(encoding="utf-8"), parts[length:]
    return None
