"""The queue: disputes with their clocks, those that are due first at the top."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from urllib.parse import urlencode

from linerisk.console.page_request import ConsoleContext, Page, PageRequest
from linerisk.console.translations import span, translator
from linerisk.model.tiers import RAISED, Tier
from linerisk.review.deadlines import DeadlineStatus, deadline_status
from linerisk.review.disputes import Dispute
from linerisk.review.queries import Filter
from linerisk.review.transitions import State
from linerisk.suspension.local_time import Language
from linerisk.web.errors import WrongValueError
from linerisk.web.query_params import checked_id

PAGE_LENGTH = 50
Choice = TypeVar("Choice", State, DeadlineStatus, Tier)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueRow:
    """One dispute of the queue.

    Attributes:
        dispute_id: Its id, for the link.
        case_number: What the holder was told.
        tier: Tier objected to.
        state: Where it stands.
        clock: How it stands in time; None of one that ended.
        time_text: Time left, or by how much it is overdue; empty of one that ended.
        answer_by: When an answer is due.
        hard_limit: When at the latest.
        limit_said: Time left until then.
        assigned_to: Who reviews; None where nobody does.
        mine: Whether that is who looks.
        reasons: Reason codes that raised.
        channel: Where the holder objected.
        closed_at: When it ended.
    """

    dispute_id: str
    case_number: str
    tier: str
    state: str
    clock: str | None
    time_text: str
    answer_by: datetime
    hard_limit: datetime
    limit_said: str
    assigned_to: str | None
    mine: bool
    reasons: tuple[str, ...]
    channel: str
    closed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuePage:
    """The queue as it is shown.

    Attributes:
        states: Count of open disputes by state, in the order of their work.
        clocks: Count of open disputes by how they stand in time.
        total: How many are open.
        rows: This page of them.
        all_states: States that can be chosen.
        all_clocks: Clocks that can be chosen.
        all_tiers: Tiers that can be chosen.
        state: The one that was chosen, or an empty text.
        clock: The same.
        tier: The same.
        mine: Whether only one's own are shown.
        next_page: Address of the next page; None of the last.
        first_page: Address of the first page; None if this is it.
        refresh: Address of this page, to show how clocks stand.
    """

    states: dict[str, int]
    clocks: dict[str, int]
    total: int
    rows: tuple[QueueRow, ...]
    all_states: tuple[str, ...]
    all_clocks: tuple[str, ...]
    all_tiers: tuple[str, ...]
    state: str
    clock: str
    tier: str
    mine: bool
    next_page: str | None
    first_page: str | None
    refresh: str


def queue_page(context: ConsoleContext, request: PageRequest) -> Page:
    """Answer `GET /review`."""
    query = {name: text for name, text in request.query.items() if text}
    state, tier = _choice(query, "state", State), _choice(query, "tier", Tier)
    clock = _choice(query, "clock", DeadlineStatus)
    mine = query.get("mine") == "1"
    after = None if "after" not in query else checked_id(query["after"], field="after")
    wanted = Filter(
        states=frozenset() if state is None else frozenset({state}),
        deadline=clock,
        tier=None if tier is None else tier.value,
        assigned_to=request.actor.name if mine else None,
    )
    disputes = context.state.disputes
    found = disputes.queue(wanted, now=request.now, limit=PAGE_LENGTH, after=after)
    figures = disputes.counts(request.now)
    chosen = {"state": state or "", "clock": clock or "", "tier": tier or "", "mine": "1" if mine else ""}
    page = QueuePage(
        states={each.value: count for each, count in figures.open.items()},
        clocks={each.value: count for each, count in figures.deadlines.items()},
        total=sum(figures.open.values()),
        rows=tuple(row_of(each, request) for each in found.disputes),
        all_states=tuple(each.value for each in State),
        all_clocks=tuple(each.value for each in DeadlineStatus),
        all_tiers=tuple(each.value for each in RAISED),
        state=str(chosen["state"]),
        clock=str(chosen["clock"]),
        tier=str(chosen["tier"]),
        mine=mine,
        next_page=None if found.next_after is None else _address(chosen | {"after": found.next_after}),
        first_page=None if after is None else _address(chosen),
        refresh=_address(chosen | {"after": after or ""}),
    )
    return Page("queue.html.j2", page)


def row_of(dispute: Dispute, request: PageRequest) -> QueueRow:
    """A dispute as a row of the queue or of a line's history."""
    clock = deadline_status(dispute, request.now)
    return QueueRow(
        dispute_id=dispute.dispute_id,
        case_number=dispute.case_number,
        tier=dispute.tier,
        state=dispute.state.value,
        clock=None if clock is None else clock.value,
        time_text="" if clock is None else time_text(dispute.answer_by, request.now, request.language),
        answer_by=dispute.answer_by,
        hard_limit=dispute.hard_limit,
        limit_said="" if clock is None else time_text(dispute.hard_limit, request.now, request.language),
        assigned_to=dispute.assigned_to,
        mine=dispute.assigned_to == request.actor.name,
        reasons=dispute.reasons,
        channel=dispute.channel,
        closed_at=dispute.closed_at,
    )


def time_text(until: datetime, now: datetime, language: Language) -> str:
    """How much time is left, or by how much it is over.

    >>> from datetime import UTC
    >>> noon = datetime(2024, 7, 26, 12, tzinfo=UTC)
    >>> time_text(noon, noon.replace(hour=9), "en"), time_text(noon, noon.replace(hour=13), "zh")
    ('3 h left', '已超1小时')
    """
    return translator(language)("left" if until > now else "over").format(span(until - now, language))


def _address(chosen: dict[str, str]) -> str:
    query = urlencode({name: str(text) for name, text in chosen.items() if text})
    return f"/review?{query}" if query else "/review"


def _choice(query: dict[str, str], name: str, kind: type[Choice]) -> Choice | None:
    if name not in query:
        return None
    try:
        return kind(query[name])
    except ValueError:
        raise WrongValueError(
            f"{name} is wrong",
            expected=" or ".join(each.value for each in kind),
            todo="choose one of these, or leave it out",
            field=name,
        ) from None
