"""Validation of query parameters and of ids in the path."""

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
_DEFAULT_ROWS = 50
_MAX_QUOTED = 32


def checked_id(text: str, *, field: str) -> str:
    """Check the length and characters of an id, because not every database accepts every character.

    Raises:
        WrongValueError: The id is empty, too long or contains a control character.
    """
    if not re.fullmatch(NO_CONTROLS, text) or len(text) > LONGEST_ID:
        raise WrongValueError(
            f"{field} is not a valid id",
            expected=f"1 to {LONGEST_ID} characters without control characters",
            found="another text",
            todo="send the id exactly as you received it",
            field=field,
        )
    return text


def checked_limit(text: str | None) -> int:
    """Parse the row limit of a page.

    Raises:
        WrongValueError: The text is not a number from 1 to `MOST_ROWS`.
    """
    if text is None:
        return _DEFAULT_ROWS
    short = text.isascii() and text.isdigit() and len(text) <= len(str(MOST_ROWS))
    if not (short and 1 <= int(text) <= MOST_ROWS):
        raise WrongValueError(
            "limit is wrong",
            expected=f"1 to {MOST_ROWS}",
            found=repr(text[:_MAX_QUOTED]),
            todo="send a number in that range, and request further pages for more rows",
            field="limit",
        )
    return int(text)


def one_of(query: dict[str, str], name: str, allowed: Collection[str]) -> str | None:
    """Check a parameter against its allowed values; None if it is absent.

    Raises:
        WrongValueError: The value is not allowed.
    """
    given = query.get(name)
    if given is not None and given not in allowed:
        raise WrongValueError(
            f"{name} is wrong",
            expected=" or ".join(allowed),
            found=repr(given[:_MAX_QUOTED]),
            todo="send one of these, or omit the parameter",
            field=name,
        )
    return given


def instant(query: dict[str, str], name: str) -> datetime | None:
    """Parse a parameter as an instant; None if it is absent.

    Raises:
        WrongValueError: The value is not an instant.
    """
    given = query.get(name)
    if given is None:
        return None
    try:
        return clock.parse_instant(given)
    except InputError as error:
        raise WrongValueError(
            error.wrong, expected=error.expected, found=repr(given[:_MAX_QUOTED]), todo=error.todo, field=name
        ) from error
