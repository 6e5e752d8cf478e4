"""Error classes of the web API, the HTTP status of each error, and the JSON error body.

A refusal describes what was wrong in the caller's own terms. It contains no stack trace, and its text is not logged.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, ClassVar

import msgspec

from linerisk.decisions.errors import ConflictError, OverloadedError, UnconfirmedError
from linerisk.errors import (
    ArtefactError,
    DecisionLogError,
    InputError,
    LineriskError,
    NotLiveError,
    PolicyError,
    StoreError,
    UsageError,
)
from linerisk.review.errors import NotAllowedError, UnknownDisputeError
from linerisk.suspension.errors import NoticeError

_RETRY_AFTER_S = 1
_TEMPORARY = frozenset({HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS})


class RefusedError(LineriskError):
    """A request was refused; each subclass has its own status."""

    code = "refused"
    status: ClassVar[HTTPStatus] = HTTPStatus.BAD_REQUEST


class MalformedError(RefusedError):
    """The request is ambiguous or cannot be parsed, such as JSON with a duplicate key."""

    code = "malformed"


class UnauthorisedError(RefusedError):
    """The token is missing, unknown, expired or revoked."""

    code = "unauthorised"
    status = HTTPStatus.UNAUTHORIZED


class ForbiddenError(RefusedError):
    """The role of the token does not allow this request."""

    code = "forbidden"
    status = HTTPStatus.FORBIDDEN


class NotFoundError(RefusedError):
    """Nothing exists under this path."""

    code = "not_found"
    status = HTTPStatus.NOT_FOUND


class MethodError(RefusedError):
    """The path does not support this method.

    Args:
        wrong: What was wrong.
        allowed: The supported methods.
    """

    code = "method_not_allowed"
    status = HTTPStatus.METHOD_NOT_ALLOWED

    def __init__(self, wrong: str, *, allowed: tuple[str, ...]) -> None:
        methods = " or ".join(allowed)
        super().__init__(wrong, expected=methods, todo=f"send it with {methods}")
        self.allowed = allowed


class SlowHeadError(RefusedError):
    """The head of a request did not arrive in time."""

    code = "slow_head"
    status = HTTPStatus.REQUEST_TIMEOUT


class HeadTooLargeError(RefusedError):
    """The head of a request exceeds the size limit."""

    code = "head_too_large"
    status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE


class SlowBodyError(RefusedError):
    """The body of a request did not arrive in time."""

    code = "slow_body"
    status = HTTPStatus.REQUEST_TIMEOUT


class TooLargeError(RefusedError):
    """The body of a request exceeds the size limit."""

    code = "too_large"
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class MediaTypeError(RefusedError):
    """The body has the wrong media type or is compressed."""

    code = "unsupported_media_type"
    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


class WrongValueError(RefusedError):
    """A field has a wrong type or value, is missing, or is unknown."""

    code = "wrong_value"
    status = HTTPStatus.UNPROCESSABLE_ENTITY


class SocialInsuranceError(WrongValueError):
    """The body contains social-insurance information that no policy in force asks for."""

    code = "social_insurance_not_asked"


class RateLimitedError(RefusedError):
    """The token exceeded its limit of lines per second; nothing was scored or recorded.

    Args:
        rate: Lines per second that one worker scores for the token.
        retry_after_s: Whole seconds after which the same request passes.
    """

    code = "rate_limited"
    status = HTTPStatus.TOO_MANY_REQUESTS

    def __init__(self, rate: int, *, retry_after_s: int) -> None:
        super().__init__(
            "the token exceeded its limit of scored lines",
            expected=f"at most {rate} lines per second",
            todo="wait for the seconds in Retry-After, then send the same request again",
        )
        self.retry_after_s = retry_after_s


class BusyError(RefusedError):
    """The process has reached its limit of concurrent work."""

    code = "overloaded"
    status = HTTPStatus.SERVICE_UNAVAILABLE


class InternalError(RefusedError):
    """The service failed because of an internal error."""

    code = "internal"
    status = HTTPStatus.INTERNAL_SERVER_ERROR


_STATUS: tuple[tuple[type[LineriskError], HTTPStatus], ...] = (
    (ConflictError, HTTPStatus.CONFLICT),
    (UnknownDisputeError, HTTPStatus.NOT_FOUND),
    (NotAllowedError, HTTPStatus.FORBIDDEN),
    (OverloadedError, HTTPStatus.SERVICE_UNAVAILABLE),
    (UnconfirmedError, HTTPStatus.SERVICE_UNAVAILABLE),
    (NotLiveError, HTTPStatus.SERVICE_UNAVAILABLE),
    (DecisionLogError, HTTPStatus.SERVICE_UNAVAILABLE),
    (StoreError, HTTPStatus.SERVICE_UNAVAILABLE),
    (ArtefactError, HTTPStatus.SERVICE_UNAVAILABLE),
    (PolicyError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (NoticeError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (InputError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (UsageError, HTTPStatus.UNPROCESSABLE_ENTITY),
)


class ErrorBody(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Facts of one refusal.

    Attributes:
        code: Stable code of the error.
        message: What was wrong, what was expected, what was found.
        field: Path of the wrong field, such as `lines[3].records[17].started_at`.
        hint: How to fix it.
        request_id: The request id that the caller chose; absent if it was not read yet.
    """

    code: str
    message: str
    field: str | None = None
    hint: str | None = None
    request_id: str | None = None


class ErrorAnswer(msgspec.Struct, frozen=True):
    """The JSON body of every error."""

    error: ErrorBody


def status_of(error: LineriskError) -> HTTPStatus:
    """The HTTP status of an error; an error that no request can cause is an internal error."""
    if isinstance(error, RefusedError):
        return error.status
    return next((status for kind, status in _STATUS if isinstance(error, kind)), HTTPStatus.INTERNAL_SERVER_ERROR)


def retry_after_of(error: LineriskError) -> int | None:
    """Seconds to wait before a retry; None if a retry does not help."""
    if status_of(error) not in _TEMPORARY:
        return None
    seconds: Any = getattr(error, "retry_after_s", _RETRY_AFTER_S)
    return int(seconds)


def answer_of(error: LineriskError, *, request_id: str | None = None) -> ErrorAnswer:
    """The JSON body of an error."""
    parts = [error.wrong]
    if error.expected is not None:
        parts.append(f"expected: {error.expected}")
    if error.found is not None:
        parts.append(f"found: {error.found}")
    return ErrorAnswer(
        ErrorBody(code=error.code, message="; ".join(parts), field=error.field, hint=error.todo, request_id=request_id)
    )
