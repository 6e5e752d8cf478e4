"""Access log of the API: a person's read is recorded before it is answered, as in the console."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Final

from linerisk import as_of as clock
from linerisk.review.access_log import Kind
from linerisk.review.transitions import Actor
from linerisk.web.http import Request
from linerisk.web.state import ServiceState
from linerisk.web.token_store import Role

PEOPLE: Final = frozenset({Role.REVIEWER, Role.LEAD, Role.AUDITOR})
"""Roles of people, whose reads are accesses. A scorer is a system that reads its own answers."""


async def record_access(state: ServiceState, request: Request, kind: Kind, *subjects: str) -> None:
    """Record an access; it is on disk when this returns.

    Raises:
        DecisionLogError: It cannot be written, so the read must be refused.
        OverloadedError: The same, because too much waits to be written.
    """
    if request.role in PEOPLE and subjects:
        actor = Actor(request.caller, str(request.role))
        await asyncio.to_thread(partial(state.accesses.record, actor, kind, *subjects, at=clock.now()))
