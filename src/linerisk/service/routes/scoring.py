"""The calls that score: the body is read, its lines are decided, the decisions are recorded, then told.

Small requests are worked on where they arrive; large ones on a thread, a few at a time, so that they hold nobody up.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

import msgspec

from linerisk import as_of as clock
from linerisk.decisions.append import StoredAnswer
from linerisk.decisions.record import Recordable
from linerisk.errors import DecisionLogError
from linerisk.policy import in_force
from linerisk.service.malloc_trim import give_back, swollen
from linerisk.service.request_types import MOST_BYTES, ProblemBody, RecordsRequest, ScoreAnswer, ScoreRequest
from linerisk.service.routes.route import Route
from linerisk.service.scoring import Decided, score_by_id, score_by_records
from linerisk.service.strict_json import read_of
from linerisk.web.errors import BusyError, SocialInsuranceError, WrongValueError
from linerisk.web.http import REFUSED, BodyBudget, Request
from linerisk.web.metrics import metrics
from linerisk.web.state import ServiceState
from linerisk.web.token_store import Role

SMALL_BYTES = 2_048
FEW_LINES = 4
_LARGE_AT_ONCE = 2
_LARGE_WAITING = 32
_REST_S = 1.0
"""How long no large request must be at work before what they needed is given back."""
_SOCIAL_INSURANCE = re.compile(r"social.?(insurance|security)|shebao|社保|社会保险", re.IGNORECASE)

Scoring = TypeVar("Scoring", ScoreRequest, RecordsRequest)
_encode = msgspec.json.Encoder(order="deterministic").encode
"""Names of objects in one order, whatever the log gave them back in: an answer said again has the same bytes."""


class Queue:
    """Large requests: a few are worked on, some wait, more are refused.

    Args:
        at_once: How many are worked on.
        waiting: How many may wait.

    Attributes:
        at_work: How many are worked on now.
        waiting: How many wait now.
    """

    def __init__(self, *, at_once: int, waiting: int) -> None:
        self._slots = asyncio.Semaphore(at_once)
        self._most = waiting
        self.at_work = 0
        self.waiting = 0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a slot.

        Raises:
            BusyError: Too many wait already.
        """
        if self._slots.locked() and self.waiting >= self._most:
            raise BusyError("too many large requests wait", expected=f"at most {self._most}", todo="try again shortly")
        self.waiting += 1
        try:
            await self._slots.acquire()
        finally:
            self.waiting -= 1
        self.at_work += 1
        try:
            yield
        finally:
            self.at_work -= 1
            self._slots.release()
            asyncio.get_running_loop().call_later(0.0 if swollen() else _REST_S, self._rested)

    def _rested(self) -> None:
        if not self.at_work:
            asyncio.get_running_loop().run_in_executor(None, give_back)


QUEUE = Queue(at_once=_LARGE_AT_ONCE, waiting=_LARGE_WAITING)
BUDGET = BodyBudget(16 * MOST_BYTES)


async def score(state: ServiceState, request: Request) -> bytes:
    """Answer `POST /v1/score`."""
    return await _answer(state, request, ScoreRequest, score_by_id)


async def score_records(state: ServiceState, request: Request) -> bytes:
    """Answer `POST /v1/score/records`."""
    return await _answer(state, request, RecordsRequest, score_by_records)


async def _answer(state: ServiceState, request: Request, kind: type[Scoring], decide: Callable[..., Decided]) -> bytes:
    text = await request.json_body(most=MOST_BYTES, budget=BUDGET)
    if kind is ScoreRequest and len(text) <= SMALL_BYTES:
        body, digest = _read(state, request, text, kind)
        if len(body.lines) <= FEW_LINES:
            if (refused := request.scope.get(REFUSED)) is not None:
                return await _said_again(state, request, digest, refused)
            if request.allowance is not None:
                found = await _answered_before(state, request, digest)
                if found is not None:
                    return _told(request, found)
                request.spend()
            records, problems = decide(state, body, caller=request.caller)
            return await _recorded(state, request, digest, records, problems)
    async with QUEUE.turn():
        body, digest = await asyncio.to_thread(_read, state, request, text, kind)
        found = await _answered_before(state, request, digest)
        if found is not None:
            return await asyncio.to_thread(_told, request, found)
        request.spend()
        records, problems = await asyncio.to_thread(decide, state, body, caller=request.caller)
        return await _recorded(state, request, digest, records, problems)


