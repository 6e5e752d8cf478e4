"""Overturns, the model that is live, and the audit page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from linerisk.console.audit_job import AuditResult
from linerisk.console.challenger_counts import ChallengerCounted, challenger_counted
from linerisk.console.page_request import ConsoleContext, Page, PageRequest, Redirect
from linerisk.console.problem_text import clause_text, problem_text
from linerisk.decisions.anchors import Anchor
from linerisk.decisions.verify import ChainReport
from linerisk.errors import LineriskError
from linerisk.live import Live
from linerisk.model.tiers import CutPoint
from linerisk.review.access_log import Access
from linerisk.review.agreement import Agreement, agreement, newest_first
from linerisk.web.errors import WrongValueError

MOST_ACCESSES = 50
_MOST_DIGITS = 18


@dataclass(frozen=True, slots=True, kw_only=True)
class OverturnRow:
    """Decided disputes of one model and reason.

    Attributes:
        model: Version of the model.
        code: Reason code.
        about: What the code is about.
        decided: How many were decided.
        overturned: How many of them were cleared or lowered.
        rate: Share of them.
    """

    model: str
    code: str
    about: str
    decided: int
    overturned: int
    rate: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OverturnsPage:
    """Overturns by model and reason: the newest version first, and of each what was decided most often.

    Attributes:
        rows: The rows.
    """

    rows: tuple[OverturnRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPage:
    """What is live, what is proven of it, and where reviewers disagree with models.

    Attributes:
        live: The live pair; None where nothing is.
        problem: Why not; empty where something is.
        expired: Whether the model has outlived its evidence.
        cuts: Promises of the raised tiers, lowest first.
        agreement: Decided disputes by model and tier, the newest version first and of each the lowest tier.
        challenger: The version that asks to be live, and how it goes with what was found.
    """

    live: Live | None
    problem: str
    expired: bool
    cuts: tuple[CutPoint, ...]
    agreement: tuple[Agreement, ...]
    challenger: ChallengerCounted


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditPage:
    """The chain and who opened what.

    Attributes:
        end: The end of the chain now.
        verifying_since: When a walk under way began; None where none is.
        verified: The last walk; None where this process made none.
        problem: Why it could not be made; empty where it was.
        wrong: What it found wrong with a decision; empty where nothing is.
        wrong_access: What it found wrong with an access; empty likewise.
        accesses: Who opened what, newest first.
        older: Number to turn the page with; None on the last.
    """

    end: Anchor
    verifying_since: datetime | None
    verified: AuditResult | None
    problem: str
    wrong: str
    wrong_access: str
    accesses: tuple[Access, ...]
    older: int | None


def overturns_page(context: ConsoleContext, request: PageRequest) -> Page:
    """Answer `GET /review/overturns`."""
    found = context.state.disputes.counts(request.now).overturns
    codes = context.state.wording.codes
    rows = (
        OverturnRow(
            model=key.model,
            code=key.reason,
            about=getattr(codes[key.reason], request.language) if key.reason in codes else "",
            decided=each.decided,
            overturned=each.overturned,
            rate=each.rate,
        )
        for key, each in found.items()
    )
    page = OverturnsPage(rows=tuple(sorted(rows, key=lambda row: (newest_first(row.model), -row.decided, row.code))))
    return Page("overturns.html.j2", page)


def model_page(context: ConsoleContext, request: PageRequest) -> Page:
    """Answer `GET /review/model`."""
    live, problem = None, ""
    try:
        live = context.state.live.current()
    except LineriskError as error:
        problem = problem_text(error, request.language)
    page = ModelPage(
        live=live,
        problem=problem,
        expired=live is not None and live.model_meta.expired(request.now),
        cuts=() if live is None else tuple(live.model.cuts),
        agreement=agreement(context.state.log),
        challenger=challenger_counted(context, request.language),
    )
    return Page("model.html.j2", page)


def audit_page(context: ConsoleContext, request: PageRequest) -> Page:
    """Answer `GET /review/audit`."""
    before = request.query.get("before")
    if before is not None and not (before.isascii() and before.isdigit() and len(before) <= _MOST_DIGITS):
        raise WrongValueError(
            "before is no place",
            expected="a number of the access log",
            todo="follow the link of the page",
            field="before",
        )
    found = context.accesses.latest(limit=MOST_ACCESSES + 1, before=None if before is None else int(before))
    accesses = found[:MOST_ACCESSES]
    verified = context.audit_job.last

    def wrong(report: ChainReport | None) -> str:
        return "" if report is None else clause_text(report.what, request.language)

    page = AuditPage(
        end=context.state.log.anchor(),
        verifying_since=context.audit_job.since,
        verified=verified,
        problem=""
        if verified is None or verified.problem is None
        else problem_text(verified.problem, request.language),
        wrong="" if verified is None else wrong(verified.report),
        wrong_access="" if verified is None else wrong(verified.accesses),
        accesses=accesses,
        older=accesses[-1].number if len(found) > len(accesses) else None,
    )
    return Page("audit.html.j2", page)


def verify_chain(context: ConsoleContext, request: PageRequest) -> Redirect:  # noqa: ARG001  # the signature of every handler
    """Answer `POST /review/audit/walk`: begin a walk along the chain."""
    context.audit_job.start()
    return Redirect("/review/audit")
