"""The ASGI application of a worker: sends each request to the API, the console or BentoML, and refuses the rest.

`/v1` and `/review` never pass through BentoML's middleware. BentoML labels its metrics with the path of a request, so
it only gets the few paths that it serves. Its pages get headers that keep a browser from loading anything from
elsewhere.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any

from linerisk.service.api import Api
from linerisk.service.routes.bentoml_calls import BENTOML_CALLS
from linerisk.web.errors import BusyError, MethodError, NotFoundError
from linerisk.web.http import AsgiApp, Headers, Receive, Scope, Send, send_refusal

_PAGES = frozenset({"/", "/docs.json", "/schema.json", "/livez", "/readyz", "/healthz", "/metrics"})
_CALLS = frozenset(route.path for route in BENTOML_CALLS)
_READ = ("GET", "HEAD")
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""BentoML's page loads its own scripts and styles from here; what it would load from elsewhere is blocked."""
_HEADERS: Headers = (
    (b"content-security-policy", _POLICY.encode()),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)


class Routing:
    """The ASGI application that the server runs.

    Args:
        bentoml: BentoML's application.
        page_files: Paths of the files that BentoML's page loads.
        api: Returns the API, or None while the process starts or stops.
        console: Returns the console, or None likewise.
        before_scrape: Awaited before `/metrics` is answered.
    """

    def __init__(
        self,
        bentoml: AsgiApp,
        *,
        page_files: Collection[str],
        api: Callable[[], Api | None],
        console: Callable[[], AsgiApp | None],
        before_scrape: Callable[[], Awaitable[None]],
    ) -> None:
        self._bentoml = bentoml
        self._pages = _PAGES.union(page_files)
        self._api = api
        self._console = console
        self._before_scrape = before_scrape

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Route one request."""
        path = scope.get("path", "")
        if scope["type"] == "lifespan":
            await self._bentoml(scope, receive, send)
        elif scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
        elif path.startswith("/v1/"):
            await _call(self._api(), scope, receive, send)
        elif path == "/review" or path.startswith("/review/"):
            await _call(self._console(), scope, receive, send)
        elif path in _CALLS:
            api = self._api()
            await _call(None if api is None else api.through(self._bentoml), scope, receive, send)
        elif path not in self._pages:
            await send_refusal(send, NotFoundError("there is nothing under this path", todo="GET / shows the calls"))
        elif scope["method"] not in _READ:
            await send_refusal(send, MethodError("this method is not offered here", allowed=_READ))
        else:
            if path == "/metrics":
                await self._before_scrape()
            await self._bentoml(scope, receive, _with_headers(send))


async def _call(app: AsgiApp | None, scope: Scope, receive: Receive, send: Send) -> None:
    if app is None:
        await send_refusal(send, BusyError("the service is starting or stopping", todo="try again shortly"))
    else:
        await app(scope, receive, send)


def _with_headers(send: Send) -> Send:
    async def sending(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *_HEADERS]
        await send(message)

    return sending
