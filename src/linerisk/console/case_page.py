"""The case page: everything that was seen, what follows from it, and what the person who looks may do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

from ulid import ULID

from linerisk.console.challenger_view import ChallengerShown, challenger_shown
from linerisk.console.decision_view import DecisionShown, decision_shown
from linerisk.console.line_history import History, history_of
from linerisk.console.page_request import ConsoleContext, Page, PageRequest
from linerisk.console.queue_page import QueueRow, row_of
from linerisk.console.similar_cases_view import PeersShown, peers_shown
from linerisk.console.translations import local, speaker
from linerisk.model.tiers import RAISED
from linerisk.review.access_log import Access
from linerisk.review.disputes import Dispute, Event
from linerisk.review.errors import UNKNOWN_DISPUTE_TODO, UnknownDisputeError
from linerisk.review.transitions import SECOND_PERSON_TIER, SYSTEM_NAME, TRANSITIONS, Outcome, State, Transition
from linerisk.suspension.local_time import Language
from linerisk.web.query_params import checked_id

Tell = Callable[[Event], str]
MOST_LISTED = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """What somebody had written in a form that was refused, so that it is not lost.

    Attributes:
        outcome: The finding chosen.
        lowered_to: The tier chosen.
        reason: The text.
    """

    outcome: str = ""
    lowered_to: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A message at the top of a case.

    Attributes:
        good: Whether something was done; else it was refused.
        text: What there is to say.
        meanwhile: Who did what since the page was opened, one sentence each.
        detail: The facts of a refusal, in the visitor's language.
    """

    good: bool
    text: str
    meanwhile: tuple[str, ...] = ()
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moves:
    """What the person who looks may do.

    Attributes:
        assign: Whether they may have it assigned to them.
        decide: Whether they may record a finding.
        approve: Whether they may agree or not as the second person.
        withdraw: Whether they may record that the holder withdraws.
        cannot: Why none of the first three, as a key of words; empty if any.
        lower: Tiers that could stand instead.
        outcomes: Findings that there are.
        needs_second: Whether upholding takes a second person.
    """

    assign: bool
    decide: bool
    approve: bool
    withdraw: bool
    cannot: str
    lower: tuple[str, ...]
    outcomes: tuple[str, ...]
    needs_second: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EventShown:
    """One event of a dispute.

    Attributes:
        at: When.
        by: Who, in words where it was the clock.
        role: In which role.
        what: What was done, in words.
        reason: The written reason; None where none was needed.
    """

    at: datetime
    by: str
    role: str
    what: str
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CasePage:
    """A case as it is shown.

    Attributes:
        dispute: The dispute; its statement is shown as text.
        row: The same with its clocks in words.
        decision: The decision with all that stands behind it; None where it was erased.
        peers: Decided cases like it; None where the decision was erased.
        challenger: What the version that asks to be live would have said; None where the decision was erased.
        moves: What the person who looks may do.
        request_id: Key of the next move, so that a form sent twice counts once.
        seen: Number of the last event that this page shows.
        told: A message; None where there is none.
        typed: What a refused form held.
        events: What happened, oldest first.
        history: Decisions and disputes of the line.
        accesses: Who has opened this case, newest first; at most twenty.
        more_accesses: Whether there are more.
        lifted_at: When the measure was lifted; None where it was not.
    """

    dispute: Dispute
    row: QueueRow
    decision: DecisionShown | None
    peers: PeersShown | None
    challenger: ChallengerShown | None
    moves: Moves
    request_id: str
    seen: int
    told: Told | None
    typed: Typed
    events: tuple[EventShown, ...]
    history: History
    accesses: tuple[Access, ...]
    more_accesses: bool
    lifted_at: datetime | None


_DONE = {
    "assigned": (Transition.ASSIGN, {State.ASSIGNED}),
    "decided": (Transition.DECIDE, {State.UPHELD, State.INCONCLUSIVE}),
    "awaiting": (Transition.DECIDE, {State.AWAITING_APPROVAL}),
    "lifted": (Transition.DECIDE, {State.CLEARED, State.LOWERED}),
    "approved": (Transition.APPROVE, {State.UPHELD}),
    "refused": (Transition.REFUSE, {State.ASSIGNED}),
    "withdrawn": (Transition.WITHDRAW, {State.WITHDRAWN}),
}
"""What an address may say was done: by which move, and where the case stands then."""


def case_page(room: ConsoleContext, visit: PageRequest) -> Page:
    """Answer `GET /review/cases/{id}`."""
    dispute = dispute_of(room, visit)
    return shown(room, visit, dispute, told=_done(room, visit, dispute))


