"""What the registry keeps, and its rules about people, names and the way back. Nothing of MLflow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from linerisk.errors import RegistryError

PROMOTED, ROLLED_BACK = "promoted", "rolled back"
LONGEST_WORDS = 1_000
"""Characters kept of a reason or a name: a move must fit into one tag, which some databases end at 5,000."""
UNFIT_IN_NAME = frozenset("/:\"'`%\\")


@dataclass(frozen=True, slots=True)
class Version:
    """One registered version.

    Attributes:
        name: Name of the model.
        version: Its number, as text.
        trained_by: Who trained it.
        gates: `passed` or `failed`.
        created_at: When, UTC ISO 8601.
        run_id: The MLflow run that made it.
        aliases: Aliases that point to it.
        figures: What was measured.
    """

    name: str
    version: str
    trained_by: str
    gates: str
    created_at: str
    run_id: str
    aliases: tuple[str, ...]
    figures: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Move:
    """A change of what is live: `promoted` or `rolled back`, from a version (or none) to another."""

    at: str
    what: str
    version: str
    before: str | None
    by: str
    approver: str
    reason: str


def check_name(name: str) -> None:
    """Refuse a name under which a model could not be found again.

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
    """Whether a name names somebody, and none of the others; blanks and capitals do not make another person.

    >>> is_another_person("wang", ["li"]), is_another_person(" Li", ["li"]), is_another_person("", ["li"])
    (True, False, False)
    """
    return bool(_folded(name)) and _folded(name) not in map(_folded, others)


def standing_versions(moves: Iterable[Move]) -> list[str]:
    """Versions that were live and not rolled back, oldest first; the last is live."""
    standing: list[str] = []
    for move in moves:
        standing = [*standing, move.version] if move.what == PROMOTED else standing[:-1]
    return standing


def shortened(words: str) -> str:
    """As much of a text as a move keeps."""
    return words[:LONGEST_WORDS]


def _folded(name: str) -> str:
    return name.strip().casefold()
