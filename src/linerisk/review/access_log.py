"""Who opened what: every access to a case, a decision or a line, on disk before it is shown, page or answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import bindparam, select

from linerisk.as_of import parse_instant
from linerisk.decisions.access_log import AccessAppend
from linerisk.decisions.log import DecisionLog
from linerisk.decisions.schema import accesses, sortable
from linerisk.review.transitions import Actor

Kind = Literal["case", "decision", "line"]


@dataclass(frozen=True, slots=True)
class Access:
    """One access.

    Attributes:
        number: Its place; later ones have greater numbers.
        at: When.
        name: Name of the token.
        role: Its role then.
        kind: `case`, `decision` or `line`.
        subject: Which one; of a line its key, since ids of lines stand in decisions alone.
    """

    number: int
    at: datetime
    name: str
    role: str
    kind: str
    subject: str


class Accesses:
    """The chain of accesses, in the database of the decision log; it lets nothing be changed or taken away.

    What is past its retention is erased by `linerisk audit expire`, and found here no more.

    Args:
        log: The log.
    """

    def __init__(self, log: DecisionLog) -> None:
        self._log = log

    def record(self, actor: Actor, kind: Kind, *subjects: str, at: datetime) -> None:
        """Write accesses; they are on disk when this returns. They share a commit with what else is to be written.

        Raises:
            DecisionLogError: They cannot be written; then nothing may be shown.
            OverloadedError: The same, since too much waits to be written.
        """
        said = {"at": sortable(at), "name": actor.name, "role": actor.role, "kind": kind}
        self._log.write(AccessAppend([{**said, "subject": subject} for subject in subjects]))

    def latest(self, *, limit: int = 50, before: int | None = None) -> tuple[Access, ...]:
        """Accesses, newest first.

        Args:
            limit: At most so many.
            before: Only those with a smaller number, to turn pages.
        """
        query = select(*_SAID).where(accesses.c.name != "").order_by(accesses.c.number.desc()).limit(limit)
        if before is not None:
            query = query.where(accesses.c.number < before)
        with self._log.reading() as connection:
            return tuple(_access(row) for row in connection.execute(query).mappings())

    def of(self, subject: str, *, limit: int = 50) -> tuple[Access, ...]:
        """Accesses to one thing, newest first."""
        with self._log.reading() as connection:
            return tuple(_access(row) for row in connection.execute(_OF, {"which": subject, "most": limit}).mappings())


def _access(row: object) -> Access:
    said = dict(row)  # type: ignore[call-overload]  # a row of the mapping kind
    return Access(**{**said, "at": parse_instant(said["at"])})


_SAID = tuple(accesses.c[name] for name in Access.__slots__)
_OF = (
    select(*_SAID)
    .where(accesses.c.subject == bindparam("which"))
    .order_by(accesses.c.number.desc())
    .limit(bindparam("most"))
)
