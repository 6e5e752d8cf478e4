"""The one shape of every refusal, and the status of every error that can reach the door.

A refusal says what was wrong in the caller's own terms. It never carries a stack trace, and nothing of it is logged.
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
_PASSING = frozenset({HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS})


class RefusedError(LineriskError):
    """A request that is not answered; each kind has its own status."""

    code = "refused"
    status: ClassVar[HTTPStatus] = HTTPStatus.BAD_REQUEST


class MalformedError(RefusedError):
    """The body is no JSON that means one thing only."""

    code = "malformed"


class UnauthorisedError(RefusedError):
    """No token, or one that does not stand."""

    code = "unauthorised"
    status = HTTPStatus.UNAUTHORIZED


class ForbiddenError(RefusedError):
    """The token's role may not do this."""

    code = "forbidden"
    status = HTTPStatus.FORBIDDEN


class NotFoundError(RefusedError):
    """There is nothing under this path."""

    code = "not_found"
    status = HTTPStatus.NOT_FOUND


class MethodError(RefusedError):
    """The path is there; the method is not.

    Args:
        wrong: What was wrong.
        allowed: The methods that are offered.
    """

    code = "method_not_allowed"
    status = HTTPStatus.METHOD_NOT_ALLOWED

    def __init__(self, wrong: str, *, allowed: tuple[str, ...]) -> None:
        offered = " or ".join(allowed)
        super().__init__(wrong, expected=offered, todo=f"send it with {offered}")
        self.allowed = allowed


class SlowHeadError(RefusedError):
    """The head of a request did not arrive in time."""

    code = "slow_head"
    status = HTTPStatus.REQUEST_TIMEOUT


class HeadTooLargeError(RefusedError):
    """The head of a request is larger than is read."""

    code = "head_too_large"
    status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE


class SlowBodyError(RefusedError):
    """The body did not arrive in time."""

    code = "slow_body"
    status = HTTPStatus.REQUEST_TIMEOUT


class TooLargeError(RefusedError):
    """The body is larger than is read."""

    code = "too_large"
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class MediaTypeError(RefusedError):
    """The body is of another kind than JSON."""

    code = "unsupported_media_type"
    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


class WrongValueError(RefusedError):
    """A field has a wrong type or value, is missing, or is not known."""

    code = "wrong_value"
    status = HTTPStatus.UNPROCESSABLE_ENTITY


class SocialInsuranceError(WrongValueError):
    """The body carries social-insurance information that no policy in force asks for."""

    code = "social_insurance_not_asked"


class RateLimitedError(RefusedError):
    """The token has had as many lines scored as it may for the moment; nothing was scored, nothing was recorded.

    Args:
        rate: Lines a second that it may have scored by one worker.
        retry_after_s: Whole seconds after which the same request will pass.
    """

    code = "rate_limited"
    status = HTTPStatus.TOO_MANY_REQUESTS

    def __init__(self, rate: int, *, retry_after_s: int) -> None:
        super().__init__(
            "the token has had as many lines scored as it may for the moment",
            expected=f"at most {rate} lines a second",
            todo="wait as Retry-After says and send the same request again",
        )
        self.retry_after_s = retry_after_s


class BusyError(RefusedError):
    """More is being worked on than the process takes on."""

    code = "overloaded"
    status = HTTPStatus.SERVICE_UNAVAILABLE


class InternalError(RefusedError):
    """A fault of ours."""

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
    """What is told about a refusal.

    Attributes:
        code: Stable name of the kind.
        message: What was wrong, what was expected, what was found.
        field: Where in the request, such as `lines[3].records[17].started_at`.
        hint: What to do about it.
        request_id: The caller's own id of the request, where it was read.
    """

    code: str
    message: str
    field: str | None = None
    hint: str | None = None
    request_id: str | None = None


class ErrorAnswer(msgspec.Struct, frozen=True):
    """The one error shape."""

    error: ErrorBody


def status_of(error: LineriskError) -> HTTPStatus:
    """The status of an error; one that no request can cause counts as ours."""
    if isinstance(error, RefusedError):
        return error.status
    return next((status for kind, status in _STATUS if isinstance(error, kind)), HTTPStatus.INTERNAL_SERVER_ERROR)


def retry_after_of(error: LineriskError) -> int | None:
    """Seconds after which trying again makes sense."""
    if status_of(error) not in _PASSING:
        return None
    seconds: Any = getattr(error, "retry_after_s", _RETRY_AFTER_S)
    return int(seconds)


def answer_of(error: LineriskError, *, request_id: str | None = None) -> ErrorAnswer:
    """The body of a refusal."""
    parts = [error.wrong]
    if error.expected is not None:
        parts.append(f"expected: {error.expected}")
    if error.found is not None:
        parts.append(f"found: {error.found}")
    return ErrorAnswer(
        ErrorBody(code=error.code, message="; ".join(parts), field=error.field, hint=error.todo, request_id=request_id)
    )
