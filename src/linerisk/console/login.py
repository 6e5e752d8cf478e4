"""Coming in and going out: who is logged in, cookies, and where to go on to."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from functools import partial
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from linerisk import as_of as clock
from linerisk.console.forms import check_origin, check_secret, form_of, query_of
from linerisk.console.page_request import READERS, ConsoleContext, PageRequest
from linerisk.review.sessions import MAX_SESSION_AGE, Session
from linerisk.review.transitions import Actor
from linerisk.suspension.local_time import LANGUAGES, Language
from linerisk.web.token_store import Token

_COOKIE: Final = "linerisk_session"
_SECURE_COOKIE: Final = f"__Host-{_COOKIE}"
_OURS = re.compile(r"/review(?:[/?][\x21-\x7e]*)?")


async def logged_in(context: ConsoleContext, request: Request) -> tuple[Session, Token] | None:
    """The session of a request and its token, both standing; None of anybody else."""
    secret = request.cookies.get(_cookie_of(request))
    if not secret:
        return None
    now = clock.now()
    session = await asyncio.to_thread(partial(context.sessions.get, secret, now=now))
    if session is None:
        return None
    for token in context.state.tokens.tokens():
        # Hashes of secrets that the session was opened with, not secrets: nothing can be learnt from the time.
        if token.sha256 == session.token_hash and token.is_valid(now) and token.role in READERS:
            return session, token
    return None


async def page_request_of(context: ConsoleContext, request: Request) -> PageRequest | None:
    """The request of somebody who is logged in, its form checked; None of anybody else."""
    found = await logged_in(context, request)
    if found is None:
        return None
    session, token = found
    form: dict[str, str] = {}
    if request.method == "POST":
        check_origin(request)
        form = await form_of(request)
        check_secret(form, session.csrf)
    return PageRequest(
        actor=Actor(token.name, token.role.value),
        session=session,
        language=language_of(session.language),
        now=clock.now(),
        params={name: str(value) for name, value in request.path_params.items()},
        query=query_of(request),
        form=form,
    )


async def log_in(context: ConsoleContext, request: Request, token: Token, form: Mapping[str, str]) -> Response:
    """Open a session, and go on to where the visitor wanted to be."""
    opening = partial(
        context.sessions.open, token.sha256, language=language_of(form.get("language", "")), now=clock.now()
    )
    secret = await asyncio.to_thread(opening)
    response = RedirectResponse(ours(form.get("next")), HTTPStatus.SEE_OTHER)
    response.set_cookie(
        _cookie_of(request),
        secret,
        max_age=int(MAX_SESSION_AGE.total_seconds()),
        path="/",
        secure=_secure(request),
        httponly=True,
        samesite="strict",
    )
    return response


async def log_out(context: ConsoleContext, request: Request) -> Response:
    """End the session, if there is one."""
    visit = await page_request_of(context, request)
    if visit is not None:
        await asyncio.to_thread(context.sessions.close, visit.session)
    response = RedirectResponse("/review/login?note=logged_out", HTTPStatus.SEE_OTHER)
    secure = _secure(request)
    response.delete_cookie(_cookie_of(request), secure=secure, httponly=True, samesite="strict")
    return response


def to_login(request: Request) -> Response:
    """The way to the page to log in, and back."""
    come_back = quote(request.url.path, safe="/") if request.method == "GET" else "/review"
    note = "&note=session_over" if request.cookies.get(_cookie_of(request)) else ""
    return RedirectResponse(f"/review/login?next={come_back}{note}", HTTPStatus.SEE_OTHER)


def ours(path: str | None) -> str:
    """A path to go on to, if it is one of this console; else its first page.

    >>> ours("/review/cases/1"), ours("//elsewhere"), ours("/review/../v1"), ours(None)
    ('/review/cases/1', '/review', '/review', '/review')
    """
    if not path or not _OURS.fullmatch(path) or path.startswith("/review/login") or ".." in path:
        return "/review"
    return path


def language_of(text: str) -> Language:
    """A language by its name; of an unknown one Chinese."""
    return next((each for each in LANGUAGES if each == text), LANGUAGES[0])


def requested_language(request: Request, query: Mapping[str, str]) -> Language:
    """The language of somebody who is not logged in: as asked for, else as the browser prefers."""
    if query.get("lang"):
        return language_of(query["lang"])
    return "en" if request.headers.get("accept-language", "").strip().lower().startswith("en") else "zh"


def _cookie_of(request: Request) -> str:
    return _SECURE_COOKIE if _secure(request) else _COOKIE


def _secure(request: Request) -> bool:
    """Whether the browser came over TLS, to here or to what stands in front."""
    return "https" in {request.url.scheme, request.headers.get("x-forwarded-proto", "").strip().lower()}
