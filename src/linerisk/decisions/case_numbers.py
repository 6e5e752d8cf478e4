"""Case numbers: short identifiers that a notice shows, a holder reads out, and a reviewer searches for.

A number is derived from the decision's id, so it exists before any dispute, and the dispute uses the same one. Two
decisions of the same millisecond share a number about once in a million pairs; a search returns every match.
"""

from __future__ import annotations

import re
from typing import Final

from sqlalchemy import bindparam, select

from linerisk.decisions.log import DecisionLog
from linerisk.decisions.schema import decisions

_TIME, _COUNTER = 10, 4
_NUMBER = re.compile(rf"([0-9A-HJKMNP-TV-Z]{{{_TIME + _COUNTER}}})(?:-[0-9]{{1,3}})?")
_MOST_FOUND = 9
_SAID_ALIKE: Final = str.maketrans("OIL", "011")
"""Letters that ids do without, and what is meant by them."""


def case_number(decision_id: str) -> str:
    """A number short enough to be read out: the decision's instant, and what tells it from others of that instant.

    >>> case_number("01J1NSEQ00ABCDEFGHJKMNPQRS")
    '01J1NSEQ00PQRS'
    """
    return decision_id[:_TIME] + decision_id[-_COUNTER:]


def read_number(text: str) -> str | None:
    """The case number in typed text, without the suffix of later disputes; None if there is none.

    >>> read_number(" o1j1nseq00 pqrs"), read_number("01J1NSEQ00PQRS-2"), read_number("13800138000")
    ('01J1NSEQ00PQRS', '01J1NSEQ00PQRS', None)
    """
    found = _NUMBER.fullmatch("".join(text.upper().split()).translate(_SAID_ALIKE))
    return None if found is None else found[1]


def decisions_numbered(log: DecisionLog, number: str) -> tuple[str, ...]:
    """Ids of the decisions with a case number, oldest first, without erased ones.

    Args:
        log: The log.
        number: As `read_number` gives it.

    Raises:
        DecisionLogError: The log cannot be read.
    """
    instant, counter = number[:_TIME], number[-_COUNTER:]
    # "~" sorts after all characters of an id: only the ids of one millisecond are looked at, in their index.
    asked = {"first": instant, "last": f"{instant}~", "ends": f"%{counter}"}
    with log.reading() as connection:
        return tuple(connection.execute(_NUMBERED, asked).scalars())


_NUMBERED = (
    select(decisions.c.decision_id)
    .where(
        decisions.c.decision_id.between(bindparam("first"), bindparam("last")),
        decisions.c.decision_id.like(bindparam("ends")),
        decisions.c.erasure.is_(None),
    )
    .order_by(decisions.c.decision_id)
    .limit(_MOST_FOUND)
)
