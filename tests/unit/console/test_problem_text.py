"""Texts of errors in the language of the visitor, with a text for every kind of chain error."""

from __future__ import annotations

import ast
import inspect
import re

import pytest

from linerisk.console.problem_text import clause_text, problem_text
from linerisk.console.translations import WORDS
from linerisk.decisions import access_log, erasure_checks, verify
from linerisk.decisions.errors import OverloadedError
from linerisk.errors import ArtefactError, DecisionLogError, LineriskError, NotLiveError, PolicyError, StoreError
from linerisk.suspension.errors import NoticeError
from linerisk.web.errors import InternalError

ENGLISH = re.compile(r"[a-z]{2,} [a-z]{2,}")
KINDS = (ArtefactError, DecisionLogError, InternalError, NotLiveError, NoticeError, OverloadedError, PolicyError)


def clauses() -> set[str]:
    """Every clause in the modules that verify a chain, with 7 for numbers."""
    found = set()
    for module in (verify, access_log, erasure_checks):
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            if isinstance(node, ast.JoinedStr):
                found.add("".join(part.value if isinstance(part, ast.Constant) else "7" for part in node.values))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
    clause = re.compile(r"(the|an?|rows) [a-z0-9 ,:']+")
    # A text that ends in a blank is a fragment of one with a number.
    return {text for text in found if clause.fullmatch(text) and not text.endswith(" ")}


def test_every_kind_of_chain_error_has_a_chinese_text() -> None:
    every = clauses()
    assert {"a row is missing", "the access was changed", "the log ends at 7, but reached 7 before"} <= every
    assert {what for what in every if ENGLISH.search(clause_text(what, "zh"))} == set()
    assert clause_text("the log ends at 12, but reached 15 before", "zh") == "日志止于第12行，但先前已到第15行"


def test_the_english_text_of_a_chain_error_is_that_of_verify() -> None:
    assert {what for what in clauses() if clause_text(what, "en") != what} == set()


@pytest.mark.parametrize("kind", [*KINDS, StoreError, LineriskError])
def test_an_error_is_described_by_kind_in_chinese_and_with_facts_in_english(kind: type[LineriskError]) -> None:
    error = kind("a thing is wrong", expected="another", found="this", todo="mend it")
    assert problem_text(error, "en") == "a thing is wrong. Expected: another. Found: this. To mend it: mend it."
    text = problem_text(error, "zh")
    assert text.endswith("。")
    assert not ENGLISH.search(text)
    assert (text == problem_text(LineriskError("x"), "zh")) is (kind is LineriskError)


def test_every_refusal_and_problem_has_a_hint_in_chinese() -> None:
    hints = {key: words["zh"] for key, words in WORDS.items() if re.fullmatch(r"problem_\w+|refused_(\d+|form)", key)}
    assert {"problem_notice", "problem_other", "refused_404", "refused_422"} <= set(hints)
    assert {key for key, words in hints.items() if "请" not in words} == set()


def test_a_damaged_file_of_a_model_is_named_in_chinese_too() -> None:
    error = ArtefactError("the model of this decision cannot be loaded here", found="trees.txt is damaged")
    assert "trees.txt 已损坏" in problem_text(error, "zh")
