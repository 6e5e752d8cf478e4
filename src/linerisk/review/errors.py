"""What the desk of disputes refuses."""

from __future__ import annotations

from linerisk.decisions.errors import ConflictError
from linerisk.errors import LineriskError


class UnknownDisputeError(LineriskError):
    """There is no such dispute, or no such decision to dispute."""

    code = "unknown_dispute"


class IllegalMoveError(ConflictError):
    """The dispute stands where this cannot be done."""

    code = "illegal_move"


class NotAllowedError(LineriskError):
    """This person may not make this move: another role, or somebody who took part before."""

    code = "not_allowed"
