"""Errors of disputes."""

from __future__ import annotations

from typing import Final

from linerisk.decisions.errors import ConflictError
from linerisk.errors import LineriskError

UNKNOWN_DECISION_TODO: Final = (
    "look for the decision by the case number in the notice; pass on what was not decided here to who decided it: an "
    "order or the penalty list to the police that made it, a report to the centre that took it (12321), a list of "
    "another platform to that platform, a stop that the holder requested to a hall"
)
"""What to do when no decision of this log is the one that the holder objects to."""

UNKNOWN_DISPUTE_TODO: Final = "check the id; the queue (`GET /v1/disputes`) lists the disputes"
"""What to do with an id that no dispute has."""


class UnknownDisputeError(LineriskError):
    """There is no such dispute, or no such decision to dispute."""

    code = "unknown_dispute"


class IllegalTransitionError(ConflictError):
    """The state of the dispute does not allow this transition."""

    code = "illegal_move"


class NotAllowedError(LineriskError):
    """This person may not make this transition: wrong role, or took part before."""

    code = "not_allowed"
