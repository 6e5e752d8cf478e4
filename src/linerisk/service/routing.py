"""What every request meets first: `/v1` and `/review` are answered at once, BentoML's few pages fall through.

Everything else is refused.

BentoML labels its metrics with the path as it came, so a path that it does not serve never reaches it. Its page of
calls and the scripts of that page are replaced by a page of ours without any. Pages get the headers that keep a browser
from loading anything at all.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import Any

from linerisk.web.errors import BusyError, MethodError, NotFoundError
from linerisk.web.http import Answer, AsgiApp, Headers, Receive, Scope, Send, send_answer, send_refusal

_PAGES = frozenset({"/docs.json", "/livez", "/readyz", "/healthz", "/metrics"})
_READ = ("GET", "HEAD")


class Front:
    """The ASGI application that the server runs.

    Args:
        behind: BentoML's application.
        api: Gives the `/v1` application, or None while the process is starting or stopping.
        console: Gives the `/review` application, or None likewise.
        page: Gives the page of calls, and what a content policy has to allow of its style.
    """

    def __init__(
        self,
        behind: AsgiApp,
        *,
        api: Callable[[], AsgiApp | None],
        console: Callable[[], AsgiApp | None],
        page: Callable[[], tuple[bytes, str]],
    ) -> None:
        self._behind = behind
        self._api = api
        self._console = console
        self._page = page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, pass on, or refuse."""
        if scope["type"] == "lifespan":
            await self._behind(scope, receive, send)
        elif scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
        elif scope["path"].startswith("/v1/"):
            await _answered_by(self._api(), scope, receive, send)
        elif scope["path"] == "/review" or scope["path"].startswith("/review/"):
            await _answered_by(self._console(), scope, receive, send)
        elif scope["path"] != "/" and scope["path"] not in _PAGES:
            await send_refusal(send, NotFoundError("there is nothing under this path", todo="GET / shows the calls"))
        elif scope["method"] not in _READ:
            await send_refusal(send, MethodError("this method is not offered here", allowed=_READ))
        elif scope["path"] == "/":
            page, style = self._page()
            await send_answer(send, Answer(page, "text/html; charset=utf-8"), headers=_headers(style))
        else:
            await self._behind(scope, receive, _with_headers(send))


async def _answered_by(app: AsgiApp | None, scope: Scope, receive: Receive, send: Send) -> None:
    if app is None:
        await send_refusal(send, BusyError("the service is starting or stopping", todo="try again shortly"))
    else:
        await app(scope, receive, send)


def _headers(style: str = "'none'") -> Headers:
    policy = f"default-src 'none'; style-src {style}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    return ((b"content-security-policy", policy.encode()), (b"referrer-policy", b"no-referrer"))


_FOR_PAGES: Headers = (*_headers(), (b"x-content-type-options", b"nosniff"))


def _with_headers(send: Send) -> Send:
    async def sending(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *_FOR_PAGES]
        await send(message)

    return sending
