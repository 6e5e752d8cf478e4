"""The desk of disputes: makes the moves that are legal, each of them on disk before it is told."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from ulid import ULID

from linerisk import as_of as clock
from linerisk.decisions.errors import ConflictError
from linerisk.decisions.events import stale
from linerisk.decisions.log import DecisionLog
from linerisk.decisions.record import DecisionRecord
from linerisk.policy import Policy, in_force
from linerisk.review import projection, transition_rules
from linerisk.review.deadlines import times_of
from linerisk.review.disputes import Dispute, Event, Opening
from linerisk.review.errors import ELSEWHERE, UnknownDisputeError
from linerisk.review.event_store import Chaining, unknown
from linerisk.review.transitions import CLOCK, SYSTEM, Actor, Move, Outcome, state_after

_MOST_EXPIRED = 1_000


class _Asked(NamedTuple):
    """What a move was asked for with: `content` is the hash that tells whether it is the same one again."""

    dispute_id: str
    move: Move
    request_id: str
    seen: int | None
    content: str


class DisputeService(Chaining):
    """Opens disputes and moves them; what only reads is `Reading`.

    Every move takes the caller's `request_id`: the same one with the same content gives the same answer and writes
    nothing new. `seen` is the number of the last event that the caller saw (`Dispute.number`); a move after another
    one is refused. Without it the move is made after whatever stands now.

    Args:
        log: The decision log that holds the decisions and the events.
        policies: Every policy; the one in force when a dispute is opened sets its clocks.
        role_of: Role of the token of a name if it stands, else None: who may be given a dispute.
    """

    def __init__(self, log: DecisionLog, policies: Sequence[Policy], *, role_of: Callable[[str], str | None]) -> None:
        super().__init__(log)
        self._policies = policies
        self._role_of = role_of

    def open(self, actor: Actor, decision_id: str, *, statement: str, channel: str, request_id: str) -> Dispute:
        """Accept a holder's objection to a decision; it has a number and a time to answer at once.

        Args:
            actor: Who takes it in.
            decision_id: The decision objected to.
            statement: The holder's own words.
            channel: Where they were said, such as `hotline`.
            request_id: The caller's idempotency key.

        Raises:
            UnknownDisputeError: There is no such decision, or it was erased.
            IllegalMoveError: A dispute of it is open already.
            NotAllowedError: The role may not.
            InputError: Statement or channel is wrong.
            ConflictError: The request was made before, with another content.
        """
        asked = _hash(Move.OPEN, decision_id, statement, channel)
        if (told := self._told_before(actor, request_id, asked)) is not None:
            return told
        now = clock.now()
        transition_rules.check_move(None, Move.OPEN, actor, now=now)
        said = transition_rules.checked_text(statement, field="statement")
        channel = transition_rules.checked_channel(channel)
        record = self._log.get(decision_id)
        if record is None:
            raise UnknownDisputeError("there is no such decision", todo=ELSEWHERE, field="decision_id")
        dispute_id = str(ULID.from_datetime(now))
        event = Event(
            dispute_id=dispute_id,
            number=1,
            move=Move.OPEN,
            state=state_after(Move.OPEN, tier=record.tier),
            at=now,
            by=actor.name,
            role=actor.role,
            request_id=request_id,
            opening=self._opening(actor, record, said, channel, now=now),
        )
        return self._chain(None, event, asked)

    def assign(
        self, actor: Actor, dispute_id: str, *, assignee: str, request_id: str, seen: int | None = None
    ) -> Dispute:
        """Give a dispute to a person who reviews it; never to one who took part before.

        Raises:
            UnknownDisputeError: There is no such dispute.
            IllegalMoveError: It cannot be assigned as it stands.
            NotAllowedError: The role may not, or the person took part before.
            InputError: Nobody of this name reviews.
            ConflictError: The case was moved since it was seen, or the request was made before with another content.
        """
        asked = _Asked(dispute_id, Move.ASSIGN, request_id, seen, _hash(Move.ASSIGN, dispute_id, assignee))

        def said(dispute: Dispute) -> dict[str, Any]:
            transition_rules.check_assignee(dispute, assignee, self._role_of(assignee))
            return {"assigned_to": assignee}

        return self._move(actor, asked, said)

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
        """Say what was found, with a written reason. Cleared and lowered lift the measure in the same moment.

        Args:
            actor: The person it is assigned to.
            dispute_id: The dispute.
            outcome: What was found.
            reason: Why, in whole sentences.
            request_id: The caller's idempotency key.
            lowered_to: The tier that stands instead; of `lowered` alone.
            seen: Number of the last event seen.

        Raises:
            InputError: The reason is too short, or the tier is not lower.
            NotAllowedError: It is not assigned to this person.
            LineriskError: See `assign`.
        """
        content = _hash(Move.DECIDE, dispute_id, outcome, reason, lowered_to)
        asked = _Asked(dispute_id, Move.DECIDE, request_id, seen, content)

        def said(dispute: Dispute) -> dict[str, Any]:
            tier = transition_rules.checked_tier(dispute, outcome, lowered_to)
            written = transition_rules.checked_reason(Move.DECIDE, reason)
            return {"outcome": outcome, "reason": written, "lowered_to": tier}

        return self._move(actor, asked, said)

    def approve(
        self, actor: Actor, dispute_id: str, *, agreed: bool, reason: str, request_id: str, seen: int | None = None
    ) -> Dispute:
        """Agree as the second person that the highest tier stands, or refuse: then it is to be decided anew.

        Raises:
            NotAllowedError: The person is no lead, is the first one, or took part before.
            LineriskError: See `decide`.
        """
        move = Move.APPROVE if agreed else Move.REFUSE
        asked = _Asked(dispute_id, move, request_id, seen, _hash(move, dispute_id, reason))
        return self._move(actor, asked, _reasoned(move, reason))

    def withdraw(
        self, actor: Actor, dispute_id: str, *, reason: str, request_id: str, seen: int | None = None
    ) -> Dispute:
        """End a dispute that the holder no longer wants, with what the holder said.

        Raises:
            LineriskError: See `decide`.
        """
        asked = _Asked(dispute_id, Move.WITHDRAW, request_id, seen, _hash(Move.WITHDRAW, dispute_id, reason))
        return self._move(actor, asked, _reasoned(Move.WITHDRAW, reason))

    def expire_due(self) -> int:
        """End every open dispute whose hard limit has passed; how many this call ended.

        One that somebody moves or another process ends meanwhile is left to them.
        """
        actor = Actor(CLOCK, SYSTEM)
        ended = 0
        for dispute in self.past_limit(clock.now(), limit=_MOST_EXPIRED):
            # Not the same one in every process: then each would count what another one ended.
            request_id = f"expire:{ULID()}"
            content = _hash(Move.EXPIRE, dispute.dispute_id)
            asked = _Asked(dispute.dispute_id, Move.EXPIRE, request_id, dispute.number, content)
            try:
                self._move(actor, asked, lambda _: {})
            except ConflictError:
                continue
            ended += 1
        return ended

    def rebuild(self) -> int:
        """Make the register anew from the events of the chain; how many disputes it holds then."""
        with self._log.writing() as connection:
            return projection.rebuild(connection)

    def _opening(self, actor: Actor, record: DecisionRecord, said: str, channel: str, *, now: datetime) -> Opening:
        policy = in_force(self._policies, now)
        times = times_of(policy, now)
        took_part = {record.scored_by, actor.name}
        for earlier in self.of_decision(record.decision_id):
            took_part |= {earlier.opened_by, earlier.decided_by or "", earlier.approved_by or ""}
        return Opening(
            case_number=self.free_number(record.decision_id),
            decision_id=record.decision_id,
            line_id=record.line_id,
            as_of=record.as_of,
            tier=record.tier,
            model=record.model.version,
            reasons=tuple(sorted({each.code for each in record.reasons if each.direction == "raises"})),
            policy=policy.id,
            channel=channel,
            statement=said,
            barred=tuple(sorted(took_part - {""})),
            **times._asdict(),
        )

    def _move(self, actor: Actor, asked: _Asked, said: Callable[[Dispute], dict[str, Any]]) -> Dispute:
        dispute_id, move, request_id, seen, content = asked
        if (told := self._told_before(actor, request_id, content)) is not None:
            return told
        dispute = self.get(dispute_id)
        if dispute is None:
            raise unknown()
        now = clock.now()
        if seen is not None and seen != dispute.number:
            raise stale(seen=seen, last=dispute.number)
        transition_rules.check_move(dispute, move, actor, now=now)
        saying = said(dispute)
        event = Event(
            dispute_id=dispute_id,
            number=dispute.number + 1,
            move=move,
            state=state_after(move, tier=dispute.tier, outcome=saying.get("outcome")),
            at=now,
            by=actor.name,
            role=actor.role,
            request_id=request_id,
            **saying,
        )
        return self._chain(dispute, event, content)


def _reasoned(move: Move, reason: str) -> Callable[[Dispute], dict[str, Any]]:
    return lambda _: {"reason": transition_rules.checked_reason(move, reason)}


def _hash(*asked: object) -> str:
    return hashlib.sha256(msgspec.json.encode(asked)).hexdigest()
