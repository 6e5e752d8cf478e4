"""Errors built from facts: what was wrong, what was expected, what was found, what to do.

Every error that a user can meet derives from `LineriskError`. The command line prints its paragraph and exits with 1;
the service converts it to the error shape of the HTTP contract. Tests assert on the facts, not on the prose.
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
        """Format the facts as one paragraph.

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
    """There is too little data to fit, calibrate or test what was requested."""

    code = "evidence"


class RegistryError(LineriskError):
    """The model registry cannot do what was requested: no champion, unknown version, refused promotion."""

    code = "registry"


class PolicyError(LineriskError):
    """A policy file is wrong, or no policy is in force at the requested instant."""

    code = "policy"


class NotLiveError(LineriskError):
    """The service has no published model and snapshot to answer from."""

    code = "not_live"


class DecisionLogError(LineriskError):
    """The decision log cannot be read or written, or its chain does not verify."""

    code = "decision_log"
