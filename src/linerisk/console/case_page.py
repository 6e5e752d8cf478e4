"""The case page: everything that was seen, what follows from it, and what the person who looks may do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

from ulid import ULID

from linerisk.console.challenger_view import ChallengerView, challenger_view_of
from linerisk.console.decision_view import DecisionView, decision_view_of
from linerisk.console.line_history import History, history_of
from linerisk.console.page_request import ConsoleContext, Page, PageRequest
from linerisk.console.queue_page import QueueRow, row_of
from linerisk.console.similar_cases_view import SimilarCasesView, similar_cases_of
from linerisk.console.translations import local, translator
from linerisk.model.tiers import RAISED
from linerisk.review.access_log import Access
from linerisk.review.disputes import Dispute, Event
from linerisk.review.errors import UNKNOWN_DISPUTE_TODO, UnknownDisputeError
from linerisk.review.transitions import SECOND_PERSON_TIER, SYSTEM_NAME, TRANSITIONS, Outcome, State, Transition
from linerisk.suspension.local_time import Language
from linerisk.web.query_params import checked_id

EventFormatter = Callable[[Event], str]
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
class Message:
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
class Actions:
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
class EventRow:
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
        similar_cases: Decided cases like it; None where the decision was erased.
        challenger: What the version that asks to be live would have said; None where the decision was erased.
        actions: What the person who looks may do.
        request_id: Key of the next move, so that a form sent twice counts once.
        seen: Number of the last event that this page shows.
        message: A message; None where there is none.
        typed: What a refused form held.
        events: What happened, oldest first.
        history: Decisions and disputes of the line.
        accesses: Who has opened this case, newest first; at most twenty.
        more_accesses: Whether there are more.
        lifted_at: When the measure was lifted; None where it was not.
    """

    dispute: Dispute
    row: QueueRow
    decision: DecisionView | None
    similar_cases: SimilarCasesView | None
    challenger: ChallengerView | None
    actions: Actions
    request_id: str
    seen: int
    message: Message | None
    typed: Typed
    events: tuple[EventRow, ...]
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


def case_page(context: ConsoleContext, request: PageRequest) -> Page:
    """Answer `GET /review/cases/{id}`."""
    dispute = dispute_of(context, request)
    return render_case(context, request, dispute, message=_done(context, request, dispute))


def _done(context: ConsoleContext, request: PageRequest, dispute: Dispute) -> Message | None:
    """That a move of the visitor was made, where it was the last one: an address is no proof, and may be an old one."""
    named = request.query.get("done", "")
    if named not in _DONE:
        return None
    transition, states = _DONE[named]
    last = dispute.events[-1]
    if (last.by, last.transition) != (request.actor.name, transition) or dispute.state not in states:
        return None
    text = translator(request.language)(f"done_{named}")
    return Message(good=True, text=text.format(local(dispute.changed_at, context.state.settings.time_zone)))


def dispute_of(context: ConsoleContext, request: PageRequest) -> Dispute:
    """The dispute that a path names, with its events.

    Raises:
        UnknownDisputeError: There is none.
    """
    dispute = context.state.disputes.get(checked_id(request.params["id"], field="id"))
    if dispute is None:
        raise UnknownDisputeError("there is no such dispute", todo=UNKNOWN_DISPUTE_TODO, field="id")
    return dispute


def render_case(
    context: ConsoleContext,
    request: PageRequest,
    dispute: Dispute,
    *,
    message: Message | None = None,
    typed: Typed | None = None,
    status: HTTPStatus = HTTPStatus.OK,
) -> Page:
    """The page of a case, with a message or without; that it was opened is on disk before anything is shown."""
    context.accesses.record(request.actor, "case", dispute.dispute_id, at=request.now)
    record = context.state.log.get(dispute.decision_id)
    decision = None if record is None else decision_view_of(context, record, request.language)
    format_event = event_formatter(request)
    accesses = context.accesses.of(dispute.dispute_id, limit=MOST_LISTED + 1)
    page = CasePage(
        dispute=dispute,
        row=row_of(dispute, request),
        decision=decision,
        similar_cases=None if record is None else similar_cases_of(context, dispute, record, request.language),
        challenger=None if decision is None else challenger_view_of(context, decision, request.language),
        actions=actions_of(dispute, request),
        request_id=f"console:{ULID()}",
        seen=dispute.number,
        message=message,
        typed=typed or Typed(),
        events=tuple(
            EventRow(
                at=each.at, by=who(each, request.language), role=each.role, what=format_event(each), reason=each.reason
            )
            for each in dispute.events
        ),
        history=history_of(context, request, dispute.line_id),
        accesses=accesses[:MOST_LISTED],
        more_accesses=len(accesses) > MOST_LISTED,
        lifted_at=dispute.changed_at if dispute.overturned else None,
    )
    return Page("case.html.j2", page, status)


def who(event: Event, language: Language) -> str:
    """Who made a move: the name of a token, or in words that it was the clock."""
    return translator(language)("role_system") if event.by == SYSTEM_NAME else event.by


def event_formatter(request: PageRequest) -> EventFormatter:
    """What says an event in the visitor's language."""
    translate = translator(request.language)

    def format_event(event: Event) -> str:
        text = translate(f"event_{event.transition.value}")
        if event.transition is Transition.ASSIGN:
            return text.format(event.assigned_to)
        if event.transition is Transition.DECIDE and event.outcome is not None:
            found = text.format(translate(f"state_{event.outcome.value}"))
            return found if event.lowered_to is None else f"{found} ({translate(f'tier_{event.lowered_to}')})"
        return text

    return format_event


def actions_of(dispute: Dispute, request: PageRequest) -> Actions:
    """What a visitor may do, by the one table of moves; the state looks again when they do it."""
    name, role = request.actor.name, request.actor.role

    def may(transition: Transition) -> bool:
        return role in TRANSITIONS[transition].roles and dispute.state in TRANSITIONS[transition].from_states

    barred = name in dispute.barred
    first = name in {dispute.decided_by, dispute.assigned_to}
    assign = may(Transition.ASSIGN) and not barred and dispute.assigned_to != name
    decide = may(Transition.DECIDE) and dispute.assigned_to == name
    approve = may(Transition.APPROVE) and not barred and not first
    raised = [tier.value for tier in RAISED]
    return Actions(
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
