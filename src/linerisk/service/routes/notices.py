"""Notice calls: the notice of a decision for the holder, and its evidence for an examiner."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any, cast

import msgspec

from linerisk import as_of as clock
from linerisk.decisions.record import DecisionRecord
from linerisk.policy import with_id
from linerisk.service.routes.decisions import record_of
from linerisk.service.routes.route import Route
from linerisk.suspension.evidence import gather_evidence
from linerisk.suspension.evidence_page import evidence_page
from linerisk.suspension.local_time import LANGUAGES, Language
from linerisk.suspension.notice import make_notice
from linerisk.suspension.notice_page import notice_page
from linerisk.suspension.sms import text_message
from linerisk.web.errors import WrongValueError
from linerisk.web.http import Answer, Request
from linerisk.web.query_params import instant, one_of
from linerisk.web.state import ServiceState
from linerisk.web.token_store import Role

HTML = "text/html; charset=utf-8"
_MAX_SENDING_DELAY = timedelta(days=1)
"""How far in the future `sent_at` may be."""
_NOTICE_FORMS = ("json", "sms", "html")
_EVIDENCE_FORMS = ("json", "html")


async def notice(state: ServiceState, request: Request) -> dict[str, Any] | Answer:
    """Answer `GET /v1/decisions/{id}/notice`: the notice for the holder, under the policy of the decision."""
    query = request.query("lang", "form", "sent_at")
    language = cast("Language", one_of(query, "lang", LANGUAGES) or LANGUAGES[0])
    form = one_of(query, "form", _NOTICE_FORMS)
    sent_at = _sent_at(query)
    record = await record_of(state, request)
    policy = with_id(state.policies, record.policy)
    disputes = await asyncio.to_thread(state.disputes.of_decision, record.decision_id)
    case = disputes[-1].case_number if disputes else None
    made = make_notice(record, policy, language=language, sent_at=sent_at, case=case)
    if form == "html":
        return Answer(notice_page(made, policy), HTML)
    content = text_message(made, policy) if form == "sms" else made
    plain: dict[str, Any] = msgspec.to_builtins(content)
    return plain


async def evidence(state: ServiceState, request: Request) -> dict[str, Any] | Answer:
    """Answer `GET /v1/decisions/{id}/evidence`: everything that the decision rests on, as it was decided."""
    form = one_of(request.query("form"), "form", _EVIDENCE_FORMS)
    record = await record_of(state, request)
    return await asyncio.to_thread(_evidence, state, record, form)


def _evidence(state: ServiceState, record: DecisionRecord, form: str | None) -> dict[str, Any] | Answer:
    bundle = gather_evidence(record, state.model_of(record), with_id(state.policies, record.policy))
    if form == "html":
        return Answer(evidence_page(bundle), HTML)
    plain: dict[str, Any] = msgspec.to_builtins(bundle)
    return plain


def _sent_at(query: dict[str, str]) -> datetime | None:
    given = instant(query, "sent_at")
    if given is not None and given > (latest := clock.now() + _MAX_SENDING_DELAY):
        raise WrongValueError(
            "sent_at is too far ahead",
            expected=f"{clock.iso(latest)} or earlier",
            found=clock.iso(given),
            todo="leave it out, or give the instant at which the notice is sent",
            field="sent_at",
        )
    return given


_TELLERS = frozenset({Role.SCORER, Role.REVIEWER, Role.AUDITOR})
_EXAMINERS = frozenset({Role.REVIEWER, Role.AUDITOR})
NOTICES: tuple[Route, ...] = (
    Route("GET", "/v1/decisions/{id}/notice", _TELLERS, notice, "The notice for the holder of the line", page=True),
    Route("GET", "/v1/decisions/{id}/evidence", _EXAMINERS, evidence, "The evidence of a decision", page=True),
)
