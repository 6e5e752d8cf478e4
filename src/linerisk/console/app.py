"""The application of `/review`: sessions, roles, forms and headers before any page; default deny."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from typing import Any, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from ulid import ULID

from linerisk import as_of as clock
from linerisk.console import case_actions, case_page, line_page, queue_page, statistics_pages
from linerisk.console.audit_job import AuditJob
from linerisk.console.base_views import LoginPage, RefusedPage
from linerisk.console.forms import check_origin, form_of, query_of
from linerisk.console.login import (
    language_of,
    log_in,
    log_out,
    logged_in,
    ours,
    page_request_of,
    requested_language,
    to_login,
)
from linerisk.console.page_request import (
    LEADS,
    OVERSEERS,
    READERS,
    WORKERS,
    ConsoleContext,
    FormRefusedError,
    PageRequest,
    PageRoute,
    Redirect,
)
from linerisk.console.rendering import (
    CONTENT_POLICY,
    STATIC,
    Frame,
    bare_frame,
    compile_pages,
    frame_of,
    render,
)
from linerisk.errors import LineriskError
from linerisk.live import ChallengerHolder
from linerisk.policy.retention import load_retention
from linerisk.review.access_log import Accesses
from linerisk.review.sessions import Sessions
from linerisk.review.transitions import Actor
from linerisk.suspension.local_time import Language
from linerisk.web.errors import ForbiddenError, MethodError, NotFoundError, status_of
from linerisk.web.http import Receive, Scope, Send
from linerisk.web.logs import log, where
from linerisk.web.metrics import metrics
from linerisk.web.state import ServiceState

HTML: Final = "text/html; charset=utf-8"
PAGES: Final = (
    PageRoute("GET", "", READERS, queue_page.queue_page),
    PageRoute("GET", "/cases/{id}", READERS, case_page.case_page),
    PageRoute("POST", "/cases/{id}/assign", WORKERS, case_actions.assign),
    PageRoute("POST", "/cases/{id}/outcome", WORKERS, case_actions.decide),
    PageRoute("POST", "/cases/{id}/withdraw", WORKERS, case_actions.withdraw),
    PageRoute("POST", "/cases/{id}/approve", LEADS, case_actions.approve),
    PageRoute("GET", "/decisions/{id}", READERS, line_page.decision_page),
    PageRoute("GET", "/lines", READERS, line_page.line_page),
    PageRoute("GET", "/overturns", READERS, statistics_pages.overturns_page),
    PageRoute("GET", "/model", READERS, statistics_pages.model_page),
    PageRoute("GET", "/audit", OVERSEERS, statistics_pages.audit_page),
    PageRoute("POST", "/audit/walk", OVERSEERS, statistics_pages.verify_chain),
)
"""Every page that takes a session, and who may open it."""
_ALWAYS: Final = {
    "content-security-policy": CONTENT_POLICY,
    "x-content-type-options": "nosniff",
    # `no-referrer` would make browsers send `Origin: null` with our own forms.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
_WITH_DETAIL: Final = {400, 409, 422}
"""Where the facts of a refusal say more than the words of its status."""
_WITH_WORDS: Final = {400, 403, 404, 405, 409, 413, 415, 422, 500, 503}

Answering = Callable[[Request], Awaitable[Response]]


class Console:
    """The ASGI application of `/review` in one process.

    Args:
        state: What the service answers from.
    """

    def __init__(self, state: ServiceState) -> None:
        audit_job = AuditJob(state.log, retention=lambda: load_retention(state.settings.policies))
        self._context = ConsoleContext(
            state, Sessions(state.log), Accesses(state.log), audit_job, ChallengerHolder(state.settings.live)
        )
        own = {
            ("GET", "/login"): self._login_page,
            ("POST", "/login"): self._login,
            ("POST", "/logout"): self._logout,
            ("POST", "/language"): self._language,
            ("GET", "/static/{name}"): self._static,
        }
        routes = [_route(method, path, self._safely(path, answer)) for (method, path), answer in own.items()]
        routes += [_route(each.method, each.path, self._safely(each.path, partial(self._page, each))) for each in PAGES]
        self._app = Starlette(routes=routes, exception_handlers={HTTPException: self._not_found})
        self._app.router.redirect_slashes = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await self._app(scope, receive, send)

    def warm_up(self) -> None:
        """Do what the first visitor would wait for: compile every page and read the version that asks to be live."""
        compile_pages()
        # That it cannot be read is for the pages that show it to say.
        with suppress(LineriskError):
            self._context.challengers.current()

    def _safely(self, path: str, answer: Answering) -> Answering:
        """An answer whatever happens, with the headers of every page, counted."""

        async def answering(request: Request) -> Response:
            started = time.perf_counter()
            try:
                response = await answer(request)
            except LineriskError as error:
                number = _logged(path, error) if status_of(error) >= HTTPStatus.INTERNAL_SERVER_ERROR else None
                response = await self._refused(request, error, number=number)
            except Exception as error:  # noqa: BLE001  # nothing but our own page may leave, whatever failed
                response = await self._refused(request, error, number=_logged(path, error))
            response.headers.update(_ALWAYS)
            response.headers.setdefault("cache-control", "no-store")
            elapsed = time.perf_counter() - started
            metrics().answered(f"/review{path}", HTTPStatus(response.status_code), elapsed)
            return response

        return answering

    async def _page(self, route: PageRoute, request: Request) -> Response:
        visit = await page_request_of(self._context, request)
        if visit is None:
            return to_login(request)
        if visit.actor.role not in route.roles:
            raise ForbiddenError(
                "the role may not open this page",
                expected=" or ".join(sorted(route.roles)),
                found=visit.actor.role,
                todo="log in with a token of such a role",
            )
        answered = await asyncio.to_thread(route.handler, self._context, visit)
        if isinstance(answered, Redirect):
            return RedirectResponse(answered.to, HTTPStatus.SEE_OTHER)
        return await self._rendered(answered.template, self._frame(request, visit), answered.page, answered.status)

    async def _login_page(self, request: Request, *, problem: str = "", status: int = 200) -> Response:
        query = query_of(request)
        language = requested_language(request, query)
        note = query.get("note", "")
        page = LoginPage(
            problem=problem, note=note if note in {"session_over", "logged_out"} else "", next=ours(query.get("next"))
        )
        return await self._rendered("login.html.j2", self._bare(request, language), page, HTTPStatus(status))

    async def _login(self, request: Request) -> Response:
        check_origin(request)
        form = await form_of(request)
        token = self._context.state.tokens.verify(form.get("token", "").strip())
        if token is None:
            return await self._login_page(request, problem="login_failed", status=HTTPStatus.UNAUTHORIZED)
        if token.role not in READERS:
            return await self._login_page(request, problem="login_role", status=HTTPStatus.FORBIDDEN)
        return await log_in(self._context, request, token, form)

    async def _logout(self, request: Request) -> Response:
        return await log_out(self._context, request)

    async def _language(self, request: Request) -> Response:
        visit = await page_request_of(self._context, request)
        if visit is None:
            return to_login(request)
        language = language_of(visit.form.get("language", ""))
        await asyncio.to_thread(self._context.sessions.set_language, visit.session, language)
        return RedirectResponse(ours(visit.form.get("path")), HTTPStatus.SEE_OTHER)

    async def _static(self, request: Request) -> Response:
        found = STATIC.get(request.path_params["name"])
        if found is None:
            raise NotFoundError("there is no such file", todo="load the page again")
        headers = {"cache-control": "public, max-age=31536000, immutable"}
        return Response(found[0], media_type=found[1], headers=headers)

    async def _not_found(self, request: Request, error: Exception) -> Response:
        """What no page of ours answers."""
        wrong = error.status_code if isinstance(error, HTTPException) else HTTPStatus.NOT_FOUND

        async def refusing(_request: Request) -> Response:
            if wrong == HTTPStatus.METHOD_NOT_ALLOWED:
                raise MethodError("this method is not offered here", allowed=("GET", "POST"))
            raise NotFoundError("there is nothing under this path", todo="begin at /review")

        return await self._safely("", refusing)(request)

    async def _refused(self, request: Request, error: Exception, *, number: str | None) -> Response:
        status = status_of(error) if isinstance(error, LineriskError) else HTTPStatus.INTERNAL_SERVER_ERROR
        frame = await self._frame_if_known(request)
        said = int(status) if int(status) in _WITH_WORDS else (503 if status >= HTTPStatus.BAD_GATEWAY else 400)
        page = RefusedPage(
            words="refused_form" if isinstance(error, FormRefusedError) else f"refused_{said}",
            # Errors speak English; to others the words of the status say it.
            detail=error.paragraph()
            if isinstance(error, LineriskError) and said in _WITH_DETAIL and frame.language == "en"
            else "",
            number=number,
        )
        return await self._rendered("refused.html.j2", frame, page, status)

    async def _frame_if_known(self, request: Request) -> Frame:
        """The frame of whoever is logged in, as far as that can be told when something went wrong."""
        try:
            found = await logged_in(self._context, request)
        except LineriskError:
            found = None
        if found is None:
            return self._bare(request, requested_language(request, {}))
        session, token = found
        visit = PageRequest(
            actor=Actor(token.name, token.role.value),
            session=session,
            language=language_of(session.language),
            now=clock.now(),
        )
        return self._frame(request, visit)

    def _frame(self, request: Request, visit: PageRequest) -> Frame:
        # A form that was refused has no address to come back to but that of its case.
        path = _path(request) if request.method == "GET" else request.url.path.rpartition("/")[0]
        return frame_of(visit, path=path, time_zone=self._context.state.settings.time_zone)

    def _bare(self, request: Request, language: Language) -> Frame:
        return bare_frame(language, path=_path(request), time_zone=self._context.state.settings.time_zone)

    async def _rendered(self, template: str, frame: Frame, page: Any, status: HTTPStatus) -> Response:
        body = await asyncio.to_thread(render, template, frame, page)
        return Response(body, status, media_type=HTML)


def _route(method: str, path: str, answer: Answering) -> Route:
    return Route(f"/review{path}", answer, methods=[method])


def _logged(path: str, error: Exception) -> str:
    """Log what failed under a number of ours; nothing that was sent, since that may name a line."""
    number = str(ULID())
    log().error("failed", number=number, route=f"/review{path}", error=type(error).__name__, where=where(error))
    return number


def _path(request: Request) -> str:
    query = request.url.query
    return f"{request.url.path}?{query}" if query else request.url.path
