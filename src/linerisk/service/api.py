"""The `/v1` API: routes, roles, and one error shape whatever goes wrong.

An ASGI application that knows nothing of BentoML.
"""

from __future__ import annotations

import time
from http import HTTPStatus

from ulid import ULID

from linerisk.errors import LineriskError
from linerisk.service.api_state import ApiState
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
    InternalError,
    MethodError,
    NotFoundError,
    UnauthorisedError,
    status_of,
)
from linerisk.web.http import Receive, Request, Scope, Send
from linerisk.web.logs import log, where
from linerisk.web.metrics import metrics
from linerisk.web.rate_limit import Limits
from linerisk.web.token_store import Token

ROUTES: tuple[Route, ...] = (*SCORING, *BULK, *READING, *NOTICES, *DISPUTES)
_FIXED = {route.path: route for route in ROUTES if "{" not in route.path}


class Api:
    """The `/v1` application of one process.

    Args:
        state: What it answers from.
        traces: Where spans go, if an operator asked for them.
    """

    def __init__(self, state: ApiState, *, traces: Traces | None = None) -> None:
        self._state = state
        self._limits = Limits()
        self._traces = traces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        started = time.perf_counter()
        request = Request(scope, receive)
        span = None if self._traces is None else self._traces.begin(request)
        name, number = "unknown", None
        try:
            route = _route(request)
            name = route.path
            token = self._admit(request, route)
            request.caller, request.role, request.allowance = token.name, token.role, self._limits.of(token)
            content = await route.handler(self._state, request)
            status = HTTPStatus.OK
            await http.send_answer(send, content)
        except LineriskError as error:
            if status_of(error) >= HTTPStatus.INTERNAL_SERVER_ERROR:
                number = _logged("refused", name, error)
            status = await http.send_refusal(send, error, request_id=request.request_id, number=number)
        except Exception as error:  # noqa: BLE001  # nothing but the error shape may leave, whatever failed
            number = _logged("failed", name, error)
            refusal = InternalError(
                "the request could not be answered",
                todo="tell the operator of this service, with the x-request-number of this answer",
            )
            status = await http.send_refusal(send, refusal, request_id=request.request_id, number=number)
        if self._traces is not None and span is not None:
            self._traces.end(span, request, route=name, status=status, number=number)
        metrics().answered(name, status, time.perf_counter() - started)

    def _admit(self, request: Request, route: Route) -> Token:
        """The token of a request that may make this call.

        Raises:
            UnauthorisedError: There is none that stands.
            ForbiddenError: Its role may not.
        """
        given = request.headers(b"authorization")
        scheme, _, secret = (given[0] if len(given) == 1 else b"").decode("latin-1").partition(" ")
        token = self._state.tokens.verify(secret.strip()) if scheme.lower() == "bearer" else None
        if token is None:
            raise UnauthorisedError(
                "there is no token that stands",
                expected="Authorization: Bearer TOKEN",
                todo="ask the operator of this service for one (`linerisk tokens create`)",
            )
        if token.role not in route.roles:
            raise ForbiddenError(
                "the token's role may not make this call",
                expected=" or ".join(sorted(route.roles)),
                found=token.role,
                todo="ask the operator of this service for a token of such a role (`linerisk tokens create`)",
            )
        return token


def _logged(event: str, route: str, error: Exception) -> str:
    """Log a request that failed, under a number of ours that is told to the caller; the number.

    The caller's own request_id is free text, may name a line, and so has no place in a log.
    """
    number = str(ULID())
    log().error(event, number=number, route=route, error=type(error).__name__, where=where(error))
    return number


def _route(request: Request) -> Route:
    """The route of a path and method; its variable parts go into the request.

    Raises:
        NotFoundError: There is no such path.
        MethodError: The path is there, the method is not.
    """
    method = request.scope["method"]
    fixed = _FIXED.get(request.scope["path"])
    if fixed is not None and fixed.method == method:
        return fixed
    segments = http.path_segments(request.scope)
    allowed: list[str] = []
    for route in ROUTES if segments is not None else ():
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
