"""Forms of a case: assign, decide, agree, withdraw. What the state refuses is shown on the case as it stands now."""

from __future__ import annotations

from collections.abc import Callable

from linerisk.console.case_page import Told, Typed, dispute_of, shown, teller, who
from linerisk.console.page_request import ConsoleContext, Page, PageRequest, Redirect
from linerisk.console.refusal_facts import facts_of
from linerisk.console.translations import local, speaker
from linerisk.decisions.errors import ConflictError, StaleError
from linerisk.errors import InputError, LineriskError
from linerisk.review.disputes import Dispute
from linerisk.review.errors import NotAllowedError
from linerisk.review.transitions import Outcome, State
from linerisk.web.errors import WrongValueError, status_of

_MOST_DIGITS = 9


def assign(room: ConsoleContext, visit: PageRequest) -> Page | Redirect:
    """Answer `POST /review/cases/{id}/assign`: the visitor takes the case."""

    def move(seen: int, request_id: str) -> str:
        room.state.disputes.assign(
            visit.actor, visit.params["id"], assignee=visit.actor.name, request_id=request_id, seen=seen
        )
        return "assigned"

    return _made(room, visit, move)


def decide(room: ConsoleContext, visit: PageRequest) -> Page | Redirect:
    """Answer `POST /review/cases/{id}/outcome`: the visitor's finding."""
    lowered_to = visit.form.get("lowered_to") or None

    def move(seen: int, request_id: str) -> str:
        decided = room.state.disputes.decide(
            visit.actor,
            visit.params["id"],
            outcome=_outcome(visit.form.get("outcome", "")),
            reason=visit.form.get("reason", ""),
            lowered_to=lowered_to,
            request_id=request_id,
            seen=seen,
        )
        if decided.overturned:
            return "lifted"
        return "awaiting" if decided.state is State.AWAITING_APPROVAL else "decided"

    return _made(room, visit, move)


def approve(room: ConsoleContext, visit: PageRequest) -> Page | Redirect:
    """Answer `POST /review/cases/{id}/approve`: a lead agrees, or does not."""
    answer = visit.form.get("agreed", "")
    if answer not in {"yes", "no"}:
        raise WrongValueError("agreed is wrong", expected="yes or no", todo="choose one of the two", field="agreed")

    def move(seen: int, request_id: str) -> str:
        room.state.disputes.approve(
            visit.actor,
            visit.params["id"],
            agreed=answer == "yes",
            reason=visit.form.get("reason", ""),
            request_id=request_id,
            seen=seen,
        )
        return "approved" if answer == "yes" else "refused"

    return _made(room, visit, move)


def withdraw(room: ConsoleContext, visit: PageRequest) -> Page | Redirect:
    """Answer `POST /review/cases/{id}/withdraw`: the holder no longer objects."""

    def move(seen: int, request_id: str) -> str:
        room.state.disputes.withdraw(
            visit.actor, visit.params["id"], reason=visit.form.get("reason", ""), request_id=request_id, seen=seen
        )
        return "withdrawn"

    return _made(room, visit, move)


def _made(room: ConsoleContext, visit: PageRequest, move: Callable[[int, str], str]) -> Page | Redirect:
    """Make a move and go on to the case; or show the case as it stands, with why the move was refused."""
    dispute = dispute_of(room, visit)
    seen, request_id = _seen(visit), visit.form.get("request_id", "")
    if not request_id.startswith("console:"):
        raise WrongValueError(
            "the form has no key of its own",
            expected="the form of the page",
            todo="open the case again and send the form from there",
            field="request_id",
        )
    try:
        done = move(seen, request_id)
    except (ConflictError, NotAllowedError, InputError) as error:
        # Read again: it may have been moved between the page and now.
        return _refused(room, visit, room.state.disputes.get(dispute.dispute_id) or dispute, error, seen=seen)
    return Redirect(f"/review/cases/{dispute.dispute_id}?done={done}")


def _refused(room: ConsoleContext, visit: PageRequest, dispute: Dispute, error: LineriskError, *, seen: int) -> Page:
    tell, zone = teller(visit), room.state.settings.time_zone
    meanwhile = tuple(
        f"{local(each.at, zone)} · {who(each, visit.language)} {tell(each)}"
        for each in dispute.events
        if each.number > seen
    )
    key = "stale" if isinstance(error, StaleError) else error.code
    if isinstance(error, ConflictError) and key not in {"stale", "illegal_move"}:
        key = "refused_409"
    facts = facts_of(error, dispute, visit.language)
    told = Told(good=False, text=speaker(visit.language)(key), meanwhile=meanwhile, detail=facts)
    typed = Typed(
        outcome=visit.form.get("outcome", ""),
        lowered_to=visit.form.get("lowered_to", ""),
        reason=visit.form.get("reason", ""),
    )
    return shown(room, visit, dispute, told=told, typed=typed, status=status_of(error))


def _seen(visit: PageRequest) -> int:
    text = visit.form.get("seen", "")
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
