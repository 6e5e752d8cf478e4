"""What a dispute is: the sum of its events, each of them one move by one person (`review.transitions`)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated

import msgspec

from linerisk.errors import DecisionLogError
from linerisk.review.transitions import OPEN_STATES, Move, Outcome, State

Instant = Annotated[datetime, msgspec.Meta(tz=True)]


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """What is fixed when a dispute is opened.

    Attributes:
        case_number: The decision's, as its notice says it; `-2` and so on after it if that one is taken.
        decision_id: The decision objected to.
        line_id: Its line.
        as_of: The instant that it stood at.
        tier: Its tier.
        model: Version of the model that scored.
        reasons: Codes of the reasons that raised, as they were said.
        policy: Policy that the clocks are from.
        channel: Where the holder objected, such as `hotline` or `hall`.
        statement: The holder's own words.
        warn_at: From when on the answer is due soon.
        answer_by: When an answer is due.
        alarm_at: From when on the hard limit is near.
        hard_limit: When an answer is due at the latest.
        barred: Who may not review: who scored, who opened, who decided an earlier dispute of the same decision.
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
    """One move, as it is chained.

    Attributes:
        dispute_id: ULID of the dispute.
        number: 1 for the first event of a dispute, and so on without a gap.
        move: What was done.
        state: Where the dispute stands after it.
        at: When.
        by: Name of the token, or `review.transitions.CLOCK`.
        role: Its role.
        request_id: The caller's idempotency key.
        opening: What is fixed by it; of `open` alone.
        assigned_to: Who is to review; of `assign` alone.
        outcome: What was found; of `decide` alone.
        lowered_to: The tier that stands instead; of the outcome `lowered` alone.
        reason: The written reason.
    """

    dispute_id: str
    number: int
    move: Move
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
    """A dispute as it stands.

    Attributes:
        dispute_id: ULID.
        case_number: What the holder is told.
        decision_id: The decision objected to.
        line_id: Its line.
        as_of: The instant that it stood at.
        tier: Its tier.
        model: Version of the model that scored.
        reasons: Codes of the reasons that raised.
        policy: Policy that the clocks are from.
        channel: Where the holder objected.
        statement: The holder's own words: show them as text, never as markup.
        opened_at: When it was opened.
        opened_by: Name of the token.
        warn_at: From when on the answer is due soon.
        answer_by: When an answer is due.
        alarm_at: From when on the hard limit is near.
        hard_limit: When an answer is due at the latest.
        barred: Who may not review it.
        state: Where it stands.
        number: Number of its last event: a move names the one it saw, and is refused if there is a newer one.
        changed_at: When it was last moved.
        assigned_to: Who reviews; None before.
        outcome: What was found; while `awaiting_approval`, what is proposed; None before and after a refusal.
        lowered_to: The tier that stands instead; of the outcome `lowered` alone.
        reason: The reviewer's written reason.
        decided_by: Who found it.
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
        """Whether somebody still has to do something."""
        return self.state in OPEN_STATES

    @property
    def overturned(self) -> bool:
        """Whether it ended in the holder's favour, so that the measure is lifted."""
        return self.state in {State.CLEARED, State.LOWERED}


def after(dispute: Dispute | None, event: Event) -> Dispute:
    """The dispute with one more event; says nothing about whether the event was allowed."""
    if dispute is None:
        dispute = _opened(event)
    changed: dict[str, object] = {
        "state": event.state,
        "number": event.number,
        "changed_at": event.at,
        "events": (*dispute.events, event),
        "closed_at": None if event.state in OPEN_STATES else event.at,
    }
    if event.move is Move.ASSIGN:
        changed["assigned_to"] = event.assigned_to
    elif event.move is Move.DECIDE:
        changed |= {
            "outcome": event.outcome,
            "lowered_to": event.lowered_to,
            "reason": event.reason,
            "decided_by": event.by,
            "decided_at": event.at,
        }
    elif event.move is Move.APPROVE:
        changed["approved_by"] = event.by
    elif event.move is not Move.OPEN:
        # Refused, withdrawn, expired: what was proposed does not stand.
        changed |= {"outcome": None, "reason": None, "decided_by": None, "decided_at": None}
    return msgspec.structs.replace(dispute, **changed)


def folded(events: Iterable[Event]) -> Dispute | None:
    """The dispute that some events make; None of none."""
    dispute: Dispute | None = None
    for event in events:
        dispute = after(dispute, event)
    return dispute


def event_of(record: str) -> Event:
    """An event from its JSON in the chain.

    Raises:
        DecisionLogError: This is not the JSON of an event.
    """
    try:
        return _DECODER.decode(record)
    except msgspec.MsgspecError as error:
        raise DecisionLogError(
            "this is not an event of a dispute", found=str(error), todo="check the log with `linerisk audit verify`"
        ) from error


def json_of(event: Event) -> str:
    """The canonical JSON of an event: the same event gives the same text."""
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
