"""What the desk of disputes refuses."""

from __future__ import annotations

from typing import Final

from linerisk.decisions.errors import ConflictError
from linerisk.errors import LineriskError

ELSEWHERE: Final = (
    "look for the decision by the case number in the notice; pass on what was not decided here to who decided it: an "
    "order or the penalty list to the police that made it, a report to the centre that took it (12321), a list of "
    "another platform to that platform, a stop that the holder asked for to a hall"
)
"""What to do with an objection to something that no decision of this log is about."""


IN_THE_QUEUE: Final = "check the id; the queue of disputes (`GET /v1/disputes`) tells those there are"
"""What to do with an id that no dispute has."""


class UnknownDisputeError(LineriskError):
    """There is no such dispute, or no such decision to dispute."""

    code = "unknown_dispute"


class IllegalMoveError(ConflictError):
    """The dispute stands where this cannot be done."""

    code = "illegal_move"


class NotAllowedError(LineriskError):
    """This person may not make this move: another role, or somebody who took part before."""

    code = "not_allowed"