async def _answered_before(state: ServiceState, request: Request, digest: str) -> StoredAnswer | None:
    return await asyncio.to_thread(state.log.find, request.caller, request.request_id or "", body_hash=digest)


def _read(state: ServiceState, request: Request, text: bytes, kind: type[Scoring]) -> tuple[Scoring, str]:
    """The request in a body, and the hash that tells whether it is the same one again.

    Raises:
        MalformedError: It is not JSON that means one thing only.
        WrongValueError: A field is wrong.
    """
    try:
        body, canonical = read_of(request, text, kind)
    except WrongValueError as error:
        raise _social_insurance(state, error) or error from None
    request.lines = len(body.lines)
    return body, digest_of(request.scope["path"], canonical)


def digest_of(path: str, canonical: bytes) -> str:
    """What tells whether a request is the same one again."""
    return hashlib.sha256(path.encode() + b"\n" + canonical).hexdigest()


def _social_insurance(state: ServiceState, error: WrongValueError) -> SocialInsuranceError | None:
    """The refusal of a field for social-insurance information, naming the policy that does not ask for it."""
    name = (error.field or "").rpartition(".")[2]
    if not _SOCIAL_INSURANCE.search(name):
        return None
    policy = in_force(state.policies, clock.now())
    if any(_SOCIAL_INSURANCE.search(asked) for asked in (*policy.steps, *policy.materials)):
        return None
    return SocialInsuranceError(
        f"the policy in force, {policy.id}, does not ask for social-insurance information",
        expected="no such field",
        found=f"`{name[:64]}`",
        todo="leave it out, and do not collect it",
        field=error.field,
    )


async def _recorded(
    state: ServiceState, request: Request, digest: str, records: Sequence[Recordable], problems: list[ProblemBody]
) -> bytes:
    """The answer, once its decisions are on disk; of a request answered before, that answer."""
    told = [msgspec.structs.asdict(problem) for problem in problems]
    try:
        stored = await state.log.append_awaited(request.caller, request.request_id or "", digest, records, told)
    except DecisionLogError as error:
        return await _said_again(state, request, digest, error)
    if not stored.repeated:
        metrics().decided(records, [problem.code for problem in problems])
    return _told(request, stored)


async def _said_again(state: ServiceState, request: Request, digest: str, refused: DecisionLogError) -> bytes:
    """What was answered before, which can be said again though nothing can be written; or else the refusal."""
    found = await _answered_before(state, request, digest)
    if found is None:
        raise refused
    return _told(request, found)


def _told(request: Request, stored: StoredAnswer) -> bytes:
    request.model_version = stored.records[0].model.version if stored.records else None
    problems = msgspec.convert(stored.problems, list[ProblemBody])
    return answer_of(request.request_id or "", stored.records, problems)


def answer_of(request_id: str, records: Sequence[Recordable], problems: list[ProblemBody]) -> bytes:
    """The body of an answer, from recorded decisions."""
    return _encode(ScoreAnswer(request_id, [record.told() for record in records], problems))


_SCORERS = frozenset({Role.SCORER})
SCORING: tuple[Route, ...] = (
    Route(
        "POST",
        "/v1/score",
        _SCORERS,
        score,
        "Score lines of the published snapshot; decisions are recorded",
        ScoreRequest,
        ScoreAnswer,
    ),
    Route(
        "POST",
        "/v1/score/records",
        _SCORERS,
        score_records,
        "Score lines from the records in the body, by the code that training uses; decisions are recorded",
        RecordsRequest,
        ScoreAnswer,
    ),
)
