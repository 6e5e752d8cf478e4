"""What every request meets first: `/v1` is answered at once, BentoML's few pages fall through, the rest is refused.

BentoML labels its metrics with the path as it came, so a path that it does not serve never reaches it. Pages that do
fall through get the headers that keep a browser from loading anything from elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, MutableMapping
from typing import Any

from linerisk.service.errors import BusyError, MethodError, NotFoundError
from linerisk.service.http import AsgiApp, Receive, Scope, Send, send_refusal

_PAGES = frozenset({"/", "/docs.json", "/schema.json", "/livez", "/readyz", "/healthz", "/metrics"})
_READ = ("GET", "HEAD")
_CONTENT_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    b"font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = (
    (b"content-security-policy", _CONTENT_POLICY),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)


class Front:
    """The ASGI application that the server runs.

    Args:
        behind: BentoML's application.
        api: Gives the `/v1` application, or None while the process is starting or stopping.
        files: Paths of the files that the documentation page needs.
    """

    def __init__(self, behind: AsgiApp, *, api: Callable[[], AsgiApp | None], files: Collection[str] = ()) -> None:
        self._behind = behind
        self._api = api
        self._pages = _PAGES | frozenset(files)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, pass on, or refuse."""
        if scope["type"] == "lifespan":
            await self._behind(scope, receive, send)
        elif scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
        elif scope["path"].startswith("/v1/"):
            api = self._api()
            if api is None:
                await send_refusal(send, BusyError("the service is starting or stopping", todo="try again shortly"))
            else:
                await api(scope, receive, send)
        elif scope["path"] not in self._pages:
            await send_refusal(send, NotFoundError("there is nothing under this path", todo="GET / shows the calls"))
        elif scope["method"] not in _READ:
            await send_refusal(send, MethodError("this method is not offered here", allowed=_READ))
        else:
            await self._behind(scope, receive, _with_headers(send))


def _with_headers(send: Send) -> Send:
    async def sending(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *_HEADERS]
        await send(message)

    return sending
