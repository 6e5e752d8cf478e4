"""Read-only calls: decisions, full explanations, replay, policy and model."""

from __future__ import annotations

import asyncio
import math
from datetime import UTC, date, datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from linerisk import as_of as clock
from linerisk.decisions.case_numbers import decisions_numbered, read_number
from linerisk.decisions.log import DecisionLog
from linerisk.decisions.record import DecisionRecord
from linerisk.decisions.recorded_features import matrix_row, named_features
from linerisk.decisions.replay import replay
from linerisk.errors import InputError, PolicyError
from linerisk.explanation import at_ages, each_family_as_usual, families_that_lower_the_tier
from linerisk.live import WHEN_EXPIRED
from linerisk.policy import in_force
from linerisk.service.access_log import record_access
from linerisk.service.routes.route import Route
from linerisk.tables.schemas import EARLIEST
from linerisk.web.errors import NotFoundError, WrongValueError
from linerisk.web.http import Request
from linerisk.web.query_params import checked_id, checked_limit
from linerisk.web.state import ServiceState
from linerisk.web.token_store import Role


async def decision(state: ServiceState, request: Request) -> dict[str, Any]:
    """Answer `GET /v1/decisions/{id}`: the frozen record."""
    record = await record_of(state, request)
    return {
        **record.to_answer_json(),
        "features": await asyncio.to_thread(_features, state, record),
        "model": {
            "name": record.model.name,
            "version": record.model.version,
            "fingerprint": record.model.fingerprint,
        },
        "last_verified_at": None if record.last_verified_at is None else clock.iso(record.last_verified_at),
        "cleared_at": None if record.cleared_at is None else clock.iso(record.cleared_at),
        "scored_by": record.scored_by,
    }


async def line_decisions(state: ServiceState, request: Request) -> dict[str, Any]:
    """Answer `GET /v1/lines/{line_id}/decisions`: decisions of a line, newest first, by page."""
    query = request.query("limit", "before")
    limit = checked_limit(query.get("limit"))
    line_id = checked_id(request.params["line_id"], field="line_id")
    before = None if "before" not in query else checked_id(query["before"], field="before")
    await record_access(state, request, "line", str(state.key_of(line_id)))
    find = partial(state.log.by_line, line_id, limit=limit, before=before)
    records = await asyncio.to_thread(find)
    following = records[-1].decision_id if len(records) == limit else None
    return {"line_id": line_id, "decisions": [record.to_answer_json() for record in records], "next_before": following}


async def explanation(state: ServiceState, request: Request) -> dict[str, Any]:
    """Answer `GET /v1/decisions/{id}/explanation`: the parts of the log-odds, and what would change the tier."""
    record = await record_of(state, request)
    answer = record.to_answer_json()
    return {
        "decision_id": record.decision_id,
        "line_id": record.line_id,
        "as_of": answer["as_of"],
        "tier": record.tier,
        "probability": record.probability,
        "log_odds": record.base + record.calibration + math.fsum(record.contributions.values()),
        "base": record.base,
        "calibration": record.calibration,
        "contributions": record.contributions,
        "reasons": answer["reasons"],
        "features": await asyncio.to_thread(_features, state, record),
        "otherwise": await asyncio.to_thread(_otherwise, state, record),
        "model": answer["model"],
    }


async def replay_decision(state: ServiceState, request: Request) -> dict[str, Any]:
    """Answer `POST /v1/decisions/{id}/replay`: identical, or the differences."""
    record = await record_of(state, request)
    result = await asyncio.to_thread(_replay, state, record)
    return {"decision_id": record.decision_id, **result}


async def policy(state: ServiceState, request: Request) -> dict[str, Any]:
    """Answer `GET /v1/policy?on=DATE`."""
    on = request.query("on").get("on")
    instant = clock.now() if on is None else _midnight(on, state.settings.time_zone)
    try:
        return in_force(state.policies, instant).summary()
    except PolicyError as error:
        raise NotFoundError(
            error.wrong,
            expected=error.expected,
            found=error.found,
            todo="ask for a day on which a policy is in force",
            field="on",
        ) from error


