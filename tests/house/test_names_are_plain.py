"""Names are the field's terms. Each word below is a riddle in a name; beside it stands what to use instead."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MOST_MODULES = 25
INSTEAD = {
    "ahead": "precomputed",
    "apart": "separate, in_subprocess",
    "asked": "request, input, requested",
    "cook": "compute",
    "cooked": "computed",
    "deal": "split, assign",
    "dealing": "split",
    "dealt": "assigned",
    "desk": "service, state, queue, console",
    "front": "routing",
    "goes": "say what happens",
    "hot": "hooks, fast_path",
    "kitchen": "features",
    "lean": "say what is left out",
    "likeness": "similarity",
    "nobody": "say who",
    "peer": "similar_case",
    "peers": "similar_cases",
    "quick": "fast_path, or say what the thing is",
    "readied": "input",
    "rehearsal": "warm_up",
    "rehearse": "warm_up",
    "said": "text, message, recorded",
    "say": "format, describe",
    "says": "format, describe",
    "shelf": "cache",
    "shown": "view, rendered",
    "somebody": "say who",
    "spelled": "precomputed, encoded",
    "standing": "current, in_force",
    "stands": "is_valid, is_current",
    "swollen": "over_limit",
    "tell": "report, notify",
    "teller": "formatter, translator",
    "telling": "reporting",
    "told": "answered, reported",
    "walk": "verify, iterate, demo",
    "walked": "verified",
    "wanted": "requested, options",
    "went": "say what happened",
    "whoever": "say who",
    "wish": "requested, option",
    "wishes": "options",
}
CONTRACT = {
    "__is_ready__": "BentoML asks for it by this name",
    "pareto_front": "a term of optimisation",
    "peers": "benchmarks compare with peers: other servers",
    "_of_peers": "the same",
}
"""Names that stay, with the reason."""


def _names(tree: ast.Module) -> Iterator[str]:
    """Classes, functions and parameters."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from (argument.arg for argument in (*node.args.args, *node.args.kwonlyargs))


def _words(name: str) -> list[str]:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().split("_")


def _riddles(path: Path) -> list[str]:
    names = [path.stem, *_names(ast.parse(path.read_text(encoding="utf-8")))]
    return [
        f"{path.relative_to(ROOT)}: {name}: not {word!r}, but {INSTEAD[word]}"
        for name in names
        if name not in CONTRACT
        for word in _words(name)
        if word in INSTEAD
    ]


def test_names_of_code_use_terms_of_the_field() -> None:
    files = [*(ROOT / "src").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")]
    assert [riddle for path in sorted(files) for riddle in _riddles(path)] == []


def test_a_name_with_such_a_word_is_found() -> None:
    assert _words("AuditWalk") == ["audit", "walk"]
    assert _words("score_by_id") == ["score", "by", "id"]
    assert {"walk", "desk"} <= INSTEAD.keys()


def test_no_level_of_a_room_has_more_modules_than_a_reader_can_scan() -> None:
    folders = {path.parent for path in (ROOT / "src").rglob("*.py")}
    modules = {str(folder.relative_to(ROOT)): len(list(folder.glob("*.py"))) for folder in folders}
    assert {folder: count for folder, count in modules.items() if count > MOST_MODULES} == {}
