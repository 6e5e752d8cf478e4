"""Prints what the manual can say of the code by itself: `python tests/docs/pages.py`.

`docs/errors.md` is printed whole; in other pages the part between `<!-- begin: NAME -->` and `<!-- end: NAME -->`. A
test compares; whoever changes what is printed here prints it again.
"""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import itertools
import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grimp
import typer

sys.path.insert(0, str(Path(__file__).resolve().parent))
from house import house  # beside this file
from linerisk.cli import app
from linerisk.errors import LineriskError, UsageError
from linerisk.records.contract import TABLES, Kind, TableName
from linerisk.records.mapping import Mapping, TableMapping
from linerisk.records.simulation.activity_streams import Traffic
from linerisk.records.simulation.personas import AWAKENED, DRIVE, EVENT, FRAUD, LEGAL, NEW_HIRE
from linerisk.settings import Settings
from linerisk.tables.intake import LATE, ingest
from linerisk.tables.merge import IDENTITY
from linerisk.tables.rules import allowed, rules_of
from linerisk.tables.validation import KEYS
from linerisk.web.errors import RefusedError, status_of

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "linerisk"
DOCS = ROOT / "docs"
NOT_FOR_REQUESTS = 500


# --- errors ----------------------------------------------------------------------------------------------------------


def error_kinds() -> list[type[LineriskError]]:
    """Every error that a user can meet: the base's descendants, wherever they are defined."""
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if any(isinstance(node, ast.ClassDef) and node.name.endswith("Error") for node in tree.body):
            importlib.import_module(".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts))
    found: list[type[LineriskError]] = []
    waiting = [LineriskError]
    while waiting:
        kind = waiting.pop(0)
        found += [kind]
        waiting += kind.__subclasses__()
    abstract = {LineriskError, RefusedError}
    own = [kind for kind in found if kind.__module__.startswith("linerisk.") and kind not in abstract]
    return sorted(own, key=lambda kind: (kind.code, kind.__module__))


def http_status(kind: type[LineriskError]) -> str:
    """The status that a request meets it with; a dash where no request can cause it."""
    status = status_of(kind.__new__(kind))
    if status == NOT_FOR_REQUESTS and not issubclass(kind, RefusedError):
        return "–"
    return f"{int(status)} {status.phrase}"


def exit_code(kind: type[LineriskError]) -> str:
    """The exit code of a command that meets it; a dash where only requests do."""
    if issubclass(kind, RefusedError):
        return "–"
    return "2" if issubclass(kind, UsageError) else "1"


def meaning(thing: object) -> str:
    """The first paragraph of a docstring, on one line."""
    return " ".join((inspect.getdoc(thing) or "").split("\n\n", maxsplit=1)[0].split())


def errors_page() -> str:
    """`docs/errors.md`."""
    rows = [
        f"| `{kind.code}` | {meaning(kind)} | {exit_code(kind)} | {http_status(kind)} | `{kind.__module__}` |"
        for kind in error_kinds()
    ]
    problems = [f"| `{code}` | {message} |" for code, message in sorted(problem_codes().items())]
    return "\n".join([*_ERRORS_HEAD, *rows, *_ERRORS_FOOT, *problems]) + "\n"


def problem_codes() -> dict[str, str]:
    """What may be said of one line of a request, as the service's modules write it; `…` stands for what varies."""
    found: dict[str, str] = {}
    for path in sorted((PACKAGE / "service").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "ProblemBody":
                _, code, message = node.args
                found[ast.literal_eval(code)] = _said(message)
    return found


def _said(message: ast.expr) -> str:
    """The fixed words of a message."""
    if isinstance(message, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "…" for part in message.values)
    return str(message.value) if isinstance(message, ast.Constant) else "what was wrong, expected and found"


_ERRORS_HEAD = (
    "# Errors",
    "",
    "<!-- Printed by `python tests/docs/pages.py`. Change the error or its docstring, not this page. -->",
    "",
    "An error says what was wrong, what was expected, what was found, and what to do. A command prints that as one",
    "paragraph on standard error, with the code before it, and exits with 1, or with 2 for wrong usage. The service",
    'answers `{"error": {"code", "message", "field"?, "hint"?, "request_id"?}}`; 503 comes with `Retry-After`.',
    "",
    "A code is stable; the words around it are not. A dash means that no command, or no request, meets the error.",
    "",
    "| code | meaning | exit | HTTP | defined in |",
    "|---|---|---|---|---|",
)
_ERRORS_FOOT = (
    "",
    "One bad row in a source is not an error: it goes to `rejected/` with its rule. One bad line in a request is no",
    "error either: it stands under `problems` in the answer, and the other lines are scored.",
    "",
    "| code under `problems` | message |",
    "|---|---|",
)


# --- rooms -----------------------------------------------------------------------------------------------------------


def contracts() -> list[dict[str, Any]]:
    """The import contracts of `pyproject.toml`."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = settings["tool"]["importlinter"]["contracts"]
    return found


def layers() -> list[list[str]]:
    """The layers of the contract, from the top, each with its rooms that stand."""
    contract = next(each for each in contracts() if each["type"] == "layers")
    named = [[name.strip("() ") for name in re.split(r"[|:]", layer)] for layer in contract["layers"]]
    standing = [[name for name in layer if name in rooms()] for layer in named]
    return [layer for layer in standing if layer]


def rooms() -> set[str]:
    """The packages and modules directly under `linerisk`, but for how it is started."""
    packages = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    return packages | {path.stem for path in PACKAGE.glob("*.py") if not path.stem.startswith("__")}


def wing_of(room: str) -> str:
    """`serving`, `learning` or `shared`: which room is kept from which, by the contracts."""
    forbidden = [each for each in contracts() if each["type"] == "forbidden"]
    for wing in ("serving", "learning"):
        contract = next(each for each in forbidden if each["name"].lower().startswith(f"the {wing} wing"))
        if f"linerisk.{room}" in contract["source_modules"]:
            return wing
    return "shared"


def imports() -> dict[str, set[str]]:
    """Which room imports which, as the code has it."""
    graph = grimp.build_graph("linerisk", cache_dir=None)
    return {
        room: {
            other
            for other in rooms() - {room}
            if graph.direct_import_exists(importer=f"linerisk.{room}", imported=f"linerisk.{other}", as_packages=True)
        }
        for room in rooms()
    }


def arrows() -> list[tuple[str, str]]:
    """Imports that do not follow from others: a -> c is left out where a -> b -> c."""
    edges = imports()

    def beyond(room: str) -> set[str]:
        return edges[room].union(*(beyond(other) for other in edges[room])) if edges[room] else set()

    order = [room for layer in layers() for room in layer]
    return [
        (room, other)
        for room in order
        for other in order
        if other in edges[room] and not any(other in beyond(between) for between in edges[room] - {other})
    ]


def picture() -> str:
    """`docs/images/house.svg`."""
    return house(layers(), wing_of)


def layer_list() -> str:
    """The layers, from the top."""
    return "\n".join(
        f"{depth}. " + ", ".join(f"`{room}`" for room in layer) for depth, layer in enumerate(layers(), start=1)
    )


# --- operations ------------------------------------------------------------------------------------------------------


def settings_table() -> str:
    """Every setting: its variable, its default, what it is."""
    rows = ["| variable | default | what it is |", "|---|---|---|"]
    prefix = Settings.model_config["env_prefix"]
    for name, field in Settings.model_fields.items():
        default = field.default
        if isinstance(default, Path) and default.is_absolute():
            default = f"{default.relative_to(ROOT)}/ beside src/"
        rows.append(f"| `{prefix}{name.upper()}` | {'none' if default is None else default} | {field.description} |")
    return "\n".join(rows)


def commands() -> Iterator[tuple[str, Any]]:
    """Every command with its words, such as `tokens create`, in the order of the help."""
    yield from _commands("", typer.main.get_command(app))


def _commands(prefix: str, command: Any) -> Iterator[tuple[str, Any]]:
    for name, sub in getattr(command, "commands", {}).items():
        words = f"{prefix} {name}".strip()
        if hasattr(sub, "commands"):
            yield from _commands(words, sub)
        else:
            yield words, sub


def command_table() -> str:
    """Every command and the first sentence of its help."""
    rows = ["| command | does |", "|---|---|"]
    return "\n".join(rows + [f"| `linerisk {words}` | {' '.join(sub.help.split())} |" for words, sub in commands()])


# --- tables ----------------------------------------------------------------------------------------------------------

KINDS: dict[Kind, str] = {
    "id": "id: text, or whole number",
    "code": "code",
    "area": "area code, six digits",
    "instant": "timestamp",
    "date": "date",
    "whole": "whole number",
    "number": "number",
    "flag": "true or false",
    "text": "text",
}


def columns_table(table: TableName) -> str:
    """Every column of an input table."""
    rows = ["| column | type | required | meaning | allowed |", "|---|---|---|---|---|"]
    for column in TABLES[table]:
        words = ", ".join(f"`{word}`" for word in allowed(table, column) or ())
        must = "yes" if column.required else ""
        rows.append(f"| `{column.name}` | {KINDS[column.kind]} | {must} | {column.meaning} | {words} |")
    return "\n".join(rows)


def rules_table() -> str:
    """Every rule of every table, once, with the tables whose rows can break it."""
    tables: dict[tuple[str, str], list[str]] = {}
    for table in TABLES:
        for rule, said in rules_of(table).items():
            tables.setdefault((rule, said), []).append(table)
    rows = ["| rule | tables | asks that |", "|---|---|---|"]
    for (rule, said), names in tables.items():
        where = "all" if len(names) == len(TABLES) else ", ".join(names)
        rows.append(f"| `{rule.replace('|', chr(92) + '|')}` | {where} | {said} |")
    return "\n".join(rows)


def mapping_keys() -> str:
    """Every key of a mapping file, at the top and under a table."""
    texts = {model: attribute_docs(model) for model in (Mapping, TableMapping)}
    rows = ["| key | where | what it says |", "|---|---|---|"]
    for model, where in ((Mapping, "at the top"), (TableMapping, "under a table")):
        for key in model.model_fields:
            said = "one or more parts, each `[[...]]`; see below" if key in TABLES else texts[model][key]
            rows.append(f"| `{key}` | {where} | {said} |")
    return "\n".join(rows)


def attribute_docs(model: type) -> dict[str, str]:
    """The text below each attribute of a class, on one line."""
    (tree,) = ast.parse(inspect.getsource(model)).body
    assert isinstance(tree, ast.ClassDef)
    found: dict[str, str] = {}
    for node, after in itertools.pairwise(tree.body):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and isinstance(after, ast.Expr):
            found[node.target.id] = " ".join(ast.literal_eval(after.value).split())
    return found


def limits() -> str:
    """Figures of the intake."""
    default = inspect.signature(ingest).parameters["max_rejected"].default
    return (
        f"At most {default:.0%} of the rows of each table may be bad (`--max-rejected`). A record is late if it was\n"
        f"received more than {LATE.total_seconds() / 3600:.0f} hours after it started. Two records are one if they "
        f"agree in\n{', '.join(f'`{name}`' for name in _identity())}."
    )


def _identity() -> list[str]:
    own = {key: column for column, key in KEYS.items()}
    return [own.get(name, name) for name in IDENTITY]


# --- simulation ------------------------------------------------------------------------------------------------------


def legal_table() -> str:
    """Every kind of customer, with the traffic that it is known by."""
    rows = [
        "| kind | share | years | new | life out/in a day | work or event | out a day | stranger | answered | town |"
    ]
    rows += ["|---|---|---|---|---|---|---|---|---|---|"]
    for one in LEGAL:
        life = f"{one.life.out:g} / {one.life.inn:g}" if one.life else "–"
        traffic = one.work or {"event": EVENT, "drive": DRIVE, "new_hire": NEW_HIRE, "idle": AWAKENED}.get(one.name)
        what = (
            "–" if traffic is None else "always" if one.work else "some lines" if one.name == "idle" else "for a while"
        )
        who = f"`{one.name}` | {one.share:.1%} | {one.years:g} | x{one.fresh:g}"
        rows += [f"| {who} | {life} | {what} | {_traffic(traffic)} |"]
    return "\n".join(rows)


def fraud_table() -> str:
    """Every kind of fraud, with the traffic that it makes."""
    head = "kind | share | days | new lines | life before | gang | made | texts a day | out a day"
    rows = [f"| {head} | stranger | answered | town |", "|---" * 12 + "|"]
    for one in FRAUD:
        who = f"`{one.name}` | {one.share:.0%} | {one.days:g} (to {one.longest:g}) | {one.new:.0%} | {one.host}"
        made = f"{one.gang} | {one.traffic.place}, {one.traffic.handset} | {one.traffic.texts_out:g}"
        rows += [f"| {who} | {made} | {_traffic(one.traffic)} |"]
    return "\n".join(rows)


def _traffic(traffic: Traffic | None) -> str:
    if traffic is None:
        return "– | – | – | –"
    return f"{traffic.out:g} | {traffic.fresh:.0%} | {traffic.answered:.0%} | {traffic.town:.0%}"


# --- printing --------------------------------------------------------------------------------------------------------

PARTS: dict[str, dict[str, Callable[[], str]]] = {
    "architecture.md": {"layers": layer_list},
    "data.md": {
        **{table: functools.partial(columns_table, table) for table in TABLES},
        "limits": limits,
        "rules": rules_table,
    },
    "mappings.md": {"mapping keys": mapping_keys},
    "simulation.md": {"legal": legal_table, "fraud": fraud_table},
    "operations/README.md": {"commands": command_table},
    "operations/install.md": {"settings": settings_table},
}
"""Page -> name of a part -> what prints it."""


def with_part(page: str, name: str, text: str) -> str:
    """The page with the part between its marks replaced.

    Raises:
        ValueError: The page has no such marks, or has them twice.
    """
    begin, end = f"<!-- begin: {name} -->", f"<!-- end: {name} -->"
    if page.count(begin) != 1 or page.count(end) != 1:
        raise ValueError(f"the page needs {begin} and {end} once each")
    before, rest = page.split(begin)
    return f"{before}{begin}\n{text}\n{end}{rest.split(end)[1]}"


def printed(name: str) -> str:
    """A page as it should be."""
    if name in WHOLE:
        return WHOLE[name]()
    page = (DOCS / name).read_text(encoding="utf-8")
    for part, make in PARTS[name].items():
        page = with_part(page, part, make())
    return page


WHOLE: dict[str, Callable[[], str]] = {"errors.md": errors_page, "images/house.svg": picture}
"""Page -> what prints all of it."""
PAGES = (*WHOLE, *PARTS)

if __name__ == "__main__":
    for page_name in PAGES:
        (DOCS / page_name).write_text(printed(page_name), encoding="utf-8")
        sys.stdout.write(f"docs/{page_name}\n")
