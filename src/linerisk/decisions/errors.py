"""Errors of the decision log, in addition to `linerisk.errors.DecisionLogError` (unreadable or unwritable)."""

from __future__ import annotations

import sqlite3
from typing import ClassVar, Final

from sqlalchemy.exc import OperationalError, SQLAlchemyError

from linerisk.errors import DecisionLogError, LineriskError

OURS: Final = "tell the maintainers of this program; nothing of the request was recorded"
"""What to do about a decision that the program should never have made so."""

FAILURES = (SQLAlchemyError, sqlite3.Error, OSError)
"""What a database or a disk in trouble raises."""


class StoreBusyError(Exception):
    """Another connection holds the write lock, and this one does not wait for it."""


class ConflictError(LineriskError):
    """A request id was used before with another body."""

    code = "conflict"


class StaleError(ConflictError):
    """The case changed since it was read; nothing was written."""

    code = "stale"


class OverloadedError(LineriskError):
    """The queue of decisions to write is full; nothing was written, so a retry is safe."""

    code = "overloaded"
    retry_after_s: ClassVar[int] = 1


class UnconfirmedError(LineriskError):
    """The log did not confirm the decisions in time; repeating the request tells whether they were recorded."""

    code = "unconfirmed"
    retry_after_s: ClassVar[int] = 1


def unconfirmed(within_s: float) -> UnconfirmedError:
    """The refusal of a request while the database server does not answer."""
    return UnconfirmedError(
        "the decision log did not answer in time",
        expected=f"an answer within {within_s:g} s",
        todo="repeat the request with the same request_id: it is decided once, however often it is repeated",
    )


def conflict() -> ConflictError:
    """The refusal of a request id that was used with another body."""
    return ConflictError(
        "this request_id was used before with another body",
        expected="the same body, or a new request_id",
        todo="send a new request_id",
        field="request_id",
    )


def erased() -> ConflictError:
    """The refusal of a request whose answer is past its retention: it cannot be repeated, and no other is made up."""
    return ConflictError(
        "this request_id was answered before, and the answer was erased at the end of its retention",
        expected="a new request_id",
        todo="send a new request_id",
        field="request_id",
    )


def overloaded(waiting: int, *, most: int) -> OverloadedError:
    """The refusal of a request while so many records wait."""
    return OverloadedError(
        "too many decisions wait to be written",
        expected=f"at most {most}",
        found=str(waiting),
        todo=f"try again in {OverloadedError.retry_after_s} s",
    )


def unusable(error: Exception) -> DecisionLogError:
    """The error of the log for an error of the database or the disk; it names no value of any row, and no secret."""
    cause = getattr(error, "orig", None) or error
    # Messages of these errors describe the store only; others may quote the row.
    telling = isinstance(error, OperationalError | sqlite3.OperationalError | OSError)
    return DecisionLogError(
        "the decision log cannot be used",
        found=f"{type(cause).__name__}: {cause}" if telling else type(cause).__name__,
        todo="see that its database is there and has room, and that no other program holds it locked"
        if telling
        else "see the log of the database, and check this one with `linerisk audit verify`",
    )
