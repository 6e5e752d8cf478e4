"""What the query of a call and the ids in its path may say, each refused in the one shape."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import datetime

from linerisk import as_of as clock
from linerisk.errors import InputError
from linerisk.web.errors import WrongValueError

LONGEST_ID = 128
NO_CONTROLS = r"^[^\x00-\x1f\x7f]+$"
MOST_ROWS = 200
_SOME_ROWS = 50
_SHOWN = 32


def checked_id(text: str, *, field: str) -> str:
    """An id as it may stand in the log; not every database takes every character.

    Raises:
        WrongValueError: It is none.
    """
    if not re.fullmatch(NO_CONTROLS, text) or len(text) > LONGEST_ID:
        raise WrongValueError(
            f"{field} is no id",
            expected=f"1 to {LONGEST_ID} characters, none of control",
            found="another",
            todo="give the id as it was told",
            field=field,
        )
    return text


def checked_limit(text: str | None) -> int:
    """How many rows a page may have.

    Raises:
        WrongValueError: It is no number from 1 to `MOST_ROWS`.
    """
    if text is None:
        return _SOME_ROWS
    short = text.isascii() and text.isdigit() and len(text) <= len(str(MOST_ROWS))
    if not (short and 1 <= int(text) <= MOST_ROWS):
        raise WrongValueError(
            "limit is wrong",
            expected=f"1 to {MOST_ROWS}",
            found=repr(text[:_SHOWN]),
            todo="give such a number, and read on from page to page",
            field="limit",
        )
    return int(text)


def one_of(query: dict[str, str], name: str, allowed: Collection[str]) -> str | None:
    """A parameter of few values; None where it is not given.

    Raises:
        WrongValueError: It is none of them.
    """
    given = query.get(name)
    if given is not None and given not in allowed:
        raise WrongValueError(
            f"{name} is wrong",
            expected=" or ".join(allowed),
            found=repr(given[:_SHOWN]),
            todo="give one of these, or leave it out",
            field=name,
        )
    return given


def instant(query: dict[str, str], name: str) -> datetime | None:
    """A parameter that is an instant; None where it is not given.

    Raises:
        WrongValueError: It is none.
    """
    given = query.get(name)
    if given is None:
        return None
    try:
        return clock.parse_instant(given)
    except InputError as error:
        raise WrongValueError(
            error.wrong, expected=error.expected, found=repr(given[:_SHOWN]), todo=error.todo, field=name
        ) from error
