"""How a failed call is refused: its error as the caller sees it, and the number under which the log knows it."""

from __future__ import annotations

from http import HTTPStatus

from ulid import ULID

from linerisk.errors import LineriskError
from linerisk.web.errors import InternalError, status_of
from linerisk.web.logs import log, where


def refusal_of(error: Exception, *, route: str) -> tuple[LineriskError, str | None]:
    """The error to answer with, and the log's number of a failure that is not the caller's.

    The caller's own request_id never reaches the log: it is free text and may name a line.
    """
    if isinstance(error, LineriskError):
        if status_of(error) < HTTPStatus.INTERNAL_SERVER_ERROR:
            return error, None
        return error, _log("refused", route, error)
    number = _log("failed", route, error)
    return InternalError(
        "the request could not be answered",
        todo="tell the operator of this service, with the x-request-number of this answer",
    ), number


def _log(event: str, route: str, error: Exception) -> str:
    number = str(ULID())
    log().error(event, number=number, route=route, error=type(error).__name__, where=where(error))
    return number
