"""Every error that a user can meet in training, scoring, commands or the service has a `todo`."""

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

from linerisk import errors
from linerisk.web.errors import MethodError, RateLimitedError

SOURCE = Path(errors.__file__).parent
EXEMPT = {"features", "model", "records", "tables"}
"""Lower rooms, some of whose errors only code of the program itself can meet."""
ROOMS = sorted({file.relative_to(SOURCE).parts[0] for file in SOURCE.rglob("*.py")} - EXEMPT)
WITH_OWN_TODO = (MethodError, RateLimitedError)
"""Classes whose constructor sets the todo."""


def _kinds() -> frozenset[str]:
    """Names of all error classes."""
    classes = {
        node.name: {base.id for base in node.bases if isinstance(base, ast.Name)}
        for file in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
    }
    found = {"LineriskError"}
    while more := {name for name, bases in classes.items() if bases & found} - found:
        found |= more
    return frozenset(found)


KINDS = _kinds() - {kind.__name__ for kind in WITH_OWN_TODO}


def _files(room: str) -> list[Path]:
    place = SOURCE / room
    return [place] if place.is_file() else sorted(place.rglob("*.py"))


def _errors(text: str) -> Iterator[ast.Call]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in KINDS:
            yield node


def _has_todo(call: ast.Call) -> bool:
    """Whether a call sets a todo in every case; `**facts` may contain it."""
    todos = [word.value for word in call.keywords if word.arg in {"todo", None}]
    return bool(todos) and not any(
        isinstance(case, ast.Constant) and case.value is None for value in todos for case in _cases(value)
    )


def _cases(value: ast.expr) -> Iterator[ast.expr]:
    """Possible values of an expression: both branches of every choice."""
    if isinstance(value, ast.IfExp):
        yield from _cases(value.body)
        yield from _cases(value.orelse)
    else:
        yield value


def _without_todo(text: str) -> list[int]:
    """Line numbers of errors without a todo."""
    return [call.lineno for call in _errors(text) if not _has_todo(call)]


@pytest.mark.parametrize("room", ROOMS)
def test_every_error_of_a_room_has_a_todo(room: str) -> None:
    files = [(file.name, file.read_text(encoding="utf-8")) for file in _files(room)]
    assert files
    assert {name: lines for name, text in files if (lines := _without_todo(text))} == {}


@pytest.mark.parametrize("kind", WITH_OWN_TODO)
def test_an_error_class_raised_without_a_todo_sets_its_own(kind: type[errors.LineriskError]) -> None:
    assert "todo" not in inspect.signature(kind).parameters
    made = MethodError("no", allowed=("GET",)) if kind is MethodError else RateLimitedError(1, retry_after_s=1)
    assert made.todo


def test_every_room_with_errors_is_checked() -> None:
    assert {"as_of.py", "decisions", "live", "policy", "review", "service", "suspension", "workflows"} <= set(ROOMS)
    assert {"InputError", "ConflictError", "StaleError", "NotAllowedError", "NoticeError", "FormRefusedError"} <= KINDS


@pytest.mark.parametrize(
    "call", ['InputError("no")', 'StaleError("no", todo=None)', 'NoticeError("no", todo="so" if found else None)']
)
def test_an_error_without_a_todo_is_detected(call: str) -> None:
    assert _without_todo(f'raise {call}\nraise InputError("no", todo="so")') == [1]
