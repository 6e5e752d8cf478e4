"""Queries of disputes: one dispute, the queue, counts, lifts, and the findings that become labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Select, bindparam, func, select, tuple_

from linerisk.as_of import parse_instant
from linerisk.decisions.case_numbers import case_number
from linerisk.decisions.log import DecisionLog
from linerisk.decisions.schema import disputes, events, lifts, sortable
from linerisk.errors import InputError
from linerisk.review.deadlines import DeadlineStatus
from linerisk.review.disputes import Dispute, Event, decode_event, fold
from linerisk.review.projection import decode_dispute
from linerisk.review.transitions import OPEN_STATES, State

MAX_PAGE_SIZE = 200


@dataclass(frozen=True, slots=True)
class Filter:
    """Filter of the queue; None matches every dispute.

    Attributes:
        states: Their states; empty for all open states.
        deadline: Their deadline status; restricts to open disputes.
        tier: The disputed tier.
        assigned_to: The reviewer.
        line_id: The line.
        decision_id: The decision.
    """

    states: frozenset[State] = frozenset()
    deadline: DeadlineStatus | None = None
    tier: str | None = None
    assigned_to: str | None = None
    line_id: str | None = None
    decision_id: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the queue.

    Attributes:
        disputes: Ordered by when the answer is due; without events.
        next_after: Cursor of the next page; None on the last one.
    """

    disputes: tuple[Dispute, ...]
    next_after: str | None


@dataclass(frozen=True, slots=True)
class Lift:
    """The order to lift a measure at once.

    Attributes:
        seq: Its position; a reader asks for the lifts after the last one that it carried out.
        dispute_id: The dispute.
        case_number: Its number.
        decision_id: The decision whose measure is lifted.
        line_id: The line.
        outcome: `cleared` or `lowered`.
        tier: The disputed tier.
        lowered_to: The tier that replaces it; None if it was cleared.
        lifted_at: When the dispute was decided.
    """

    seq: int
    dispute_id: str
    case_number: str
    decision_id: str
    line_id: str
    outcome: str
    tier: str
    lowered_to: str | None
    lifted_at: datetime


class ReasonAndModel(NamedTuple):
    """Key of the overturn counts."""

    reason: str
    model: str


@dataclass(slots=True)
class OverturnCount:
    """How many disputes about one reason and model were decided, and overturned.

    Attributes:
        decided: Disputes that were cleared, lowered, upheld or inconclusive.
        overturned: Disputes that were cleared or lowered.
    """

    decided: int = 0
    overturned: int = 0

    @property
    def rate(self) -> float:
        """Share that was overturned."""
        return self.overturned / self.decided if self.decided else 0.0


@dataclass(frozen=True, slots=True)
class DisputeCounts:
    """Counts of disputes, for the queue page and the metrics.

    Attributes:
        open: Open disputes by state.
        deadlines: Open disputes by deadline status.
        expired: Disputes that ended unanswered because their hard limit passed.
        overturns: Decided disputes by reason code and model; a dispute counts once for each of its reasons.
    """

    open: dict[State, int]
    deadlines: dict[DeadlineStatus, int]
    expired: int
    overturns: dict[ReasonAndModel, OverturnCount] = field(default_factory=dict)


