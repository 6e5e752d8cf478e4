"""The manual of features, printed from the catalogue and the worked examples: `python -m linerisk.features.manual`.

It runs in a source checkout, because the examples are tests. Print it again after changing a feature; a test compares.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

from linerisk.errors import InputError
from linerisk.features.catalogue import FEATURES
from linerisk.features.rejected_features import LEFT_OUT, NEEDS_COLUMNS
from linerisk.features.spec import AS_OF, ORDINARY_ACCOUNT, TIME_ZONE, Spec, rows_of
from linerisk.features.stages import FAMILIES, HISTORY, Feature

SPECS = Path("tests/spec")
MANUAL = Path("docs/features.md")

_MONOTONE = {-1: "A higher value never raises the risk.", 0: "", 1: "A higher value never lowers the risk."}


def load_specs(folder: Path) -> dict[str, tuple[Spec, ...]]:
    """The examples per family, from the `SPECS` of `test_<family>.py`.

    Raises:
        InputError: A family has no such file.
    """
    specs: dict[str, tuple[Spec, ...]] = {}
    for family in FAMILIES:
        path = folder / f"test_{family}.py"
        found = importlib.util.spec_from_file_location(f"spec_{family}", path) if path.is_file() else None
        if found is None or found.loader is None:
            raise InputError("a family has no examples", expected=f"a file {path}", todo="write one, with SPECS")
        module = importlib.util.module_from_spec(found)
        found.loader.exec_module(module)
        specs[family] = tuple(module.SPECS)
    return specs


def render(specs: dict[str, tuple[Spec, ...]]) -> str:
    """The manual as Markdown."""
    families = (line for family in FAMILIES for line in _family(family, specs[family]))
    return "\n".join([*_preface(), *families, *_left_out()]) + "\n"


def _preface() -> Iterator[str]:
    yield "# Features"
    yield ""
    yield "<!-- Printed by `python -m linerisk.features.manual`. Change the catalogue or an example, not this page. -->"
    yield ""
    yield (
        f"{len(FEATURES)} features of a line, made from its call records of the last {HISTORY.days} days and its "
        "account, as both were known at `as_of`. They are made of metadata only: who, when, how long, where; never of "
        "what was said or written. In brackets are codes of the reasons shown when a feature raises or lowers the "
        "risk; a lowering feature without a code of its own takes the neutral one of its family (B11 to B17). All "
        "codes are in `policies/reasons.toml`."
    )
    yield ""
    yield (
        "A window ends with `as_of` and is counted back from there in hours, so it does not depend on a calendar; it "
        "holds its last instant and not its first. Cities are prefectures (the first four digits of GB/T 2260)."
    )
    yield ""
    instant = f"{AS_OF.astimezone(ZoneInfo(TIME_ZONE)):%H:%M on %A, %Y-%m-%d}"
    yield (
        f"The examples stand at {instant} ({TIME_ZONE}) and look at the line `me`, at home in Shenzhen. A record "
        "without more words is a call out, answered, of 60 s. `-` is what was not recorded. A label without more words "
        "is of fraud, about behaviour as long `ago`, and was `known` as long ago; what is usual among lines like `me` "
        "is said where an example needs it."
    )


def _description(feature: Feature) -> str:
    meaning = feature.meaning[0].upper() + feature.meaning[1:]
    codes = feature.reason_code if feature.lowers_code is None else f"{feature.reason_code}, {feature.lowers_code}"
    return " ".join(filter(None, (f"{meaning}.", _MONOTONE[feature.monotone], f"({codes})")))


def _family(family: str, specs: tuple[Spec, ...]) -> Iterator[str]:
    yield ""
    yield f"## {family.capitalize()}"
    yield ""
    yield "| feature | name | unit | what it says | missing means |"
    yield "|---|---|---|---|---|"
    for feature in FEATURES:
        if feature.family == family:
            name = f"{feature.label_zh}; {feature.label_en}"
            yield f"| `{feature.name}` | {name} | {feature.unit} | {_description(feature)} | {feature.null_means} |"
    yield ""
    yield "### Examples"
    for spec in specs:
        yield ""
        yield f"**{spec.says}**"
        yield from _table("account", spec.accounts, unless=ORDINARY_ACCOUNT)
        yield from _table("record", spec.records)
        if spec.labels:
            yield from ("", "Labels:", *_table("label", spec.labels))
        if spec.usual is not None:
            known = ", ".join(f"`{name}` {value:g}" for name, value in spec.usual.items())
            yield from ("", f"Usual: {known or 'not known'}.")
        yield ""
        yield "\n".join(
            f"- `{name}` = {'missing' if value is None else f'{value:g}'}" for name, value in spec.values.items()
        )


def _left_out() -> Iterator[str]:
    yield from ("", "## Not in the catalogue", "", "What the columns of the input tables cannot carry:", "")
    yield from ("| what | what it would need |", "|---|---|")
    yield from (f"| {what} | {needs} |" for what, needs in NEEDS_COLUMNS)
    yield from ("", "What they could carry, and is left out:", "", "| what | why |", "|---|---|")
    yield from (f"| {what} | {why} |" for what, why in LEFT_OUT)


def _table(what: str, table: str, *, unless: str = "") -> Iterator[str]:
    rows = rows_of(table)
    if not rows:
        yield from ("", f"No {what}.")
    elif table != unless:
        yield ""
        yield "| " + " | ".join(rows[0]) + " |"
        yield "|" + "---|" * len(rows[0])
        yield from ("| " + " | ".join(cell or "-" for cell in row.values()) + " |" for row in rows)


if __name__ == "__main__":
    MANUAL.write_text(render(load_specs(SPECS)), encoding="utf-8")
    sys.stdout.write(f"{MANUAL}\n")