def _done(room: ConsoleContext, visit: PageRequest, dispute: Dispute) -> Told | None:
    """That a move of the visitor was made, where it was the last one: an address is no proof, and may be an old one."""
    named = visit.query.get("done", "")
    if named not in _DONE:
        return None
    move, states = _DONE[named]
    last = dispute.events[-1]
    if (last.by, last.transition) != (visit.actor.name, move) or dispute.state not in states:
        return None
    text = speaker(visit.language)(f"done_{named}")
    return Told(good=True, text=text.format(local(dispute.changed_at, room.state.settings.time_zone)))


def dispute_of(room: ConsoleContext, visit: PageRequest) -> Dispute:
    """The dispute that a path names, with its events.

    Raises:
        UnknownDisputeError: There is none.
    """
    dispute = room.state.disputes.get(checked_id(visit.params["id"], field="id"))
    if dispute is None:
        raise UnknownDisputeError("there is no such dispute", todo=UNKNOWN_DISPUTE_TODO, field="id")
    return dispute


def shown(
    room: ConsoleContext,
    visit: PageRequest,
    dispute: Dispute,
    *,
    told: Told | None = None,
    typed: Typed | None = None,
    status: HTTPStatus = HTTPStatus.OK,
) -> Page:
    """The page of a case, with a message or without; that it was opened is on disk before anything is shown."""
    room.accesses.record(visit.actor, "case", dispute.dispute_id, at=visit.now)
    record = room.state.log.get(dispute.decision_id)
    decision = None if record is None else decision_shown(room, record, visit.language)
    tell = teller(visit)
    accesses = room.accesses.of(dispute.dispute_id, limit=MOST_LISTED + 1)
    page = CasePage(
        dispute=dispute,
        row=row_of(dispute, visit),
        decision=decision,
        peers=None if record is None else peers_shown(room, dispute, record, visit.language),
        challenger=None if decision is None else challenger_shown(room, decision, visit.language),
        moves=moves_of(dispute, visit),
        request_id=f"console:{ULID()}",
        seen=dispute.number,
        told=told,
        typed=typed or Typed(),
        events=tuple(
            EventShown(at=each.at, by=who(each, visit.language), role=each.role, what=tell(each), reason=each.reason)
            for each in dispute.events
        ),
        history=history_of(room, visit, dispute.line_id),
        accesses=accesses[:MOST_LISTED],
        more_accesses=len(accesses) > MOST_LISTED,
        lifted_at=dispute.changed_at if dispute.overturned else None,
    )
    return Page("case.html.j2", page, status)


def who(event: Event, language: Language) -> str:
    """Who made a move: the name of a token, or in words that it was the clock."""
    return speaker(language)("role_system") if event.by == SYSTEM_NAME else event.by


def teller(visit: PageRequest) -> Tell:
    """What says an event in the visitor's language."""
    say = speaker(visit.language)

    def tell(event: Event) -> str:
        said = say(f"event_{event.transition.value}")
        if event.transition is Transition.ASSIGN:
            return said.format(event.assigned_to)
        if event.transition is Transition.DECIDE and event.outcome is not None:
            found = said.format(say(f"state_{event.outcome.value}"))
            return found if event.lowered_to is None else f"{found} ({say(f'tier_{event.lowered_to}')})"
        return said

    return tell


def moves_of(dispute: Dispute, visit: PageRequest) -> Moves:
    """What a visitor may do, by the one table of moves; the state looks again when they do it."""
    name, role = visit.actor.name, visit.actor.role

    def may(move: Transition) -> bool:
        return role in TRANSITIONS[move].roles and dispute.state in TRANSITIONS[move].from_states

    barred = name in dispute.barred
    first = name in {dispute.decided_by, dispute.assigned_to}
    assign = may(Transition.ASSIGN) and not barred and dispute.assigned_to != name
    decide = may(Transition.DECIDE) and dispute.assigned_to == name
    approve = may(Transition.APPROVE) and not barred and not first
    raised = [tier.value for tier in RAISED]
    return Moves(
        assign=assign,
        decide=decide,
        approve=approve,
        withdraw=may(Transition.WITHDRAW),
        cannot="" if assign or decide or approve else _why_not(dispute, role, barred=barred),
        lower=tuple(raised[: raised.index(dispute.tier)]) if dispute.tier in raised else (),
        outcomes=tuple(each.value for each in Outcome),
        needs_second=dispute.tier == SECOND_PERSON_TIER,
    )


def _why_not(dispute: Dispute, role: str, *, barred: bool) -> str:
    if not dispute.is_open:
        return "cannot_ended"
    if role not in TRANSITIONS[Transition.DECIDE].roles:
        return "cannot_auditor"
    if dispute.state is State.AWAITING_APPROVAL:
        return "cannot_second"
    return "cannot_barred" if barred else ""
