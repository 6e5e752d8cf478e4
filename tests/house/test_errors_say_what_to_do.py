"""Errors that whoever trains, scores or gives a command can meet say what to do."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from linerisk import errors

SOURCE = Path(errors.__file__).parent
ROOMS = ("as_of.py", "batch.py", "cli", "evaluation", "registry", "scoring.py", "training", "workflows")
KINDS = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, Exception)}


def _files(room: str) -> list[Path]:
    place = SOURCE / room
    return [place] if place.is_file() else sorted(place.rglob("*.py"))


def _errors(text: str) -> Iterator[ast.Call]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in KINDS:
            yield node


def _silent(text: str) -> list[int]:
    """Lines of errors that do not say what to do; what is handed on as `**facts` may say it."""
    return [call.lineno for call in _errors(text) if not {"todo", None} & {word.arg for word in call.keywords}]


@pytest.mark.parametrize("room", ROOMS)
def test_every_error_of_a_room_says_what_to_do(room: str) -> None:
    files = _files(room)
    assert files
    assert {file.name: lines for file in files if (lines := _silent(file.read_text(encoding="utf-8")))} == {}


def test_an_error_that_does_not_is_found() -> None:
    assert _silent('raise InputError("no")\nraise InputError("no", todo="so")') == [1]
