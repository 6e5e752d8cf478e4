"""Calls that score: read the body, decide its lines, record the decisions, then answer.

Small requests by id run in batches on the event loop (`service.request_batcher`). All others run on threads, a few at a
time, so that the loop stays free.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from linerisk import as_of as clock
from linerisk.decisions.append import StoredAnswer
from linerisk.decisions.errors import unconfirmed
from linerisk.decisions.record import DecisionRecord
from linerisk.errors import DecisionLogError
from linerisk.policy import in_force
from linerisk.service.api_state import ApiState
from linerisk.service.request_batcher import ANSWER_WITHIN_S
from linerisk.service.request_types import MOST_BYTES, ProblemBody, RecordsRequest, ScoreAnswer, ScoreRequest
from linerisk.service.routes.route import Route
from linerisk.service.scoring import Decided, score_by_id, score_by_records
from linerisk.service.strict_json import read_of
from linerisk.web.errors import SocialInsuranceError, WrongValueError
from linerisk.web.http import Request
from linerisk.web.metrics import metrics
from linerisk.web.token_store import Role

PATH, RECORDS_PATH = "/v1/score", "/v1/score/records"
SMALL_BYTES = 2_048
FEW_LINES = 4
_SOCIAL_INSURANCE = re.compile(r"social.?(insurance|security)|shebao|社保|社会保险", re.IGNORECASE)

Scoring = TypeVar("Scoring", ScoreRequest, RecordsRequest)
_encode = msgspec.json.Encoder(order="deterministic").encode
"""Keys in one order, so that a repeated answer has the same bytes."""


async def score(state: ApiState, request: Request) -> bytes:
    """Answer `POST /v1/score`."""
    text = await request.json_body(most=MOST_BYTES, budget=state.bodies)
    if len(text) <= SMALL_BYTES:
        return await answer_score(state, request, *read_body(state, request, text, ScoreRequest))
    async with state.large.slot():
        body, canonical = await asyncio.to_thread(read_body, state, request, text, ScoreRequest)
        return await _on_threads(state, request, body, body_hash_of(PATH, canonical), score_by_id)


async def score_records(state: ApiState, request: Request) -> bytes:
    """Answer `POST /v1/score/records`."""
    text = await request.json_body(most=MOST_BYTES, budget=state.bodies)
    async with state.large.slot():
        body, canonical = await asyncio.to_thread(read_body, state, request, text, RecordsRequest)
        return await _on_threads(state, request, body, body_hash_of(RECORDS_PATH, canonical), score_by_records)


async def answer_score(state: ApiState, request: Request, body: ScoreRequest, canonical: bytes) -> bytes:
    """Score lines by id.

    Args:
        state: What the worker keeps open.
        request: Whose token and limit apply.
        body: The lines.
        canonical: The body as `strict_json.read` gives it.
    """
    body_hash = body_hash_of(PATH, canonical)
    if len(body.lines) > FEW_LINES:
        async with state.large.slot():
            return await _on_threads(state, request, body, body_hash, score_by_id)
    if request.allowance is not None:
        found = await _stored(state, request, body_hash)
        if found is not None:
            return _answer(request, found)
        request.charge_lines()
    try:
        stored = await state.batcher.score(body, caller=request.caller, body_hash=body_hash)
    except DecisionLogError as error:
        return await _stored_or_refused(state, request, body_hash, error)
    _count(stored)
    return _answer(request, stored)


async def answer_records(state: ApiState, request: Request, body: RecordsRequest, canonical: bytes) -> bytes:
    """Score lines with records; see `answer_score`."""
    async with state.large.slot():
        return await _on_threads(state, request, body, body_hash_of(RECORDS_PATH, canonical), score_by_records)


async def _on_threads(
    state: ApiState, request: Request, body: Scoring, body_hash: str, decide: Callable[..., Decided]
) -> bytes:
    found = await _stored(state, request, body_hash)
    if found is not None:
        return await asyncio.to_thread(_answer, request, found)
    request.charge_lines()
    records, problems = await asyncio.to_thread(decide, state, body, caller=request.caller)
    rows = [msgspec.structs.asdict(problem) for problem in problems]
    try:
        stored = await state.log.append_awaited(request.caller, body.request_id, body_hash, records, rows)
    except DecisionLogError as error:
        return await _stored_or_refused(state, request, body_hash, error)
    _count(stored)
    return await asyncio.to_thread(_answer, request, stored)


async def _stored(state: ApiState, request: Request, body_hash: str) -> StoredAnswer | None:
    find = asyncio.to_thread(state.log.find, request.caller, request.request_id or "", body_hash=body_hash)
    try:
        return await asyncio.wait_for(find, ANSWER_WITHIN_S)
    except TimeoutError as error:
        raise unconfirmed(ANSWER_WITHIN_S) from error


async def _stored_or_refused(state: ApiState, request: Request, body_hash: str, refused: DecisionLogError) -> bytes:
    """The stored answer of a repeated request, which can be read though nothing can be written; else the refusal."""
    found = await _stored(state, request, body_hash)
    if found is None:
        raise refused
    return _answer(request, found)


def read_body(state: ApiState, request: Request, text: bytes, kind: type[Scoring]) -> tuple[Scoring, bytes]:
    """The request in a body, and its canonical form.

    Raises:
        MalformedError: It is not unambiguous JSON.
        WrongValueError: A field is wrong.
    """
    try:
        body, canonical = read_of(request, text, kind)
    except WrongValueError as error:
        raise _social_insurance(state, error) or error from None
    request.lines = len(body.lines)
    return body, canonical


def body_hash_of(path: str, canonical: bytes) -> str:
    """The hash that recognises a repeated request."""
    return hashlib.sha256(path.encode() + b"\n" + canonical).hexdigest()


def _social_insurance(state: ApiState, error: WrongValueError) -> SocialInsuranceError | None:
    """The refusal of a social-insurance field, if the policy in force does not ask for one."""
    name = (error.field or "").rpartition(".")[2]
    if not _SOCIAL_INSURANCE.search(name):
        return None
    policy = in_force(state.policies, clock.now())
    if any(_SOCIAL_INSURANCE.search(requirement) for requirement in (*policy.steps, *policy.materials)):
        return None
    return SocialInsuranceError(
        f"the policy in force, {policy.id}, does not ask for social-insurance information",
        expected="no such field",
        found=f"`{name[:64]}`",
        todo="leave it out, and do not collect it",
        field=error.field,
    )


def _count(stored: StoredAnswer) -> None:
    if not stored.repeated:
        metrics().decided(stored.records, [problem["code"] for problem in stored.problems])


def _answer(request: Request, stored: StoredAnswer) -> bytes:
    request.model_version = stored.records[0].model.version if stored.records else None
    problems = msgspec.convert(stored.problems, list[ProblemBody])
    return encode_answer(request.request_id or "", stored.records, problems)


def encode_answer(request_id: str, records: Sequence[DecisionRecord], problems: list[ProblemBody]) -> bytes:
    """The JSON body of an answer."""
    return _encode(ScoreAnswer(request_id, [record.to_answer() for record in records], problems))


_SCORERS = frozenset({Role.SCORER})
SCORING: tuple[Route, ...] = (
    Route(
        "POST",
        PATH,
        _SCORERS,
        score,
        "Score lines of the published snapshot; decisions are recorded",
        ScoreRequest,
        ScoreAnswer,
    ),
    Route(
        "POST",
        RECORDS_PATH,
        _SCORERS,
        score_records,
        "Score lines from the records in the body, by the code that training uses; decisions are recorded",
        RecordsRequest,
        ScoreAnswer,
    ),
)
