"""The call that scores in bulk: an Arrow table in, an Arrow table out, recorded or as a dry run.

A dry run answers what a recorded one would, to the bit, marked as what it is: nothing was recorded, so no measure may
rest on it.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from linerisk.decisions.append import StoredAnswer
from linerisk.explanation import explain
from linerisk.model.tiers import TIERS
from linerisk.service import arrow_request, arrow_response
from linerisk.service.api_state import ApiState
from linerisk.service.decide import action_of, scores_of, statuses
from linerisk.service.request_types import (
    MOST_BULK_LINES,
    MOST_BYTES,
    MOST_LINES,
    LineById,
    ProblemBody,
    RequestId,
    ScoreRequest,
)
from linerisk.service.routes.route import Route
from linerisk.service.scoring import Decided, LinesToScore, decisions_of, input_by_id, input_by_records
from linerisk.web.errors import WrongValueError
from linerisk.web.http import Answer, Request
from linerisk.web.metrics import metrics
from linerisk.web.query_params import instant, one_of
from linerisk.web.token_store import Role

_FLAGS = {"true": True, "false": False}


@dataclass(frozen=True)
class Wanted:
    """What the query of a bulk request asks for."""

    request_id: str
    as_of: datetime | None
    dry_run: bool
    reasons: bool


async def score_arrow(state: ApiState, request: Request) -> Answer:
    """Answer `POST /v1/score/arrow`."""
    wanted = _wanted(request)
    request.request_id = wanted.request_id
    request.check_media_type(arrow_request.MEDIA_TYPE)
    body = await request.body(most=MOST_BYTES, budget=state.bodies)
    digest = hashlib.sha256(request.scope["path"].encode() + b"\n" + repr(wanted).encode() + b"\n" + body).hexdigest()
    async with state.large.slot():
        if wanted.dry_run:
            return Answer(await asyncio.to_thread(_looked, state, request, wanted, body), arrow_request.MEDIA_TYPE)
        stored = await asyncio.to_thread(state.log.find, request.caller, wanted.request_id, body_hash=digest)
        if stored is None:
            records, problems = await asyncio.to_thread(_decided, state, request, wanted, body)
            told = [msgspec.structs.asdict(problem) for problem in problems]
            stored = await state.log.append_awaited(request.caller, wanted.request_id, digest, records, told)
            if not stored.repeated:
                metrics().decided(records, [problem.code for problem in problems])
        request.model_version = stored.records[0].model.version if stored.records else None
        return Answer(await asyncio.to_thread(_told, wanted.request_id, stored), arrow_request.MEDIA_TYPE)


def _lines(state: ApiState, request: Request, wanted: Wanted, body: bytes) -> LinesToScore:
    table = arrow_request.read_table(body)
    with_records = "records" in table.columns
    ids = arrow_request.line_ids(table, most=MOST_LINES if with_records else MOST_BULK_LINES)
    request.lines = len(ids)
    request.spend()
    if with_records:
        given = arrow_request.given_lines(table, ids)
        return input_by_records(state, given, request_id=wanted.request_id, as_of=wanted.as_of, caller=request.caller)
    asked = ScoreRequest(request_id=wanted.request_id, lines=[LineById(each) for each in ids], as_of=wanted.as_of)
    return input_by_id(state, asked, caller=request.caller)


def _decided(state: ApiState, request: Request, wanted: Wanted, body: bytes) -> Decided:
    return decisions_of(state, *_lines(state, request, wanted, body), reasons=wanted.reasons)


def _told(request_id: str, stored: StoredAnswer) -> bytes:
    return arrow_response.answer(request_id, stored.records, msgspec.convert(stored.problems, list[ProblemBody]))


def _looked(state: ApiState, request: Request, wanted: Wanted, body: bytes) -> bytes:
    """What would be decided, column by column, with no record made of it."""
    asked, policy, problems = _lines(state, request, wanted, body)
    n = len(asked.line_ids)
    if not n:
        return arrow_response.stream(
            wanted.request_id, {field.name: [] for field in arrow_response.ANSWER}, problems, dry_run=True
        )
    request.model_version = asked.live.model_meta.version
    scored, attribution = scores_of(asked)
    status, tiers = statuses(asked), scored.tiers
    actions = [
        action_of(policy, tier, state, as_of=asked.as_of, verified=verified, cleared=cleared)
        for tier, state, verified, cleared in zip(tiers, status, asked.last_verified, asked.cleared, strict=True)
    ]
    reasons: list[Sequence[Any]] = [()] * n
    if wanted.reasons:
        explained = explain(asked.live.model, asked.rows, state.wording, attribution=attribution)
        reasons = [why.reasons for why in explained]
    columns: dict[str, Any] = {
        "line_id": asked.line_ids,
        "decision_id": pa.nulls(n, pa.string()),
        "as_of": pa.repeat(pa.scalar(asked.as_of, pa.timestamp("us", "UTC")), n),
        "status": status,
        "margin": pa.array(scored.margin),
        "probability": pa.array(scored.probability),
        "probability_low": pa.array(scored.low),
        "probability_high": pa.array(scored.high),
        "tier": pa.array(np.array([tier.value for tier in TIERS])).take(pa.array(scored.tier_index)),
        "action": [action.kind for action in actions],
        "policy": pa.repeat(policy.id, n),
        "steps": [action.steps for action in actions],
        "held_by": [action.held_by for action in actions],
        "reasons": arrow_response.reasons_of(reasons),
        "model_version": pa.repeat(asked.live.model_meta.version, n),
        "snapshot_id": [None if asked.snapshot is None else asked.snapshot.meta.id] * n,
    }
    return arrow_response.stream(wanted.request_id, columns, problems, dry_run=True)


def _wanted(request: Request) -> Wanted:
    """The query of a request.

    Raises:
        WrongValueError: A parameter is missing, unknown or wrong.
    """
    query = request.query("request_id", "as_of", "dry_run", "reasons")
    given = query.get("request_id")
    try:
        request_id = msgspec.convert(given, RequestId)
    except msgspec.ValidationError as error:
        raise WrongValueError(
            "request_id is none",
            expected="1 to 128 visible ASCII characters",
            found=repr(given)[:60],
            todo="give the request an id of your own, such as a ULID",
            field="request_id",
        ) from error
    return Wanted(
        request_id=request_id,
        as_of=instant(query, "as_of"),
        dry_run=_flag(query, "dry_run", default=False),
        reasons=_flag(query, "reasons", default=True),
    )


def _flag(query: dict[str, str], name: str, *, default: bool) -> bool:
    given = one_of(query, name, tuple(_FLAGS))
    return default if given is None else _FLAGS[given]


BULK: tuple[Route, ...] = (
    Route(
        "POST",
        "/v1/score/arrow",
        frozenset({Role.SCORER}),
        score_arrow,
        "The same in bulk, as an Arrow IPC stream in and out; decisions are recorded, unless it is a dry run",
        stream=arrow_request.MEDIA_TYPE,
    ),
)
