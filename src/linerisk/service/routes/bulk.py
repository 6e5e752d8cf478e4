"""Bulk scoring: an Arrow table in, an Arrow table out, recorded or as a dry run.

A dry run answers the same bits and is marked as a dry run: nothing is recorded, so no measure may rest on it.
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
from linerisk.service.api_state import ApiState
from linerisk.service.arrow import request as arrow_request
from linerisk.service.arrow import response as arrow_response
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
class BulkOptions:
    """Options in the query of a bulk request."""

    request_id: str
    as_of: datetime | None
    dry_run: bool
    reasons: bool


async def score_arrow(state: ApiState, request: Request) -> Answer:
    """Answer `POST /v1/score/arrow`."""
    options = _options(request)
    request.request_id = options.request_id
    request.check_media_type(arrow_request.MEDIA_TYPE)
    body = await request.body(most=MOST_BYTES, budget=state.bodies)
    digest = hashlib.sha256(request.scope["path"].encode() + b"\n" + repr(options).encode() + b"\n" + body).hexdigest()
    async with state.large.slot():
        if options.dry_run:
            return Answer(await asyncio.to_thread(_dry_run, state, request, options, body), arrow_request.MEDIA_TYPE)
        stored = await asyncio.to_thread(state.log.find, request.caller, options.request_id, body_hash=digest)
        if stored is None:
            records, problems = await asyncio.to_thread(_decided, state, request, options, body)
            told = [msgspec.structs.asdict(problem) for problem in problems]
            stored = await state.log.append_awaited(request.caller, options.request_id, digest, records, told)
            if not stored.repeated:
                metrics().decided(records, [problem.code for problem in problems])
        request.model_version = stored.records[0].model.version if stored.records else None
        return Answer(await asyncio.to_thread(_encode, options.request_id, stored), arrow_request.MEDIA_TYPE)


def _lines(state: ApiState, request: Request, options: BulkOptions, body: bytes) -> LinesToScore:
    table = arrow_request.read_table(body)
    with_records = "records" in table.columns
    ids = arrow_request.line_ids(table, most=MOST_LINES if with_records else MOST_BULK_LINES)
    request.lines = len(ids)
    request.charge_lines()
    if with_records:
        given = arrow_request.line_columns(table, ids)
        return input_by_records(state, given, request_id=options.request_id, as_of=options.as_of, caller=request.caller)
    request_body = ScoreRequest(
        request_id=options.request_id, lines=[LineById(each) for each in ids], as_of=options.as_of
    )
    return input_by_id(state, request_body, caller=request.caller)


def _decided(state: ApiState, request: Request, options: BulkOptions, body: bytes) -> Decided:
    return decisions_of(state, *_lines(state, request, options, body), reasons=options.reasons)


def _encode(request_id: str, stored: StoredAnswer) -> bytes:
    return arrow_response.answer(request_id, stored.records, msgspec.convert(stored.problems, list[ProblemBody]))


def _dry_run(state: ApiState, request: Request, options: BulkOptions, body: bytes) -> bytes:
    """The answer of a dry run, built by column without records."""
    lines, policy, problems = _lines(state, request, options, body)
    n = len(lines.line_ids)
    if not n:
        return arrow_response.stream(
            options.request_id, {field.name: [] for field in arrow_response.ANSWER}, problems, dry_run=True
        )
    request.model_version = lines.live.model_meta.version
    scored, attribution = scores_of(lines)
    status, tiers = statuses(lines), scored.tiers
    actions = [
        action_of(policy, tier, state, as_of=lines.as_of, verified=verified, cleared=cleared)
        for tier, state, verified, cleared in zip(tiers, status, lines.last_verified, lines.cleared, strict=True)
    ]
    reasons: list[Sequence[Any]] = [()] * n
    if options.reasons:
        explained = explain(lines.live.model, lines.rows, state.wording, attribution=attribution)
        reasons = [why.reasons for why in explained]
    columns: dict[str, Any] = {
        "line_id": lines.line_ids,
        "decision_id": pa.nulls(n, pa.string()),
        "as_of": pa.repeat(pa.scalar(lines.as_of, pa.timestamp("us", "UTC")), n),
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
        "model_version": pa.repeat(lines.live.model_meta.version, n),
        "snapshot_id": [None if lines.snapshot is None else lines.snapshot.meta.id] * n,
    }
    return arrow_response.stream(options.request_id, columns, problems, dry_run=True)


def _options(request: Request) -> BulkOptions:
    """Read the query of a request.

    Raises:
        WrongValueError: A parameter is missing, unknown or wrong.
    """
    query = request.query("request_id", "as_of", "dry_run", "reasons")
    given = query.get("request_id")
    try:
        request_id = msgspec.convert(given, RequestId)
    except msgspec.ValidationError as error:
        raise WrongValueError(
            "request_id is missing or not an id",
            expected="1 to 128 visible ASCII characters",
            found=repr(given)[:60],
            todo="give the request an id of your own, such as a ULID",
            field="request_id",
        ) from error
    return BulkOptions(
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
