"""Request and answer types of the dispute calls."""

from __future__ import annotations

from typing import Annotated

import msgspec

from linerisk.model.tiers import Tier
from linerisk.review.deadlines import DeadlineStatus, deadline_status
from linerisk.review.disputes import Dispute, Instant
from linerisk.review.queries import Lift
from linerisk.review.transitions import MAX_TEXT_CHARS, MIN_REASON_CHARS, Outcome
from linerisk.service.request_types import RequestId
from linerisk.web.query_params import LONGEST_ID, NO_CONTROLS

Id = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_ID, pattern=NO_CONTROLS)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Written = Annotated[str, msgspec.Meta(min_length=MIN_REASON_CHARS, max_length=MAX_TEXT_CHARS)]
Seen = Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1, description="number of the last event seen")]


class OpenRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Open a dispute: the statement of the holder and its channel, such as `hotline`, `hall` or `app`."""

    request_id: RequestId
    decision_id: Id
    statement: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_TEXT_CHARS)]
    channel: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]*$", max_length=32)]


class AssignRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Assign a dispute to a reviewer, by the name of the token."""

    request_id: RequestId
    assignee: Name
    seen: Seen | None = None


class OutcomeRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Record the outcome and the reason; `lowered_to` belongs to the outcome `lowered`."""

    request_id: RequestId
    outcome: Outcome
    reason: Written
    lowered_to: Tier | None = None
    seen: Seen | None = None


class ApproveRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Approve as the second person, or refuse, with the reason."""

    request_id: RequestId
    approved: bool
    reason: Written
    seen: Seen | None = None


class DisputeAnswer(Dispute, frozen=True, kw_only=True):
    """The current state of a dispute; lists omit its events. `clock` is null once it has ended."""

    clock: DeadlineStatus | None


class QueueAnswer(msgspec.Struct, frozen=True):
    """A page of disputes, those due first at the top; `next_after` is null on the last page."""

    disputes: list[DisputeAnswer]
    next_after: str | None


class LiftsAnswer(msgspec.Struct, frozen=True):
    """Lifts in order. Poll with `after=next_after`: a later lift never gets an earlier position."""

    lifts: list[Lift]
    next_after: int


def dispute_answer(dispute: Dispute, now: Instant) -> DisputeAnswer:
    """The answer for a dispute."""
    return DisputeAnswer(**msgspec.structs.asdict(dispute), clock=deadline_status(dispute, now))
