"""The calls about disputes: open, assign, decide, approve; the queue; and the lifts that a suspension system polls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import msgspec

from linerisk import as_of as clock
from linerisk.model.tiers import Tier
from linerisk.review.deadlines import DeadlineStatus
from linerisk.review.disputes import Dispute
from linerisk.review.errors import UNKNOWN_DISPUTE_TODO, UnknownDisputeError
from linerisk.review.queries import Filter
from linerisk.review.transitions import Actor, State
from linerisk.service.access_log import record_access
from linerisk.service.routes.dispute_types import (
    ApproveRequest,
    AssignRequest,
    DisputeAnswer,
    LiftsAnswer,
    OpenRequest,
    OutcomeRequest,
    QueueAnswer,
    told,
)
from linerisk.service.routes.route import Route
from linerisk.service.routes.scoring import BUDGET
from linerisk.service.strict_json import read_of
from linerisk.web.errors import WrongValueError
from linerisk.web.http import Request
from linerisk.web.query_params import checked_id, checked_limit, one_of
from linerisk.web.state import ServiceState
from linerisk.web.token_store import Role

_MOST_BYTES = 64 * 1024
_MOST_DIGITS = 18

Body = TypeVar("Body", OpenRequest, AssignRequest, OutcomeRequest, ApproveRequest)
Choice = TypeVar("Choice", State, DeadlineStatus, Tier)
_encode = msgspec.json.Encoder(order="deterministic").encode


async def open_dispute(state: ServiceState, request: Request) -> bytes:
    """Answer `POST /v1/disputes`."""
    body = await _body(request, OpenRequest)
    opening = partial(
        state.disputes.open,
        _actor(request),
        body.decision_id,
        statement=body.statement,
        channel=body.channel,
        request_id=body.request_id,
    )
    return await _moved(opening)


async def assign(state: ServiceState, request: Request) -> bytes:
    """Answer `POST /v1/disputes/{id}/assign`."""
    body = await _body(request, AssignRequest)
    assigning = partial(
        state.disputes.assign,
        _actor(request),
        _dispute_id(request),
        assignee=body.assignee,
        request_id=body.request_id,
        seen=body.seen,
    )
    return await _moved(assigning)


async def outcome(state: ServiceState, request: Request) -> bytes:
    """Answer `POST /v1/disputes/{id}/outcome`."""
    body = await _body(request, OutcomeRequest)
    deciding = partial(
        state.disputes.decide,
        _actor(request),
        _dispute_id(request),
        outcome=body.outcome,
        reason=body.reason,
        lowered_to=None if body.lowered_to is None else body.lowered_to.value,
        request_id=body.request_id,
        seen=body.seen,
    )
    return await _moved(deciding)


async def approve(state: ServiceState, request: Request) -> bytes:
    """Answer `POST /v1/disputes/{id}/approve`."""
    body = await _body(request, ApproveRequest)
    approving = partial(
        state.disputes.approve,
        _actor(request),
        _dispute_id(request),
        agreed=body.approved,
        reason=body.reason,
        request_id=body.request_id,
        seen=body.seen,
    )
    return await _moved(approving)


async def dispute(state: ServiceState, request: Request) -> bytes:
    """Answer `GET /v1/disputes/{id}`: a dispute with its events."""
    found = await asyncio.to_thread(state.disputes.get, _dispute_id(request))
    if found is None:
        raise UnknownDisputeError("there is no such dispute", todo=UNKNOWN_DISPUTE_TODO, field="id")
    await record_access(state, request, "case", found.dispute_id)
    return _encode(told(found, clock.now()))


async def queue(state: ServiceState, request: Request) -> bytes:
    """Answer `GET /v1/disputes`: a page of the queue."""
    query = request.query("state", "clock", "tier", "assigned_to", "line_id", "decision_id", "limit", "after")
    dispute_state = _choice(query, "state", State)
    named = {
        name: checked_id(query[name], field=name) for name in ("assigned_to", "line_id", "decision_id") if name in query
    }
    tier = _choice(query, "tier", Tier)
    wanted = Filter(
        states=frozenset() if dispute_state is None else frozenset({dispute_state}),
        deadline=_choice(query, "clock", DeadlineStatus),
        tier=None if tier is None else tier.value,
        **named,
    )
    after = None if "after" not in query else checked_id(query["after"], field="after")
    now = clock.now()
    asking = partial(state.disputes.queue, wanted, now=now, limit=checked_limit(query.get("limit")), after=after)
    page = await asyncio.to_thread(asking)
    # It tells whole cases, words of the holder and all.
    await record_access(state, request, "case", *(each.dispute_id for each in page.disputes))
    return _encode(QueueAnswer([told(each, now) for each in page.disputes], page.next_after))


async def lifts(state: ServiceState, request: Request) -> bytes:
    """Answer `GET /v1/lifts`: what to lift, in its order."""
    query = request.query("after", "limit")
    after = _place(query.get("after", "0"))
    found = await asyncio.to_thread(partial(state.disputes.lifts, after=after, limit=checked_limit(query.get("limit"))))
    await record_access(state, request, "case", *(each.dispute_id for each in found))
    return _encode(LiftsAnswer(list(found), found[-1].seq if found else after))


async def _body(request: Request, kind: type[Body]) -> Body:
    """The body of a call.

    Raises:
        MalformedError: It is not JSON that means one thing only.
        WrongValueError: A field is wrong.
    """
    text = await request.json_body(most=_MOST_BYTES, budget=BUDGET)
    body, _ = read_of(request, text, kind)
    return body


async def _moved(move: Callable[[], Dispute]) -> bytes:
    return _encode(told(await asyncio.to_thread(move), clock.now()))


def _actor(request: Request) -> Actor:
    return Actor(request.caller, str(request.role))


def _dispute_id(request: Request) -> str:
    return checked_id(request.params["id"], field="id")


def _choice(query: dict[str, str], name: str, kind: type[Choice]) -> Choice | None:
    given = one_of(query, name, [each.value for each in kind])
    return None if given is None else kind(given)


def _place(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        raise WrongValueError(
            "after is no place",
            expected="0 or more",
            found=repr(text[:32]),
            todo="give `next_after` as it was told, or leave `after` out",
            field="after",
        )
    return int(text)


_OPENERS = frozenset({Role.SCORER})
_REVIEWERS = frozenset({Role.REVIEWER, Role.LEAD})
_READERS = frozenset({Role.REVIEWER, Role.LEAD, Role.AUDITOR})
_LIFTERS = frozenset({Role.SCORER, Role.AUDITOR})
_LEADS = frozenset({Role.LEAD})
DISPUTES: tuple[Route, ...] = (
    Route("POST", "/v1/disputes", _OPENERS, open_dispute, "Open a dispute of a decision", OpenRequest, DisputeAnswer),
    Route("GET", "/v1/disputes", _READERS, queue, "Disputes, those due first at the top", answer=QueueAnswer),
    Route("GET", "/v1/disputes/{id}", _READERS, dispute, "A dispute with its events", answer=DisputeAnswer),
    Route(
        "POST",
        "/v1/disputes/{id}/assign",
        _REVIEWERS,
        assign,
        "Give a dispute to a reviewer who took no part before",
        AssignRequest,
        DisputeAnswer,
    ),
    Route(
        "POST",
        "/v1/disputes/{id}/outcome",
        _REVIEWERS,
        outcome,
        "Say what was found, with a written reason; cleared and lowered lift the measure",
        OutcomeRequest,
        DisputeAnswer,
    ),
    Route(
        "POST",
        "/v1/disputes/{id}/approve",
        _LEADS,
        approve,
        "Agree as the second person that the highest tier stands, or refuse",
        ApproveRequest,
        DisputeAnswer,
    ),
    Route("GET", "/v1/lifts", _LIFTERS, lifts, "Measures to lift, in their order", answer=LiftsAnswer),
)
