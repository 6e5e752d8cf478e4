"""`/score`, `/score_records` and `/explain`: the calls of BentoML's own client.

BentoML itself accepts bodies of any size, duplicate keys and NaN, and logs the bodies that it refuses. So a request
passes the checks of `/v1` first (token, role, media type, size, strict JSON): the handlers here do them. Then BentoML
calls its method in `service.app`, and the method calls `answer`, which runs the function behind `/v1`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any

import msgspec
from starlette.responses import Response

from linerisk.service.api_state import ApiState
from linerisk.service.call_failures import refusal_of
from linerisk.service.request_types import MOST_BYTES, RecordsRequest, ScoreRequest
from linerisk.service.routes.decisions import explanation
from linerisk.service.routes.route import Route
from linerisk.service.routes.scoring import SMALL_BYTES, answer_records, answer_score, read_body
from linerisk.service.strict_json import canonical_json, read
from linerisk.web.errors import answer_of, status_of
from linerisk.web.http import Request, refusal_headers
from linerisk.web.query_params import LONGEST_ID, NO_CONTROLS
from linerisk.web.token_store import Role

REQUEST = "linerisk.request"
"""Key of the ASGI scope under which BentoML's method finds the request that passed the checks."""


class ExplainRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Explain a decision, by its id or its case number."""

    decision_id: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_ID, pattern=NO_CONTROLS)]


async def check_score(state: ApiState, request: Request) -> bytes:
    """Check `POST /score`; the body."""
    text = await request.json_body(most=MOST_BYTES, budget=state.bodies)
    if len(text) <= SMALL_BYTES:
        read_body(state, request, text, ScoreRequest)
    else:
        await asyncio.to_thread(read_body, state, request, text, ScoreRequest)
    return text


async def check_records(state: ApiState, request: Request) -> bytes:
    """Check `POST /score_records`; the body."""
    text = await request.json_body(most=MOST_BYTES, budget=state.bodies)
    await asyncio.to_thread(read_body, state, request, text, RecordsRequest)
    return text


async def check_explain(state: ApiState, request: Request) -> bytes:
    """Check `POST /explain`; the body."""
    text = await request.json_body(most=SMALL_BYTES, budget=state.bodies)
    read(text, ExplainRequest)
    return text


async def score(state: ApiState, request: Request, body: Mapping[str, Any]) -> bytes:
    """What `POST /v1/score` answers."""
    typed = msgspec.convert(body, ScoreRequest)
    return await answer_score(state, request, typed, canonical_json(typed))


async def score_records(state: ApiState, request: Request, body: Mapping[str, Any]) -> bytes:
    """What `POST /v1/score/records` answers."""
    typed = await asyncio.to_thread(msgspec.convert, body, RecordsRequest)
    return await answer_records(state, request, typed, await asyncio.to_thread(canonical_json, typed))


async def explain(state: ApiState, request: Request, body: Mapping[str, Any]) -> bytes:
    """What `GET /v1/decisions/{id}/explanation` answers."""
    request.params = {"id": body["decision_id"]}
    return msgspec.json.encode(await explanation(state, request))


async def answer(
    ctx: Any,
    state: ApiState,
    call: Callable[[ApiState, Request, Mapping[str, Any]], Awaitable[bytes]],
    body: Mapping[str, Any],
) -> Any:
    """Answer a call of BentoML with the bytes of `/v1`, errors included.

    Args:
        ctx: BentoML's context of the request; it decides the status.
        state: What the worker keeps open.
        call: The call.
        body: The arguments of BentoML's method, as JSON values.
    """
    request: Request = ctx.request.scope[REQUEST]
    try:
        return Response(await call(state, request, body), media_type="application/json")
    except Exception as error:  # noqa: BLE001  # BentoML would log what the error says, and that may name a line
        refusal, number = refusal_of(error, route=request.scope["path"])
        ctx.response.status_code = int(status_of(refusal))
        content = msgspec.json.encode(answer_of(refusal, request_id=request.request_id))
        headers = {name.decode(): value.decode() for name, value in refusal_headers(refusal, number=number)}
        return Response(content, media_type="application/json", headers=headers)


_SCORERS = frozenset({Role.SCORER})
BENTOML_CALLS: tuple[Route, ...] = (
    Route("POST", "/score", _SCORERS, check_score, "Score lines of the published snapshot, for BentoML's client"),
    Route("POST", "/score_records", _SCORERS, check_records, "Score lines from records, for BentoML's client"),
    Route(
        "POST",
        "/explain",
        frozenset({Role.REVIEWER, Role.AUDITOR}),
        check_explain,
        "Reasons of a decision in full, for BentoML's client",
    ),
)
