"""Linting, formatting, types and import contracts as tests; a failure contains the output of the tool."""

from collections.abc import Callable

Tool = Callable[..., None]


def test_ruff_finds_nothing(tool: Tool) -> None:
    tool("ruff", "check", "--no-fix", "--output-format=concise", ".")


def test_every_file_is_formatted(tool: Tool) -> None:
    tool("ruff", "format", "--check", ".")


def test_mypy_finds_nothing(tool: Tool) -> None:
    tool("mypy")


def test_rooms_import_only_lower_rooms(tool: Tool) -> None:
    tool("lint-imports", "--no-cache")
