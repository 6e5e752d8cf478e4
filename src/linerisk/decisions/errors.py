"""What the decision log refuses, beside being unreadable or unwritable (`linerisk.errors.DecisionLogError`)."""

from __future__ import annotations

from typing import ClassVar

from linerisk.errors import LineriskError


class ConflictError(LineriskError):
    """A request id was used before with another body."""

    code = "conflict"


class StaleError(ConflictError):
    """Somebody else has moved the case since it was looked at; nothing was written."""

    code = "stale"


class OverloadedError(LineriskError):
    """More decisions wait to be written than the log takes on; nothing was written, so trying again is safe."""

    code = "overloaded"
    retry_after_s: ClassVar[int] = 1


def conflict() -> ConflictError:
    """The refusal of a request id that was used with another body."""
    return ConflictError(
        "this request_id was used before with another body",
        expected="the same body, or a new request_id",
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
