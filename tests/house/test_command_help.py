"""`--help` of every command exits with 0, describes the command, and ends with an example."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from linerisk.cli import app


def _commands(words: tuple[str, ...], command: Any) -> Iterator[tuple[str, ...]]:
    yield words
    for name, sub in getattr(command, "commands", {}).items():
        yield from _commands((*words, name), sub)


ALL = list(_commands((), typer.main.get_command(app)))
LEAVES = [words for words in ALL if not any(other[: len(words)] == words and other != words for other in ALL)]


def _help(words: tuple[str, ...]) -> str:
    answered = CliRunner().invoke(app, [*words, "--help"], env={"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"})
    assert answered.exit_code == 0, answered.output
    return answered.output


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_help_answers(words: tuple[str, ...]) -> None:
    assert "Usage:" in _help(words)


@pytest.mark.parametrize("words", LEAVES, ids=" ".join)
def test_help_ends_with_an_example_that_starts_with_the_command(words: tuple[str, ...]) -> None:
    text = _help(words)
    assert re.search(rf"Examples?:.*linerisk {' '.join(words)}\b", text, flags=re.DOTALL), text


@pytest.mark.parametrize("words", LEAVES, ids=" ".join)
def test_every_option_has_a_help_text(words: tuple[str, ...]) -> None:
    command: Any = typer.main.get_command(app)
    for word in words:
        command = command.commands[word]
    assert [p.name for p in command.params if not getattr(p, "help", None) and p.name != "help"] == []


def test_the_commands_of_the_contract_exist() -> None:
    contract = {
        "demo", "simulate", "ingest", "features", "train", "compare", "promote", "rollback", "models", "score",
        "publish", "serve", "replay", "audit verify", "tokens create", "tokens list", "tokens revoke", "policy show",
    }  # fmt: skip
    assert contract <= {" ".join(words) for words in LEAVES}
