"""Errors built from facts: what was wrong, what was expected, what was found, what to do.

Every error a user can meet derives from `LineriskError`. The command line prints its one paragraph and exits
with 1; the service turns it into the one error shape of the HTTP contract. Tests assert on the facts, not on
the prose.
"""

from __future__ import annotations

from typing import ClassVar


class LineriskError(Exception):
    """Base of every error a user can meet.

    Args:
        wrong: What was wrong, as one clause without a full stop.
        expected: What was expected instead.
        found: What was found.
        todo: What the reader can do about it.
        field: The column, key or request field concerned.
    """

    code: ClassVar[str] = "error"

    def __init__(
        self,
        wrong: str,
        *,
        expected: str | None = None,
        found: str | None = None,
        todo: str | None = None,
        field: str | None = None,
    ) -> None:
        self.wrong = wrong
        self.expected = expected
        self.found = found
        self.todo = todo
        self.field = field
        super().__init__(self.paragraph())

    def paragraph(self) -> str:
        """Say the facts as one paragraph.

        >>> LineriskError("the table is empty", expected="rows", found="0 rows", todo="ingest first").paragraph()
        'the table is empty. Expected: rows. Found: 0 rows. To mend it: ingest first.'
        """
        parts = [self.wrong]
        if self.expected is not None:
            parts.append(f"Expected: {self.expected}")
        if self.found is not None:
            parts.append(f"Found: {self.found}")
        if self.todo is not None:
            parts.append(f"To mend it: {self.todo}")
        return ". ".join(parts) + "."


class UsageError(LineriskError):
    """A command or call was given options that cannot go together."""

    code = "usage"


class InputError(LineriskError):
    """Data from outside cannot be used as a whole (single bad rows are rejected, not raised)."""

    code = "input"


class StoreError(LineriskError):
    """A record store is missing, damaged, or of another format."""

    code = "store"


class ArtefactError(LineriskError):
    """A model artefact is missing, damaged, or does not fit the feature catalogue."""

    code = "artefact"


class EvidenceError(LineriskError):
    """There is too little data to fit, calibrate or prove what was asked."""

    code = "evidence"


class RegistryError(LineriskError):
    """The model registry cannot do what was asked: no champion, unknown version, refused promotion."""

    code = "registry"


class PolicyError(LineriskError):
    """A policy file is wrong, or no policy is in force at the instant asked for."""

    code = "policy"


class NotLiveError(LineriskError):
    """Nothing has been published for the service to answer from."""

    code = "not_live"


class DecisionLogError(LineriskError):
    """The decision log cannot be read or written, or its chain does not verify."""

    code = "decision_log"
