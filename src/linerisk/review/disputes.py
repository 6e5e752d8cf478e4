"""Disputes and their events: a dispute is the fold of its events, one transition each (`review.transitions`)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated

import msgspec

from linerisk.errors import DecisionLogError
from linerisk.review.transitions import OPEN_STATES, Outcome, State, Transition

Instant = Annotated[datetime, msgspec.Meta(tz=True)]


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """Facts of a dispute that are fixed when it is opened.

    Attributes:
        case_number: The number in the notice of the decision; with `-2` and so on if it is taken.
        decision_id: The disputed decision.
        line_id: Its line.
        as_of: Its `as_of`: the instant that its evidence is from.
        tier: Its tier.
        model: Version of the model that scored.
        reasons: Codes of the reasons that raised the tier.
        policy: Id of the policy that sets the deadlines.
        channel: Where the holder objected, such as `hotline` or `hall`.
        statement: The holder's own words.
        warn_at: From this instant the answer is due soon.
        answer_by: When an answer is due.
        alarm_at: From this instant the hard limit is near.
        hard_limit: When the dispute expires without an answer.
        barred: Names that may not review: scorer, opener, and deciders of earlier disputes of this decision.
    """

    case_number: str
    decision_id: str
    line_id: str
    as_of: Instant
    tier: str
    model: str
    reasons: tuple[str, ...]
    policy: str
    channel: str
    statement: str
    warn_at: Instant
    answer_by: Instant
    alarm_at: Instant
    hard_limit: Instant
    barred: tuple[str, ...]


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One transition of a dispute, as stored in the chain.

    Attributes:
        dispute_id: ULID of the dispute.
        number: 1 for the first event of a dispute, and so on without a gap.
        transition: What was done; `move` in the stored JSON.
        state: State of the dispute after it.
        at: When.
        by: Name of the token, or `review.transitions.SYSTEM_NAME`.
        role: Role of the token.
        request_id: The caller's idempotency key.
        opening: Facts fixed by it; of `open` only.
        assigned_to: The reviewer; of `assign` only.
        outcome: The finding; of `decide` only.
        lowered_to: The tier that replaces the disputed one; of the outcome `lowered` only.
        reason: The written reason.
    """

    dispute_id: str
    number: int
    transition: Transition = msgspec.field(name="move")
    state: State
    at: Instant
    by: str
    role: str
    request_id: str
    opening: Opening | None = None
    assigned_to: str | None = None
    outcome: Outcome | None = None
    lowered_to: str | None = None
    reason: str | None = None


class Dispute(msgspec.Struct, frozen=True, kw_only=True):
    """A dispute in its current state.

    Attributes:
        dispute_id: ULID.
        case_number: The number that the holder names.
        decision_id: The disputed decision.
        line_id: Its line.
        as_of: Its `as_of`: the instant that its evidence is from.
        tier: Its tier.
        model: Version of the model that scored.
        reasons: Codes of the reasons that raised.
        policy: Id of the policy that sets the deadlines.
        channel: Where the holder objected.
        statement: The holder's own words: render them as text, never as markup.
        opened_at: When it was opened.
        opened_by: Name of the token.
        warn_at: From this instant the answer is due soon.
        answer_by: When an answer is due.
        alarm_at: From this instant the hard limit is near.
        hard_limit: When the dispute expires without an answer.
        barred: Names that may not review it.
        state: Its state.
        number: Number of its last event; a request that saw an older one is refused.
        changed_at: When its last event happened.
        assigned_to: The reviewer; None before it is assigned.
        outcome: The finding; the proposed one while `awaiting_approval`; None before and after a refusal.
        lowered_to: The tier that replaces the disputed one; of the outcome `lowered` only.
        reason: The reviewer's written reason.
        decided_by: Who decided it.
        decided_at: When.
        approved_by: The second person who agreed.
        closed_at: When it ended; None while it is open.
        events: All its events, oldest first; empty in lists.
    """

    dispute_id: str
    case_number: str
    decision_id: str
    line_id: str
    as_of: Instant
    tier: str
    model: str
    reasons: tuple[str, ...]
    policy: str
    channel: str
    statement: str
    opened_at: Instant
    opened_by: str
    warn_at: Instant
    answer_by: Instant
    alarm_at: Instant
    hard_limit: Instant
    barred: tuple[str, ...]
    state: State
    number: int
    changed_at: Instant
    assigned_to: str | None
    outcome: Outcome | None
    lowered_to: str | None
    reason: str | None
    decided_by: str | None
    decided_at: Instant | None
    approved_by: str | None
    closed_at: Instant | None
    events: tuple[Event, ...]

    @property
    def is_open(self) -> bool:
        """Whether it still needs an answer."""
        return self.state in OPEN_STATES

    @property
    def overturned(self) -> bool:
        """Whether it ended in the holder's favour, which lifts the measure."""
        return self.state in {State.CLEARED, State.LOWERED}


def apply_event(dispute: Dispute | None, event: Event) -> Dispute:
    """The dispute after one more event; does not check whether the transition is allowed."""
    if dispute is None:
        dispute = _opened(event)
    changed: dict[str, object] = {
        "state": event.state,
        "number": event.number,
        "changed_at": event.at,
        "events": (*dispute.events, event),
        "closed_at": None if event.state in OPEN_STATES else event.at,
    }
    if event.transition is Transition.ASSIGN:
        changed["assigned_to"] = event.assigned_to
    elif event.transition is Transition.DECIDE:
        changed |= {
            "outcome": event.outcome,
            "lowered_to": event.lowered_to,
            "reason": event.reason,
            "decided_by": event.by,
            "decided_at": event.at,
        }
    elif event.transition is Transition.APPROVE:
        changed["approved_by"] = event.by
    elif event.transition is not Transition.OPEN:
        # Refused, withdrawn, expired: the proposed outcome is void.
        changed |= {"outcome": None, "reason": None, "decided_by": None, "decided_at": None}
    return msgspec.structs.replace(dispute, **changed)


def fold(events: Iterable[Event]) -> Dispute | None:
    """The dispute that a sequence of events results in; None without events."""
    dispute: Dispute | None = None
    for event in events:
        dispute = apply_event(dispute, event)
    return dispute


def decode_event(record: str) -> Event:
    """Decode an event from its JSON in the chain.

    Raises:
        DecisionLogError: This is not the JSON of an event.
    """
    try:
        return _DECODER.decode(record)
    except msgspec.MsgspecError as error:
        raise DecisionLogError(
            "this is not an event of a dispute", found=str(error), todo="check the log with `linerisk audit verify`"
        ) from error


def encode_event(event: Event) -> str:
    """Canonical JSON of an event: equal events give equal text."""
    return _ENCODER.encode(event).decode()


def _opened(event: Event) -> Dispute:
    if event.opening is None:
        raise ValueError("the first event of a dispute opens it")
    return Dispute(
        dispute_id=event.dispute_id,
        opened_at=event.at,
        opened_by=event.by,
        state=event.state,
        number=event.number,
        changed_at=event.at,
        assigned_to=None,
        outcome=None,
        lowered_to=None,
        reason=None,
        decided_by=None,
        decided_at=None,
        approved_by=None,
        closed_at=None,
        events=(),
        **msgspec.structs.asdict(event.opening),
    )


_ENCODER = msgspec.json.Encoder(order="sorted")
_DECODER = msgspec.json.Decoder(Event)
