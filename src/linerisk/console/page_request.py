"""What a page is made from and what comes of it: a visit by somebody who is logged in, a page shown, or a way on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Any

from linerisk.console.audit_job import AuditJob
from linerisk.live import ChallengerHolder
from linerisk.review.access_log import Accesses
from linerisk.review.sessions import Session, Sessions
from linerisk.review.transitions import Actor
from linerisk.suspension.local_time import Language
from linerisk.web.errors import RefusedError
from linerisk.web.state import ServiceState
from linerisk.web.token_store import Role


@dataclass(frozen=True, slots=True)
class ConsoleContext:
    """What the console of one process works with.

    Attributes:
        state: What the service answers from.
        sessions: Who is logged in.
        accesses: Who opened what.
        audit_job: The last walk along the chain of the log.
        challengers: The version that asks to be live.
    """

    state: ServiceState
    sessions: Sessions
    accesses: Accesses
    audit_job: AuditJob
    challengers: ChallengerHolder


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRequest:
    """One request of somebody who is logged in and may make it.

    Attributes:
        actor: Name and role of the token.
        session: The session.
        language: Of the session.
        now: The instant of the request; everything on a page is told as of it.
        params: Named parts of the path.
        query: Query parameters.
        form: Fields of the form, of a POST.
    """

    actor: Actor
    session: Session
    language: Language
    now: datetime
    params: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Page:
    """A page.

    Attributes:
        template: Its template.
        page: Its context, one of the documented dataclasses.
        status: Its status.
    """

    template: str
    page: Any
    status: HTTPStatus = HTTPStatus.OK


@dataclass(frozen=True, slots=True)
class Redirect:
    """Where the browser goes next, by GET, so that reloading sends nothing again."""

    to: str


Handler = Callable[[ConsoleContext, PageRequest], Page | Redirect]


@dataclass(frozen=True, slots=True)
class PageRoute:
    """One page or form of the console.

    Attributes:
        method: HTTP method.
        path: Path below `/review`, with `{names}` of its variable parts.
        roles: Who may; everybody else is refused.
        handler: What makes it.
    """

    method: str
    path: str
    roles: frozenset[Role]
    handler: Handler


class FormRefusedError(RefusedError):
    """A form without the session's own secret, or from another site."""

    code = "form_refused"
    status = HTTPStatus.FORBIDDEN


READERS = frozenset({Role.REVIEWER, Role.LEAD, Role.AUDITOR})
WORKERS = frozenset({Role.REVIEWER, Role.LEAD})
LEADS = frozenset({Role.LEAD})
OVERSEERS = frozenset({Role.LEAD, Role.AUDITOR})