async def model(state: ServiceState, _request: Request) -> dict[str, Any]:
    """Answer `GET /v1/model`: the model card with proven bounds, and since when the model is live."""
    live = state.live.current()
    meta, snapshot = live.model_meta, live.snapshot
    return {
        **live.model.card(),
        "name": meta.name,
        "version": meta.version,
        "live_since": clock.iso(meta.live_since),
        "expires_at": None if meta.expires_at is None else clock.iso(meta.expires_at),
        "expired": meta.expired(clock.now()),
        "when_expired": WHEN_EXPIRED,
        "promotion": None if meta.promotion is None else msgspec.to_builtins(meta.promotion),
        "snapshot": None
        if snapshot is None
        else {
            "id": snapshot.meta.id,
            "as_of": clock.iso(snapshot.meta.as_of),
            "created_at": clock.iso(snapshot.meta.created_at),
            "lines": snapshot.meta.lines,
        },
    }


async def record_of(state: ServiceState, request: Request) -> DecisionRecord:
    """The decision of a path, by id or case number; a person's access is on disk before it is returned.

    Raises:
        NotFoundError: There is no such decision.
        WrongValueError: A case number fits several.
        DecisionLogError: The access cannot be recorded.
    """
    record = await asyncio.to_thread(_found, state.log, checked_id(request.params["id"], field="id"))
    if record is None:
        raise NotFoundError(
            "there is no such decision",
            todo="check the id; `GET /v1/lines/{line_id}/decisions` lists those of a line",
            field="id",
        )
    await record_access(state, request, "decision", record.decision_id)
    return record


def _found(log: DecisionLog, name: str) -> DecisionRecord | None:
    number = read_number(name)
    if number is None:
        return log.get(name)
    ids = decisions_numbered(log, number)
    if len(ids) > 1:
        raise WrongValueError(
            "several decisions have this case number",
            expected="the id of one of them",
            found=f"{len(ids)} decisions",
            todo="take the id from `GET /v1/lines/{line_id}/decisions`",
            field="id",
        )
    return log.get(ids[0]) if ids else None


def _features(state: ServiceState, record: DecisionRecord) -> dict[str, float | None]:
    """Features of a decision by the names of its model."""
    return named_features(record.features, state.model_of(record).feature_names)


def _otherwise(state: ServiceState, record: DecisionRecord) -> dict[str, Any]:
    """Tiers of the line with some families at usual values, and at other ages."""
    model = state.model_of(record)
    row = matrix_row(record.features, model.feature_names)
    outcomes = {
        "each_family_as_usual": each_family_as_usual(model, row),
        "families_that_lower_the_tier": families_that_lower_the_tier(model, row),
        "at_ages": at_ages(model, row),
    }
    plain: dict[str, Any] = msgspec.to_builtins(outcomes)
    return plain


def _replay(state: ServiceState, record: DecisionRecord) -> dict[str, Any]:
    result = replay(record, state.artefact_of(record))
    return {
        "identical": result.identical,
        "differences": [
            {"field": each.field, "recorded": each.recorded, "recomputed": each.recomputed}
            for each in result.differences
        ],
    }


def _midnight(text: str, time_zone: str) -> datetime:
    """The first instant of a local date; policies begin with a local day."""
    try:
        on: date = clock.parse_date(text)
    except InputError as error:
        raise WrongValueError(
            error.wrong, expected=error.expected, found=repr(text[:32]), todo=error.todo, field="on"
        ) from error
    if not EARLIEST.date() < on < date.max:
        raise WrongValueError(
            "on is not a plausible date",
            expected="a recent date",
            found=text,
            todo="give a day such as 2024-07-26, or leave it out",
            field="on",
        )
    return datetime(on.year, on.month, on.day, tzinfo=ZoneInfo(time_zone)).astimezone(UTC)


_READERS = frozenset({Role.SCORER, Role.REVIEWER, Role.AUDITOR})
_EXPLAINERS = frozenset({Role.REVIEWER, Role.AUDITOR})
_ANY = frozenset(Role)
READING: tuple[Route, ...] = (
    Route(
        "GET", "/v1/decisions/{id}", _READERS, decision, "The frozen record of a decision, by its id or its case number"
    ),
    Route("GET", "/v1/lines/{line_id}/decisions", _READERS, line_decisions, "Decisions of a line, newest first"),
    Route("GET", "/v1/decisions/{id}/explanation", _EXPLAINERS, explanation, "Full explanation of a decision"),
    Route("POST", "/v1/decisions/{id}/replay", _EXPLAINERS, replay_decision, "Recompute a decision from its record"),
    Route("GET", "/v1/policy", _ANY, policy, "The policy in force, now or on a date"),
    Route("GET", "/v1/model", _ANY, model, "The model card, and since when the model is live"),
)
