"""The `/v1` API as an ASGI application: finds the route, checks token and role, answers in one error shape."""

from __future__ import annotations

import time
from collections.abc import MutableMapping, Sequence
from functools import partial
from http import HTTPStatus
from typing import Any

from linerisk.service.api_state import ApiState
from linerisk.service.call_failures import refusal_of
from linerisk.service.routes.bentoml_calls import BENTOML_CALLS, REQUEST
from linerisk.service.routes.bulk import BULK
from linerisk.service.routes.decisions import READING
from linerisk.service.routes.disputes import DISPUTES
from linerisk.service.routes.notices import NOTICES
from linerisk.service.routes.route import Route
from linerisk.service.routes.scoring import SCORING
from linerisk.service.tracing import Traces
from linerisk.web import http
from linerisk.web.errors import (
    ForbiddenError,
    MethodError,
    NotFoundError,
    UnauthorisedError,
)
from linerisk.web.http import AsgiApp, Receive, Request, Scope, Send
from linerisk.web.metrics import metrics
from linerisk.web.rate_limit import Limits
from linerisk.web.token_store import Token

ROUTES: tuple[Route, ...] = (*SCORING, *BULK, *READING, *NOTICES, *DISPUTES)
_FIXED = {route.path: route for route in ROUTES if "{" not in route.path}


class Api:
    """The `/v1` application of one process.

    Args:
        state: What it answers from.
        traces: Exports spans; None if tracing is off.
    """

    def __init__(self, state: ApiState, *, traces: Traces | None = None) -> None:
        self._state = state
        self._limits = Limits()
        self._traces = traces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await self._answer(scope, receive, send, downstream=None)

    def through(self, downstream: AsgiApp) -> AsgiApp:
        """The same checks in front of another application, which then answers."""
        return partial(self._answer, downstream=downstream)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, *, downstream: AsgiApp | None) -> None:
        started = time.perf_counter()
        request = Request(scope, receive)
        span = None if self._traces is None else self._traces.begin(request)
        name, number = "unknown", None
        try:
            route = _route(request, ROUTES if downstream is None else BENTOML_CALLS)
            name = route.path
            token = self._admit(request, route)
            request.caller, request.role, request.allowance = token.name, token.role, self._limits.of(token)
            content = await route.handler(self._state, request)
            if downstream is None:
                status = HTTPStatus.OK
                await http.send_answer(send, content)
            else:
                status = await _forward(request, content, send, downstream)
        except Exception as error:  # noqa: BLE001  # only the error shape may leave, whatever failed
            refusal, number = refusal_of(error, route=name)
            status = await http.send_refusal(send, refusal, request_id=request.request_id, number=number)
        if self._traces is not None and span is not None:
            self._traces.end(span, request, route=name, status=status, number=number)
        metrics().answered(name, status, time.perf_counter() - started)

    def _admit(self, request: Request, route: Route) -> Token:
        """The valid token of a request, if its role allows this call.

        Raises:
            UnauthorisedError: The token is missing, unknown, expired or revoked.
            ForbiddenError: The role of the token does not allow the call.
        """
        given = request.headers(b"authorization")
        scheme, _, secret = (given[0] if len(given) == 1 else b"").decode("latin-1").partition(" ")
        token = self._state.tokens.verify(secret.strip()) if scheme.lower() == "bearer" else None
        if token is None:
            raise UnauthorisedError(
                "the token is missing or invalid",
                expected="Authorization: Bearer TOKEN",
                todo="ask the operator of this service for one (`linerisk tokens create`)",
            )
        if token.role not in route.roles:
            raise ForbiddenError(
                "the role of the token does not allow this call",
                expected=" or ".join(sorted(route.roles)),
                found=token.role,
                todo="ask the operator of this service for a token with such a role (`linerisk tokens create`)",
            )
        return token


async def _forward(request: Request, body: bytes, send: Send, downstream: AsgiApp) -> HTTPStatus:
    """Let another application answer a checked request; returns the status of its answer."""
    statuses: list[int] = []
    bodies = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> MutableMapping[str, Any]:
        return bodies.pop() if bodies else await request.receive()

    async def sending(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])
            message["headers"] = [*message["headers"], *http.ALWAYS]
        await send(message)

    await downstream({**request.scope, REQUEST: request}, receive, sending)
    return HTTPStatus(statuses[0])


def _route(request: Request, routes: Sequence[Route]) -> Route:
    """The route of a path and method; its variable parts go into the request.

    Raises:
        NotFoundError: There is no such path.
        MethodError: The path is there, the method is not.
    """
    method = request.scope["method"]
    fixed = _FIXED.get(request.scope["path"]) if routes is ROUTES else None
    if fixed is not None and fixed.method == method:
        return fixed
    segments = http.path_segments(request.scope)
    allowed: list[str] = []
    for route in routes if segments is not None else ():
        params = route.match(segments or [])
        if params is None:
            continue
        if route.method == method:
            request.params = params
            return route
        allowed.append(route.method)
    if allowed:
        raise MethodError("this method is not offered here", allowed=tuple(allowed))
    raise NotFoundError("there is nothing under this path", todo="GET /docs.json lists the calls")
