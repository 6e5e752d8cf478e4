"""Batches small requests: those of one turn of the event loop are scored and recorded together, with one commit.

Requests that arrive together run their handlers in the same turn, and the flush that the first of them schedules runs
after the last. So one call scores all of them and one commit records them. The slower the disk, the larger the groups.

On SQLite the group runs on the loop's own thread: nothing crosses a thread, and the loop waits for the commit, but
never for a lock (`DecisionLog.append_here`). On PostgreSQL it runs on a worker thread, because a server that does not
answer would stop the loop; the next requests gather meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import msgspec

from linerisk.decisions.append import Append, StoredAnswer
from linerisk.decisions.errors import unconfirmed
from linerisk.service.request_types import ScoreRequest
from linerisk.service.scoring import IdRequest, score_each
from linerisk.web.state import ServiceState

ANSWER_WITHIN_S = 0.9
"""A server that does not answer is given up in under a second."""


@dataclass(slots=True)
class _Pending:
    id_request: IdRequest
    body_hash: str
    answer: asyncio.Future[StoredAnswer]

    def deliver(self, outcome: Future[StoredAnswer] | Exception) -> None:
        """Set the answer, on the event loop."""
        if self.answer.done():
            return
        error = outcome if isinstance(outcome, Exception) else outcome.exception()
        if error is not None:
            self.answer.set_exception(error)
        elif isinstance(outcome, Future):
            self.answer.set_result(outcome.result())


_Outcome = tuple[_Pending, Future[StoredAnswer] | Exception]


class RequestBatcher:
    """Scores and records small requests for the event loop of one worker.

    Args:
        state: What the worker keeps open.
    """

    def __init__(self, state: ServiceState) -> None:
        self._state = state
        self._timeout = ANSWER_WITHIN_S if state.log.on_server else None
        # A thread of its own: reads that wait for the same server may hold all threads of the loop.
        self._thread = ThreadPoolExecutor(1, "request-batcher") if state.log.on_server else None
        self._group: list[_Pending] = []
        self._at_work = False

    async def score(self, request: ScoreRequest, *, caller: str, body_hash: str) -> StoredAnswer:
        """Score lines of the published snapshot by their ids; the answer is on disk when this returns.

        Raises:
            LineriskError: As `score_by_id` and `DecisionLog.append` do.
        """
        loop = asyncio.get_running_loop()
        pending = _Pending(IdRequest(request, caller), body_hash, loop.create_future())
        if not self._group and not self._at_work:
            loop.call_soon(self._flush)
        self._group.append(pending)
        try:
            return await asyncio.wait_for(pending.answer, self._timeout)
        except TimeoutError as error:
            raise unconfirmed(ANSWER_WITHIN_S) from error

    def _flush(self) -> None:
        group, self._group = [pending for pending in self._group if not pending.answer.done()], []
        if not group:
            return
        if self._state.log.on_server:
            self._at_work = True
            loop = asyncio.get_running_loop()
            loop.run_in_executor(self._thread, self._record, group).add_done_callback(self._next)
        else:
            self._deliver(self._record(group))

    def _next(self, recorded: asyncio.Future[list[_Outcome]]) -> None:
        self._at_work = False
        self._deliver(recorded.result())
        self._flush()

    def _record(self, group: Sequence[_Pending]) -> list[_Outcome]:
        """Score and append a group; the futures of appends that the writer thread has taken over are not done yet."""
        outcomes: list[_Outcome] = []
        appends: list[Append] = []
        for pending, scored in zip(group, score_each(self._state, [each.id_request for each in group]), strict=True):
            if isinstance(scored, Exception):
                outcomes.append((pending, scored))
                continue
            records, problems = scored
            request, caller = pending.id_request
            problem_rows = tuple([msgspec.structs.asdict(problem) for problem in problems])
            append = Append(caller, request.request_id, pending.body_hash, tuple(records), problem_rows)
            appends.append(append)
            outcomes.append((pending, append.future))
        self._state.log.append_here(appends)
        return outcomes

    @staticmethod
    def _deliver(outcomes: Sequence[_Outcome]) -> None:
        loop = asyncio.get_running_loop()

        def later(pending: _Pending, future: Future[StoredAnswer]) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed, and its callers are gone
                loop.call_soon_threadsafe(pending.deliver, future)

        for pending, outcome in outcomes:
            if isinstance(outcome, Future) and not outcome.done():
                outcome.add_done_callback(partial(later, pending))
            else:
                pending.deliver(outcome)
