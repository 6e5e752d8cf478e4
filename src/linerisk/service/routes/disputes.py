"""Dispute calls: open, assign, decide, approve, the queue, and the lifts that a suspension system polls."""

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
from linerisk.service.api_state import ApiState
from linerisk.service.routes.dispute_types import (
    ApproveRequest,
    AssignRequest,
    DisputeAnswer,
    LiftsAnswer,
    OpenRequest,
    OutcomeRequest,
    QueueAnswer,
    dispute_answer,
)
from linerisk.service.routes.route import Route
from linerisk.service.strict_json import read_of
from linerisk.web.errors import WrongValueError
from linerisk.web.http import Request
from linerisk.web.query_params import checked_id, checked_limit, one_of
from linerisk.web.token_store import Role

_MOST_BYTES = 64 * 1024
_MOST_DIGITS = 18

Body = TypeVar("Body", OpenRequest, AssignRequest, OutcomeRequest, ApproveRequest)
Choice = TypeVar("Choice", State, DeadlineStatus, Tier)
_encode = msgspec.json.Encoder(order="deterministic").encode


async def open_dispute(state: ApiState, request: Request) -> bytes:
    """Answer `POST /v1/disputes`."""
    body = await _body(state, request, OpenRequest)
    opening = partial(
        state.disputes.open,
        _actor(request),
        body.decision_id,
        statement=body.statement,
        channel=body.channel,
        request_id=body.request_id,
    )
    return await _changed(opening)


async def assign(state: ApiState, request: Request) -> bytes:
    """Answer `POST /v1/disputes/{id}/assign`."""
    body = await _body(state, request, AssignRequest)
    assigning = partial(
        state.disputes.assign,
        _actor(request),
        _dispute_id(request),
        assignee=body.assignee,
        request_id=body.request_id,
        seen=body.seen,
    )
    return await _changed(assigning)


async def outcome(state: ApiState, request: Request) -> bytes:
    """Answer `POST /v1/disputes/{id}/outcome`."""
    body = await _body(state, request, OutcomeRequest)
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
    return await _changed(deciding)


async def approve(state: ApiState, request: Request) -> bytes:
    """Answer `POST /v1/disputes/{id}/approve`."""
    body = await _body(state, request, ApproveRequest)
    approving = partial(
        state.disputes.approve,
        _actor(request),
        _dispute_id(request),
        agreed=body.approved,
        reason=body.reason,
        request_id=body.request_id,
        seen=body.seen,
    )
    return await _changed(approving)


async def dispute(state: ApiState, request: Request) -> bytes:
    """Answer `GET /v1/disputes/{id}`: a dispute with its events."""
    found = await asyncio.to_thread(state.disputes.get, _dispute_id(request))
    if found is None:
        raise UnknownDisputeError("there is no such dispute", todo=UNKNOWN_DISPUTE_TODO, field="id")
    await record_access(state, request, "case", found.dispute_id)
    return _encode(dispute_answer(found, clock.now()))


async def queue(state: ApiState, request: Request) -> bytes:
    """Answer `GET /v1/disputes`: a page of the queue."""
    query = request.query("state", "clock", "tier", "assigned_to", "line_id", "decision_id", "limit", "after")
    dispute_state = _choice(query, "state", State)
    named = {
        name: checked_id(query[name], field=name) for name in ("assigned_to", "line_id", "decision_id") if name in query
    }
    tier = _choice(query, "tier", Tier)
    filters = Filter(
        states=frozenset() if dispute_state is None else frozenset({dispute_state}),
        deadline=_choice(query, "clock", DeadlineStatus),
        tier=None if tier is None else tier.value,
        **named,
    )
    after = None if "after" not in query else checked_id(query["after"], field="after")
    now = clock.now()
    query_queue = partial(state.disputes.queue, filters, now=now, limit=checked_limit(query.get("limit")), after=after)
    page = await asyncio.to_thread(query_queue)
    # The answer holds whole cases with the words of the holder.
    await record_access(state, request, "case", *(each.dispute_id for each in page.disputes))
    return _encode(QueueAnswer([dispute_answer(each, now) for each in page.disputes], page.next_after))


async def lifts(state: ApiState, request: Request) -> bytes:
    """Answer `GET /v1/lifts`: measures to lift, in order."""
    query = request.query("after", "limit")
    after = _position(query.get("after", "0"))
    found = await asyncio.to_thread(partial(state.disputes.lifts, after=after, limit=checked_limit(query.get("limit"))))
    await record_access(state, request, "case", *(each.dispute_id for each in found))
    return _encode(LiftsAnswer(list(found), found[-1].seq if found else after))


async def _body(state: ApiState, request: Request, kind: type[Body]) -> Body:
    """Read the body of a call.

    Raises:
        MalformedError: It is not unambiguous JSON.
        WrongValueError: A field is wrong.
    """
    text = await request.json_body(most=_MOST_BYTES, budget=state.bodies)
    body, _ = read_of(request, text, kind)
    return body


async def _changed(move: Callable[[], Dispute]) -> bytes:
    return _encode(dispute_answer(await asyncio.to_thread(move), clock.now()))


def _actor(request: Request) -> Actor:
    return Actor(request.caller, str(request.role))


def _dispute_id(request: Request) -> str:
    return checked_id(request.params["id"], field="id")


def _choice(query: dict[str, str], name: str, kind: type[Choice]) -> Choice | None:
    given = one_of(query, name, [each.value for each in kind])
    return None if given is None else kind(given)


def _position(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        raise WrongValueError(
            "after is not a position",
            expected="0 or more",
            found=repr(text[:32]),
            todo="give the `next_after` of an earlier answer, or leave `after` out",
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
    Route("GET", "/v1/disputes", _READERS, queue, "Open disputes, those due first at the top", answer=QueueAnswer),
    Route("GET", "/v1/disputes/{id}", _READERS, dispute, "A dispute with its events", answer=DisputeAnswer),
    Route(
        "POST",
        "/v1/disputes/{id}/assign",
        _REVIEWERS,
        assign,
        "Assign a dispute to a reviewer who took no part before",
        AssignRequest,
        DisputeAnswer,
    ),
    Route(
        "POST",
        "/v1/disputes/{id}/outcome",
        _REVIEWERS,
        outcome,
        "Record the outcome with a written reason; cleared and lowered lift the measure",
        OutcomeRequest,
        DisputeAnswer,
    ),
    Route(
        "POST",
        "/v1/disputes/{id}/approve",
        _LEADS,
        approve,
        "Approve or refuse, as the second person, an upheld decision of the highest tier",
        ApproveRequest,
        DisputeAnswer,
    ),
    Route("GET", "/v1/lifts", _LIFTERS, lifts, "Measures to lift, in order", answer=LiftsAnswer),
)
