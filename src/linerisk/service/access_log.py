"""Accesses by calls: what a person reads is written down before it is told, as it is in the console."""

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
"""Roles whose reading is an access. A scorer is a system that reads what it was told before."""


async def record_access(state: ServiceState, request: Request, kind: Kind, *subjects: str) -> None:
    """Write down that somebody reads; it is on disk when this returns.

    Raises:
        DecisionLogError: It cannot be written; then nothing may be told.
        OverloadedError: The same, since too much waits to be written.
    """
    if request.role in PEOPLE and subjects:
        actor = Actor(request.caller, str(request.role))
        await asyncio.to_thread(partial(state.accesses.record, actor, kind, *subjects, at=clock.now()))
