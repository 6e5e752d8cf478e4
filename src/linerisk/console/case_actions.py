"""Forms of a case: assign, decide, agree, withdraw. What the state refuses is shown on the case as it stands now."""

from __future__ import annotations

from collections.abc import Callable

from linerisk.console.case_page import Message, Typed, dispute_of, event_formatter, render_case, who
from linerisk.console.page_request import ConsoleContext, Page, PageRequest, Redirect
from linerisk.console.refusal_facts import facts_of
from linerisk.console.translations import local, translator
from linerisk.decisions.errors import ConflictError, StaleError
from linerisk.errors import InputError, LineriskError
from linerisk.review.disputes import Dispute
from linerisk.review.errors import NotAllowedError
from linerisk.review.transitions import Outcome, State
from linerisk.web.errors import WrongValueError, status_of

_MOST_DIGITS = 9


def assign(context: ConsoleContext, request: PageRequest) -> Page | Redirect:
    """Answer `POST /review/cases/{id}/assign`: the visitor takes the case."""

    def transition(seen: int, request_id: str) -> str:
        context.state.disputes.assign(
            request.actor, request.params["id"], assignee=request.actor.name, request_id=request_id, seen=seen
        )
        return "assigned"

    return _made(context, request, transition)


def decide(context: ConsoleContext, request: PageRequest) -> Page | Redirect:
    """Answer `POST /review/cases/{id}/outcome`: the visitor's finding."""
    lowered_to = request.form.get("lowered_to") or None

    def transition(seen: int, request_id: str) -> str:
        decided = context.state.disputes.decide(
            request.actor,
            request.params["id"],
            outcome=_outcome(request.form.get("outcome", "")),
            reason=request.form.get("reason", ""),
            lowered_to=lowered_to,
            request_id=request_id,
            seen=seen,
        )
        if decided.overturned:
            return "lifted"
        return "awaiting" if decided.state is State.AWAITING_APPROVAL else "decided"

    return _made(context, request, transition)


def approve(context: ConsoleContext, request: PageRequest) -> Page | Redirect:
    """Answer `POST /review/cases/{id}/approve`: a lead agrees, or does not."""
    answer = request.form.get("agreed", "")
    if answer not in {"yes", "no"}:
        raise WrongValueError("agreed is wrong", expected="yes or no", todo="choose one of the two", field="agreed")

    def transition(seen: int, request_id: str) -> str:
        context.state.disputes.approve(
            request.actor,
            request.params["id"],
            agreed=answer == "yes",
            reason=request.form.get("reason", ""),
            request_id=request_id,
            seen=seen,
        )
        return "approved" if answer == "yes" else "refused"

    return _made(context, request, transition)


def withdraw(context: ConsoleContext, request: PageRequest) -> Page | Redirect:
    """Answer `POST /review/cases/{id}/withdraw`: the holder no longer objects."""

    def transition(seen: int, request_id: str) -> str:
        context.state.disputes.withdraw(
            request.actor, request.params["id"], reason=request.form.get("reason", ""), request_id=request_id, seen=seen
        )
        return "withdrawn"

    return _made(context, request, transition)


def _made(context: ConsoleContext, request: PageRequest, transition: Callable[[int, str], str]) -> Page | Redirect:
    """Make a move and go on to the case; or show the case as it stands, with why the move was refused."""
    dispute = dispute_of(context, request)
    seen, request_id = _seen(request), request.form.get("request_id", "")
    if not request_id.startswith("console:"):
        raise WrongValueError(
            "the form has no key of its own",
            expected="the form of the page",
            todo="open the case again and send the form from there",
            field="request_id",
        )
    try:
        done = transition(seen, request_id)
    except (ConflictError, NotAllowedError, InputError) as error:
        # Read again: it may have been moved between the page and now.
        return _refused(context, request, context.state.disputes.get(dispute.dispute_id) or dispute, error, seen=seen)
    return Redirect(f"/review/cases/{dispute.dispute_id}?done={done}")


def _refused(
    context: ConsoleContext, request: PageRequest, dispute: Dispute, error: LineriskError, *, seen: int
) -> Page:
    format_event, zone = event_formatter(request), context.state.settings.time_zone
    meanwhile = tuple(
        f"{local(each.at, zone)} · {who(each, request.language)} {format_event(each)}"
        for each in dispute.events
        if each.number > seen
    )
    key = "stale" if isinstance(error, StaleError) else error.code
    if isinstance(error, ConflictError) and key not in {"stale", "illegal_move"}:
        key = "refused_409"
    facts = facts_of(error, dispute, request.language)
    message = Message(good=False, text=translator(request.language)(key), meanwhile=meanwhile, detail=facts)
    typed = Typed(
        outcome=request.form.get("outcome", ""),
        lowered_to=request.form.get("lowered_to", ""),
        reason=request.form.get("reason", ""),
    )
    return render_case(context, request, dispute, message=message, typed=typed, status=status_of(error))


def _seen(request: PageRequest) -> int:
    text = request.form.get("seen", "")
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        raise WrongValueError(
            "the form does not say what was seen",
            expected="the form of the page",
            todo="open the case again and send the form from there",
            field="seen",
        )
    return int(text)


def _outcome(text: str) -> Outcome:
    try:
        return Outcome(text)
    except ValueError:
        raise InputError(
            "no finding was chosen",
            expected=" or ".join(each.value for each in Outcome),
            todo="choose a finding",
            field="outcome",
        ) from None
