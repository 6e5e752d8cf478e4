"""Access log: who opened which case, decision or line; an access is on disk before its page or answer is sent."""

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
        number: Its position; later accesses have greater numbers.
        at: When.
        name: Name of the token.
        role: Role of the token at that time.
        kind: `case`, `decision` or `line`.
        subject: Its id; for a line its key, since only decisions hold line ids.
    """

    number: int
    at: datetime
    name: str
    role: str
    kind: str
    subject: str


class Accesses:
    """The append-only chain of accesses, in the database of the decision log.

    `linerisk audit expire` erases accesses past their retention; queries do not return them.

    Args:
        log: The log.
    """

    def __init__(self, log: DecisionLog) -> None:
        self._log = log

    def record(self, actor: Actor, kind: Kind, *subjects: str, at: datetime) -> None:
        """Write accesses; they are on disk when this returns. They share a commit with other pending writes.

        Raises:
            DecisionLogError: They cannot be written; then the subject must not be shown.
            OverloadedError: The same, because too many writes are pending.
        """
        common = {"at": sortable(at), "name": actor.name, "role": actor.role, "kind": kind}
        self._log.write(AccessAppend([{**common, "subject": subject} for subject in subjects]))

    def latest(self, *, limit: int = 50, before: int | None = None) -> tuple[Access, ...]:
        """Accesses, newest first.

        Args:
            limit: Maximum number of accesses.
            before: Only accesses with a smaller number: the cursor of the next page.
        """
        query = select(*_COLUMNS).where(accesses.c.name != "").order_by(accesses.c.number.desc()).limit(limit)
        if before is not None:
            query = query.where(accesses.c.number < before)
        with self._log.reading() as connection:
            return tuple(_access(row) for row in connection.execute(query).mappings())

    def of(self, subject: str, *, limit: int = 50) -> tuple[Access, ...]:
        """Accesses to one subject, newest first."""
        with self._log.reading() as connection:
            return tuple(_access(row) for row in connection.execute(_OF, {"which": subject, "most": limit}).mappings())


def _access(row: object) -> Access:
    fields = dict(row)  # type: ignore[call-overload]  # a row of the mapping kind
    return Access(**{**fields, "at": parse_instant(fields["at"])})


_COLUMNS = tuple(accesses.c[name] for name in Access.__slots__)
_OF = (
    select(*_COLUMNS)
    .where(accesses.c.subject == bindparam("which"))
    .order_by(accesses.c.number.desc())
    .limit(bindparam("most"))
)