class DisputeQueries:
    """Read-only queries of the disputes in a decision log.

    Args:
        log: The decision log.
    """

    def __init__(self, log: DecisionLog) -> None:
        self._log = log

    def get(self, dispute_id: str) -> Dispute | None:
        """A dispute with its events; None for an unknown id."""
        return fold(self.events_of(dispute_id))

    def events_of(self, dispute_id: str) -> tuple[Event, ...]:
        """The events of a dispute that were not erased, oldest first."""
        with self._log.reading() as connection:
            records = connection.execute(_EVENTS, {"dispute_id": dispute_id}).scalars().all()
        return tuple(decode_event(record) for record in records if record)

    def queue(self, filters: Filter | None = None, *, now: datetime, limit: int = 50, after: str | None = None) -> Page:
        """A page of disputes, ordered by when the answer is due.

        Args:
            filters: Which disputes; default all open ones.
            now: For the deadline status.
            limit: Maximum page size, up to `MAX_PAGE_SIZE`.
            after: `next_after` of the previous page.

        Raises:
            InputError: `after` is not the `next_after` of a page.
        """
        query = _filtered(filters or Filter(), now).order_by(disputes.c.answer_by, disputes.c.dispute_id)
        if after is not None:
            query = query.where(tuple_(disputes.c.answer_by, disputes.c.dispute_id) > tuple_(*_cursor(after)))
        limit = min(limit, MAX_PAGE_SIZE)
        with self._log.reading() as connection:
            records = connection.execute(query.limit(limit + 1)).scalars().all()
        found = tuple(decode_dispute(record) for record in records[:limit])
        more = len(records) > limit
        return Page(found, f"{sortable(found[-1].answer_by)}~{found[-1].dispute_id}" if more else None)

    def of_decision(self, decision_id: str) -> tuple[Dispute, ...]:
        """Disputes of a decision, oldest first, without events."""
        return self._listed(disputes.c.decision_id == decision_id)

    def of_line(self, line_id: str) -> tuple[Dispute, ...]:
        """Disputes of a line, oldest first, without events."""
        return self._listed(disputes.c.line_id == line_id)

    def by_case_number(self, number: str) -> tuple[Dispute, ...]:
        """The dispute with exactly this case number, without events; numbers of older versions have another form."""
        return self._listed(disputes.c.case_number == number)

    def free_case_number(self, decision_id: str) -> str:
        """The case number of a decision, with `-2` and so on if an earlier dispute has it."""
        number = case_number(decision_id)
        with self._log.reading() as connection:
            taken = set(connection.execute(_TAKEN, {"first": number, "last": f"{number}~"}).scalars())
        later = (f"{number}-{i}" for i in range(2, len(taken) + 2))
        return next(each for each in (number, *later) if each not in taken)

    def past_hard_limit(self, now: datetime, *, limit: int) -> tuple[Dispute, ...]:
        """Open disputes whose hard limit has passed."""
        return self._listed(disputes.c.is_open == 1, disputes.c.hard_limit <= sortable(now), limit=limit)

    def counts(self, now: datetime, *, since: datetime | None = None) -> DisputeCounts:
        """Counts of disputes.

        Args:
            now: For the deadline status.
            since: Count overturns among disputes that ended at or after this instant; default all.
        """
        at = sortable(now)
        times = [disputes.c.warn_at, disputes.c.answer_by, disputes.c.alarm_at, disputes.c.hard_limit]
        with self._log.reading() as connection:
            states = connection.execute(_OPEN_BY_STATE).all()
            passed = connection.execute(
                select(*(func.count().filter(time <= at) for time in times)).where(disputes.c.is_open == 1)
            ).one()
            expired = connection.execute(_EXPIRED).scalar_one()
            ended = connection.execute(_OVERTURN_COUNTS, {"since": "" if since is None else sortable(since)}).all()
        every = [sum(count for _, count in states), *passed, 0]
        by_deadline = {each: every[i] - every[i + 1] for i, each in enumerate(DeadlineStatus)}
        by_state = Counter({State(state): count for state, count in states})
        by_state_open = {state: by_state[state] for state in State if state in OPEN_STATES}
        return DisputeCounts(by_state_open, by_deadline, expired, _overturns(ended))

    def lifts(self, *, after: int = 0, limit: int = 200) -> tuple[Lift, ...]:
        """Lifts after a position, in order; a later lift never gets an earlier position.

        Args:
            after: `Lift.seq` of the last one that was carried out.
            limit: Maximum number of lifts.
        """
        with self._log.reading() as connection:
            rows = connection.execute(_LIFTS, {"after": after, "most": limit}).mappings().all()
        return tuple(Lift(**{**row, "lifted_at": parse_instant(row["lifted_at"])}) for row in rows)

    def cleared_or_upheld(self, *, after: int = 0, limit: int = 1_000) -> tuple[tuple[int, Dispute], ...]:
        """Disputes that were cleared or upheld, each with its position, in the order in which they ended."""
        with self._log.reading() as connection:
            rows = connection.execute(_CLEARED_OR_UPHELD, {"after": after, "most": limit}).all()
        return tuple((row.seq, decode_dispute(row.record)) for row in rows)

    def _listed(self, *conditions: Any, limit: int | None = None) -> tuple[Dispute, ...]:
        query = select(disputes.c.record).where(*conditions).order_by(disputes.c.dispute_id).limit(limit)
        with self._log.reading() as connection:
            return tuple(decode_dispute(record) for record in connection.execute(query).scalars())


