"""Rules of the registry about names, people, gates and rollback, independent of MLflow."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

from linerisk.errors import RegistryError

SERVED = "linerisk"
"""The one model that the service answers from; others can be promoted, and then are champion and not live."""
PROMOTED, ROLLED_BACK = "promoted", "rolled back"
LONGEST_WORDS = 1_000
"""Characters kept of a reason or a name: a move must fit into one tag, which some databases end at 5,000."""
LEAST_WORDS = 20
"""Width of the shortest reason for an override, a Chinese character being two wide: a sentence, not a shrug."""
NEVER_OVERRIDDEN = ("G016",)
"""The law asks for an impact assessment before automated decisions (PIPL, article 55): it cannot be overridden."""
COMPARED = "G009"
"""The gate whose answer depends on which version was champion when it was given."""
NO_CHAMPION = "none"
"""Kept of a version whose gates were answered when there was no champion."""
UNFIT_IN_NAME = frozenset("/:\"'`%\\")


@dataclass(frozen=True, slots=True)
class Version:
    """One registered version.

    Attributes:
        name: Name of the model.
        version: Its number, as text.
        trained_by: Who trained it.
        gates: `passed` or `failed`.
        failed: Codes of the gates that failed.
        against: The version that was champion when its gates were answered; `none` where there was no champion,
            `unknown` where that was not kept.
        tested_on: Fingerprint of the test lines; two versions with the same were measured on the same lines. `unknown`
            where it was not kept.
        created_at: When, UTC ISO 8601.
        run_id: The MLflow run that made it.
        aliases: Aliases that point to it.
        figures: What was measured; of a part of the model, such as an archetype, under `group/name`.
    """

    name: str
    version: str
    trained_by: str
    gates: str
    failed: tuple[str, ...]
    against: str
    tested_on: str
    created_at: str
    run_id: str
    aliases: tuple[str, ...]
    figures: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Move:
    """A promotion or rollback, from one version (or none) to another.

    Attributes:
        at: When, UTC ISO 8601.
        what: `promoted` or `rolled back`.
        version: What is live from then on.
        before: What was live until then.
        by: Who asked.
        approver: The second person; empty for a rollback.
        reason: Why.
        overridden: Codes of failed gates that were overridden.
        expires_at: When the version's evidence is used up, UTC ISO 8601; None where that was not recorded.
    """

    at: str
    what: str
    version: str
    before: str | None
    by: str
    approver: str
    reason: str
    overridden: tuple[str, ...] = ()
    expires_at: str | None = None

    def as_text(self) -> str:
        """As it is kept in a tag."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_text(cls, text: str) -> Move:
        """Read what `as_text` wrote."""
        kept = json.loads(text)
        return cls(**{**kept, "overridden": tuple(kept.get("overridden", ()))})


def check_name(name: str) -> None:
    """Check a model name.

    Raises:
        RegistryError: The name is empty or has characters that MLflow keeps for itself.
    """
    if not name.strip() or UNFIT_IN_NAME & set(name):
        raise RegistryError(
            "a model cannot have this name",
            expected=f"a name without {' '.join(sorted(UNFIT_IN_NAME))}",
            found=repr(name),
            todo="give another with --name",
        )


def is_another_person(name: str, others: Iterable[str]) -> bool:
    """Whether a name is a person's and differs from the others, apart from blanks and capitals.

    >>> is_another_person("wang", ["li"]), is_another_person(" Li", ["li"]), is_another_person("", ["li"])
    (True, False, False)
    """
    return bool(_folded(name)) and _folded(name) not in map(_folded, others)


def answered(against: str) -> str:
    """A text about when gates were answered.

    >>> answered("3"), answered("none")
    ('against version 3', 'when there was no champion')
    """
    return "when there was no champion" if against == NO_CHAMPION else f"against version {against}"


def check_gates(version: Version, *, champion: str | None, override: Sequence[str], reason: str) -> None:
    """Refuse a version with a failed gate, unless each failed gate is overridden by name, with a reason in writing.

    A comparison with a former champion counts as not passed, because it does not cover the present one. It may be
    overridden like a failed gate.

    Args:
        version: The version.
        champion: The version that is champion now; None where there is none.
        override: Codes of the gates to override: all that failed, and no other.
        reason: Why; a sentence at least.

    Raises:
        RegistryError: A gate failed, or was answered against another champion, and is not overridden, or may not be;
            or one is named that did not fail.
    """
    wrong = f"version {version.version} may not be promoted"
    outdated = version.against != (champion or NO_CHAMPION)
    if version.gates == "passed" and not outdated and not override:
        return
    if version.gates != "passed" and not (override and version.failed):
        raise RegistryError(
            wrong,
            expected="every gate passed",
            found=f"gates {version.gates}: {', '.join(version.failed)}" if version.failed else f"gates {version.gates}",
            todo="read its report, mend what failed, and train again; a failed gate can be overridden by its code, "
            "with a written reason",
        )
    if outdated and COMPARED not in override:
        now = "no champion, as now" if champion is None else f"version {champion}, which is champion now"
        raise RegistryError(
            wrong,
            expected=f"{COMPARED} answered against {now}",
            found=f"its gates were answered {answered(version.against)}",
            todo="train it again by the command that its training printed (on its card: Reproduce) and promote "
            f"what comes of it, or override {COMPARED} by name, with a written reason",
            field="override",
        )
    needed = {*version.failed, *([COMPARED] if outdated else [])}
    if set(override) != needed:
        passed = [code for code in override if code not in needed]
        options = " ".join(f"--override {code}" for code in sorted(needed))
        raise RegistryError(
            wrong,
            expected=f"an override of each failed gate and of no other: {', '.join(sorted(needed))}"
            if needed
            else "no override, because no gate failed",
            found=", ".join(override) + (f"; {', '.join(passed)} did not fail" if passed else ""),
            todo=f"give {options}, and no other" if needed else "promote it again without --override",
            field="override",
        )
    never = [code for code in override if code in NEVER_OVERRIDDEN]
    if never:
        raise RegistryError(
            wrong,
            expected=f"{', '.join(never)} passed: the law asks for it",
            found="an override",
            todo="write or name the impact assessment, and train again",
            field="override",
        )
    if _width(reason) < LEAST_WORDS:
        raise RegistryError(
            "an override needs a reason in writing",
            expected=f"a sentence of at least {LEAST_WORDS} characters (a Chinese one counts as two) that says why "
            "this model may go live all the same",
            found=f"{reason!r}, which is {_width(reason)}" if reason.strip() else "none",
            todo=f"say it with --reason, in {LEAST_WORDS} characters or more; it stays in the history and on the "
            "model's card",
            field="reason",
        )


def current_versions(moves: Iterable[Move]) -> list[str]:
    """Versions that were promoted and not rolled back, oldest first; the last is live."""
    current: list[str] = []
    for move in moves:
        current = [*current, move.version] if move.what == PROMOTED else current[:-1]
    return current


def shortened(words: str) -> str:
    """The beginning of a text, as much as a tag holds."""
    return words[:LONGEST_WORDS]


def in_one_line(words: str) -> str:
    """A text in one line, with single blanks."""
    return " ".join(words.split())


def _folded(name: str) -> str:
    return name.strip().casefold()


def _width(text: str) -> int:
    """Characters but for blanks at the ends, wide ones counted twice."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text.strip())
