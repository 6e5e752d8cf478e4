"""The quick way: a request for a few lines of the published snapshot, answered without a task of its own.

Most requests are of this kind, and most of what a request costs is not the answer but the way through the layers of a
server. Here such a request is taken from the connection as it arrives, its decisions are handed to the log, and the
answer is written back when they are on disk. Whatever is not plain, a refusal above all, goes the way that every other
request goes (`service.api`), which decides anew; so there is one place that refuses, and this one only says yes. Only
what the log cannot write is not asked of it again: it has waited for its disk or its lock long enough.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus

import msgspec

from linerisk.decisions.append import Append, StoredAnswer
from linerisk.decisions.pending import UNUSED, Outcome, Waiting
from linerisk.errors import DecisionLogError, LineriskError
from linerisk.service.ready import Ahead, Ready
from linerisk.service.request_types import ScoreRequest
from linerisk.service.routes.scoring import FEW_LINES, SMALL_BYTES, answer_of, digest_of
from linerisk.service.strict_json import read
from linerisk.web.http import Scope
from linerisk.web.logs import log, where
from linerisk.web.metrics import metrics
from linerisk.web.state import ServiceState
from linerisk.web.token_store import Role

PATH = "/v1/score"
_BEARER = b"Bearer "
_JSON = frozenset({b"application/json", b"application/json; charset=utf-8", b"application/json;charset=utf-8"})
_OTHERWISE = frozenset({b"content-encoding", b"transfer-encoding", b"expect"})
"""Headers that make a request an unusual one."""

Reply = Callable[[bytes | DecisionLogError | None], None]
"""Takes the body of an answer, or else sends the request the way of the others, with why the log cannot be written."""


@dataclass(slots=True)
class Held:
    """A request whose head is of the plain kind.

    Attributes:
        caller: Name of its token.
        started: When its head had arrived.
    """

    caller: str
    started: float


@dataclass(slots=True)
class _Asked(Append):
    """A request whose decisions are on their way to the disk, and how it is answered."""

    ready: Ready = ([], [])
    held: Held | None = None
    reply: Reply | None = None


class Quick:
    """Answers plain requests for the event loop it is made on.

    Args:
        state: What it answers from.
    """

    def __init__(self, state: ServiceState) -> None:
        self._state = state
        self._ahead = Ahead(state)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = 0

    def held(self, scope: Scope) -> Held | None:
        """A request by its head; None of one that is not plain, or whose token may not, which is not made to wait."""
        if scope["path"] != PATH or scope["method"] != "POST" or scope["query_string"]:
            return None
        secrets, kinds, sizes = [], [], []
        for name, value in scope["headers"]:
            if name == b"authorization":
                secrets.append(value)
            elif name == b"content-type":
                kinds.append(value)
            elif name == b"content-length":
                sizes.append(value)
            elif name in _OTHERWISE:
                return None
        if len(kinds) != 1 or kinds[0] not in _JSON or len(secrets) != 1 or len(sizes) != 1:
            return None
        if not sizes[0].isdigit() or int(sizes[0]) > SMALL_BYTES or not secrets[0].startswith(_BEARER):
            return None
        started = time.perf_counter()
        caller = self._caller(secrets[0][len(_BEARER) :].decode("latin-1").strip())
        return None if caller is None else Held(caller, started)

    def take(self, held: Held, body: bytes, reply: Reply) -> bool:
        """Decide, and have it recorded; `reply` is called on the event loop when it is on disk, or was not written.

        Returns:
            Whether it was taken; if not, nothing was done.
        """
        try:
            append = self._append(held, body, reply)
            if append is None:
                return False
            self._state.log.append_told(append)
        except Exception:  # noqa: BLE001  # what goes wrong here goes wrong on the other way too, and is told there
            return False
        return True

    def _caller(self, secret: str) -> str | None:
        """Name of the token of a secret; None where it may not score, or not without a limit."""
        try:
            token = self._state.tokens.verify(secret)
        except LineriskError:
            return None
        if token is None or token.role is not Role.SCORER or token.lines_per_second is not None:
            return None
        return token.name

    def _append(self, held: Held, body: bytes, reply: Reply) -> _Asked | None:
        request, canonical = read(body, ScoreRequest)
        if len(request.lines) > FEW_LINES:
            return None
        ready = self._ahead.decide(request, caller=held.caller)
        if ready is None:
            return None
        if self._loop is None:
            self._loop, self._thread = asyncio.get_running_loop(), threading.get_ident()
        return _Asked(
            caller=held.caller,
            request_id=request.request_id,
            body_hash=digest_of(PATH, canonical),
            records=tuple(ready[0]),
            problems=tuple([msgspec.structs.asdict(problem) for problem in ready[1]]),
            future=UNUSED,
            told=self._told,
            ready=ready,
            held=held,
            reply=reply,
        )

    def _told(self, settled: Sequence[tuple[Waiting, Outcome]]) -> None:
        """Told by the log, from whatever thread wrote."""
        if threading.get_ident() == self._thread:
            self._answer(settled)
        elif self._loop is not None:
            # A loop that is closed by now has nobody left to answer.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._answer, settled)

    def _answer(self, settled: Sequence[tuple[Waiting, Outcome]]) -> None:
        for asked, came in settled:
            if not isinstance(asked, _Asked) or asked.reply is None or asked.held is None:
                continue
            reply, asked.reply = asked.reply, None
            try:
                if not isinstance(came, StoredAnswer) or came.repeated:
                    reply(came if isinstance(came, DecisionLogError) else None)
                    continue
                records, problems = asked.ready
                reply(answer_of(asked.request_id, records, problems))
                metrics().quick()
                metrics().decided(records, [problem.code for problem in problems])
                metrics().answered(PATH, HTTPStatus.OK, time.perf_counter() - asked.held.started)
            except Exception as error:  # noqa: BLE001  # one that fails must not leave the others unanswered
                log().error("failed", route=PATH, error=type(error).__name__, where=where(error))