def _filtered(filters: Filter, now: datetime) -> Select[Any]:
    query = select(disputes.c.record)
    if filters.states:
        query = query.where(disputes.c.state.in_([state.value for state in filters.states]))
    if filters.deadline is not None or not filters.states:
        query = query.where(disputes.c.is_open == 1)
    if filters.deadline is not None:
        at = sortable(now)
        times = [disputes.c.warn_at, disputes.c.answer_by, disputes.c.alarm_at, disputes.c.hard_limit]
        position = list(DeadlineStatus).index(filters.deadline)
        query = query.where(*(time <= at for time in times[:position]), *(time > at for time in times[position:]))
    for name in ("tier", "assigned_to", "line_id", "decision_id"):
        if (value := getattr(filters, name)) is not None:
            query = query.where(disputes.c[name] == value)
    return query


def _cursor(after: str) -> tuple[str, str]:
    due, _, dispute_id = after.partition("~")
    if not (due.isascii() and dispute_id.isascii() and dispute_id.isalnum()):
        raise InputError(
            "this is not a position in the queue",
            expected="next_after of a page",
            todo="give `next_after` of the previous page, or leave `after` out",
            field="after",
        )
    return due, dispute_id


def _overturns(ended: Sequence[Any]) -> dict[ReasonAndModel, OverturnCount]:
    found: dict[ReasonAndModel, OverturnCount] = {}
    for row in ended:
        for reason in row.reasons.split():
            decided = found.setdefault(ReasonAndModel(reason, row.model), OverturnCount())
            decided.decided += row.count
            decided.overturned += row.count if row.state in _OVERTURNED else 0
    return found


_OVERTURNED = (State.CLEARED.value, State.LOWERED.value)
_FOUND = (*_OVERTURNED, State.UPHELD.value, State.INCONCLUSIVE.value)
_EVENTS = select(events.c.record).where(events.c.dispute_id == bindparam("dispute_id")).order_by(events.c.number)
_OPEN_BY_STATE = select(disputes.c.state, func.count()).where(disputes.c.is_open == 1).group_by(disputes.c.state)
_TAKEN = select(disputes.c.case_number).where(disputes.c.case_number.between(bindparam("first"), bindparam("last")))
_EXPIRED = select(func.count()).where(disputes.c.state == State.EXPIRED.value)
_OVERTURN_COUNTS = (
    select(disputes.c.reasons, disputes.c.model, disputes.c.state, func.count().label("count"))
    .where(disputes.c.closed_at >= bindparam("since"), disputes.c.state.in_(_FOUND))
    .group_by(disputes.c.reasons, disputes.c.model, disputes.c.state)
)
_LIFTS = select(lifts).where(lifts.c.seq > bindparam("after")).order_by(lifts.c.seq).limit(bindparam("most"))
_CLEARED_OR_UPHELD = (
    select(disputes.c.seq, disputes.c.record)
    .where(disputes.c.seq > bindparam("after"), disputes.c.state.in_((State.CLEARED.value, State.UPHELD.value)))
    .order_by(disputes.c.seq)
    .limit(bindparam("most"))
)
