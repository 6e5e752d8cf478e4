"""Dispute service: opens disputes and makes their transitions, each durable before it is returned."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from ulid import ULID

from linerisk import as_of
from linerisk.decisions.errors import ConflictError
from linerisk.decisions.events import stale
from linerisk.decisions.log import DecisionLog
from linerisk.decisions.record import DecisionRecord
from linerisk.policy import Policy, in_force
from linerisk.review import projection, transition_rules
from linerisk.review.deadlines import deadlines_for
from linerisk.review.disputes import Dispute, Event, Opening
from linerisk.review.errors import UNKNOWN_DECISION_TODO, UnknownDisputeError
from linerisk.review.event_store import DisputeEventStore, unknown_dispute
from linerisk.review.transitions import SYSTEM, SYSTEM_NAME, Actor, Outcome, Transition, state_after

_EXPIRE_BATCH = 1_000


class _Request(NamedTuple):
    """A requested transition; `body_hash` detects a reused request id with another content."""

    dispute_id: str
    transition: Transition
    request_id: str
    seen: int | None
    body_hash: str


class DisputeService(DisputeEventStore):
    """Opens disputes and makes their transitions; reads are in `DisputeQueries`.

    Every transition takes the caller's `request_id`: the same id with the same content gives the same answer and writes
    nothing. `seen` is the number of the last event that the caller saw (`Dispute.number`): if there is a newer event,
    the request is refused. Without `seen` the transition applies to the current state.

    Args:
        log: The decision log that holds the decisions and the events.
        policies: Every policy; the one in force when a dispute is opened sets its deadlines.
        role_of: Role of the valid token with a name, else None: decides who may be an assignee.
    """

    def __init__(self, log: DecisionLog, policies: Sequence[Policy], *, role_of: Callable[[str], str | None]) -> None:
        super().__init__(log)
        self._policies = policies
        self._role_of = role_of

    def open(self, actor: Actor, decision_id: str, *, statement: str, channel: str, request_id: str) -> Dispute:
        """Open a dispute of a decision; it gets its case number and its deadlines at once.

        Args:
            actor: Who opens it.
            decision_id: The disputed decision.
            statement: The holder's own words.
            channel: Where the holder objected, such as `hotline`.
            request_id: The caller's idempotency key.

        Raises:
            UnknownDisputeError: There is no such decision, or it was erased.
            IllegalTransitionError: It has an open dispute already.
            NotAllowedError: The role may not open disputes.
            InputError: Statement or channel is wrong.
            ConflictError: The request id was used before, with another content.
        """
        body_hash = _hash(Transition.OPEN, decision_id, statement, channel)
        if (stored := self._stored_answer(actor, request_id, body_hash)) is not None:
            return stored
        now = as_of.now()
        transition_rules.check_transition(None, Transition.OPEN, actor, now=now)
        statement = transition_rules.checked_text(statement, field="statement")
        channel = transition_rules.checked_channel(channel)
        record = self._log.get(decision_id)
        if record is None:
            raise UnknownDisputeError("there is no such decision", todo=UNKNOWN_DECISION_TODO, field="decision_id")
        dispute_id = str(ULID.from_datetime(now))
        event = Event(
            dispute_id=dispute_id,
            number=1,
            transition=Transition.OPEN,
            state=state_after(Transition.OPEN, tier=record.tier),
            at=now,
            by=actor.name,
            role=actor.role,
            request_id=request_id,
            opening=self._opening(actor, record, statement, channel, now=now),
        )
        return self._append(None, event, body_hash)

    def assign(
        self, actor: Actor, dispute_id: str, *, assignee: str, request_id: str, seen: int | None = None
    ) -> Dispute:
        """Assign a dispute to a reviewer or lead who took no part before.

        Raises:
            UnknownDisputeError: There is no such dispute.
            IllegalTransitionError: Its state does not allow it.
            NotAllowedError: The role may not assign, or the assignee took part before.
            InputError: No reviewer has this name.
            ConflictError: There is a newer event than `seen`, or the request id was used with another content.
        """
        body_hash = _hash(Transition.ASSIGN, dispute_id, assignee)
        request = _Request(dispute_id, Transition.ASSIGN, request_id, seen, body_hash)

        def event_fields(dispute: Dispute) -> dict[str, Any]:
            transition_rules.check_assignee(dispute, assignee, self._role_of(assignee))
            return {"assigned_to": assignee}

        return self._apply(actor, request, event_fields)

    def decide(
        self,
        actor: Actor,
        dispute_id: str,
        *,
        outcome: Outcome,
        reason: str,
        request_id: str,
        lowered_to: str | None = None,
        seen: int | None = None,
    ) -> Dispute:
        """Record the finding with a written reason; cleared and lowered lift the measure in the same transaction.

        Args:
            actor: The person it is assigned to.
            dispute_id: The dispute.
            outcome: The finding.
            reason: Why, in whole sentences.
            request_id: The caller's idempotency key.
            lowered_to: The tier that replaces the disputed one; of `lowered` only.
            seen: Number of the last event seen.

        Raises:
            InputError: The reason is too short, or the tier is not lower.
            NotAllowedError: It is assigned to somebody else.
            LineriskError: See `assign`.
        """
        body_hash = _hash(Transition.DECIDE, dispute_id, outcome, reason, lowered_to)
        request = _Request(dispute_id, Transition.DECIDE, request_id, seen, body_hash)

        def event_fields(dispute: Dispute) -> dict[str, Any]:
            tier = transition_rules.checked_tier(dispute, outcome, lowered_to)
            written = transition_rules.checked_reason(Transition.DECIDE, reason)
            return {"outcome": outcome, "reason": written, "lowered_to": tier}

        return self._apply(actor, request, event_fields)

    def approve(
        self, actor: Actor, dispute_id: str, *, agreed: bool, reason: str, request_id: str, seen: int | None = None
    ) -> Dispute:
        """Agree as the second person to uphold the highest tier, or refuse and send it back to the assignee.

        Raises:
            NotAllowedError: The person is no lead, is the first one, or took part before.
            LineriskError: See `decide`.
        """
        transition = Transition.APPROVE if agreed else Transition.REFUSE
        request = _Request(dispute_id, transition, request_id, seen, _hash(transition, dispute_id, reason))
        return self._apply(actor, request, _reason_field(transition, reason))

    def withdraw(
        self, actor: Actor, dispute_id: str, *, reason: str, request_id: str, seen: int | None = None
    ) -> Dispute:
        """End a dispute that the holder gave up, with what the holder said.

        Raises:
            LineriskError: See `decide`.
        """
        body_hash = _hash(Transition.WITHDRAW, dispute_id, reason)
        request = _Request(dispute_id, Transition.WITHDRAW, request_id, seen, body_hash)
        return self._apply(actor, request, _reason_field(Transition.WITHDRAW, reason))

    def expire_due(self) -> int:
        """Expire open disputes past their hard limit; returns how many this call expired.

        A dispute that another request or process changes meanwhile is skipped.
        """
        actor = Actor(SYSTEM_NAME, SYSTEM)
        expired = 0
        for dispute in self.past_hard_limit(as_of.now(), limit=_EXPIRE_BATCH):
            # A request id per process: with a shared one, each process would count disputes that another one expired.
            request_id = f"expire:{ULID()}"
            body_hash = _hash(Transition.EXPIRE, dispute.dispute_id)
            request = _Request(dispute.dispute_id, Transition.EXPIRE, request_id, dispute.number, body_hash)
            try:
                self._apply(actor, request, lambda _: {})
            except ConflictError:
                continue
            expired += 1
        return expired

    def rebuild(self) -> int:
        """Rebuild the projection from the events of the chain; returns how many disputes it holds."""
        with self._log.writing() as connection:
            return projection.rebuild(connection)

    def _opening(self, actor: Actor, record: DecisionRecord, statement: str, channel: str, *, now: datetime) -> Opening:
        policy = in_force(self._policies, now)
        took_part = {record.scored_by, actor.name}
        for earlier in self.of_decision(record.decision_id):
            took_part |= {earlier.opened_by, earlier.decided_by or "", earlier.approved_by or ""}
        return Opening(
            case_number=self.free_case_number(record.decision_id),
            decision_id=record.decision_id,
            line_id=record.line_id,
            as_of=record.as_of,
            tier=record.tier,
            model=record.model.version,
            reasons=tuple(sorted({each.code for each in record.reasons if each.direction == "raises"})),
            policy=policy.id,
            channel=channel,
            statement=statement,
            barred=tuple(sorted(took_part - {""})),
            **deadlines_for(policy, now)._asdict(),
        )

    def _apply(self, actor: Actor, request: _Request, event_fields: Callable[[Dispute], dict[str, Any]]) -> Dispute:
        dispute_id, transition, request_id, seen, body_hash = request
        if (stored := self._stored_answer(actor, request_id, body_hash)) is not None:
            return stored
        dispute = self.get(dispute_id)
        if dispute is None:
            raise unknown_dispute()
        now = as_of.now()
        if seen is not None and seen != dispute.number:
            raise stale(seen=seen, last=dispute.number)
        transition_rules.check_transition(dispute, transition, actor, now=now)
        fields = event_fields(dispute)
        event = Event(
            dispute_id=dispute_id,
            number=dispute.number + 1,
            transition=transition,
            state=state_after(transition, tier=dispute.tier, outcome=fields.get("outcome")),
            at=now,
            by=actor.name,
            role=actor.role,
            request_id=request_id,
            **fields,
        )
        return self._append(dispute, event, body_hash)


def _reason_field(transition: Transition, reason: str) -> Callable[[Dispute], dict[str, Any]]:
    return lambda _: {"reason": transition_rules.checked_reason(transition, reason)}


def _hash(*content: object) -> str:
    return hashlib.sha256(msgspec.json.encode(content)).hexdigest()
