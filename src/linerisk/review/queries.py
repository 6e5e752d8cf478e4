"""What can be asked of the disputes: one of them, the queue, figures, lifts, labels."""

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
from linerisk.review.deadlines import Clock
from linerisk.review.disputes import Dispute, Event, event_of, folded
from linerisk.review.projection import dispute_of
from linerisk.review.transitions import OPEN_STATES, State

MOST_DISPUTES = 200


@dataclass(frozen=True, slots=True)
class Filter:
    """Which disputes are asked for; None does not choose.

    Attributes:
        states: Where they stand; empty are all that are open.
        clock: How they stand in time; chooses among the open ones.
        tier: Tier objected to.
        assigned_to: Who reviews.
        line_id: The line.
        decision_id: The decision.
    """

    states: frozenset[State] = frozenset()
    clock: Clock | None = None
    tier: str | None = None
    assigned_to: str | None = None
    line_id: str | None = None
    decision_id: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the queue.

    Attributes:
        disputes: In the order in which answers are due; without events.
        next_after: To be given for the page after this one; None of the last.
    """

    disputes: tuple[Dispute, ...]
    next_after: str | None


@dataclass(frozen=True, slots=True)
class Lift:
    """The command to lift a measure at once.

    Attributes:
        seq: Its place: ask for what comes after the last one that was carried out.
        dispute_id: The dispute.
        case_number: Its number.
        decision_id: The decision whose measure is lifted.
        line_id: The line.
        outcome: `cleared` or `lowered`.
        tier: The tier that was objected to.
        lowered_to: The tier that stands instead; None where none does.
        lifted_at: When it was found.
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
    """What overturns are counted by."""

    reason: str
    model: str


@dataclass(slots=True)
class Decided:
    """How often disputes about one reason and model were decided, and overturned.

    Attributes:
        decided: Those that were cleared, lowered, upheld or inconclusive.
        overturned: Those that were cleared or lowered.
    """

    decided: int = 0
    overturned: int = 0

    @property
    def rate(self) -> float:
        """Share that was overturned."""
        return self.overturned / self.decided if self.decided else 0.0


@dataclass(frozen=True, slots=True)
class Figures:
    """How the desk stands.

    Attributes:
        open: Open disputes by state.
        clocks: Open disputes by how they stand in time.
        expired: Disputes that ended unanswered, since their hard limit passed.
        overturns: Decided disputes by reason code and model; a dispute counts once for each of its reasons.
    """

    open: dict[State, int]
    clocks: dict[Clock, int]
    expired: int
    overturns: dict[ReasonAndModel, Decided] = field(default_factory=dict)


class Reading:
    """Asks a decision log about its disputes.

    Args:
        log: The log.
    """

    def __init__(self, log: DecisionLog) -> None:
        self._log = log

    def get(self, dispute_id: str) -> Dispute | None:
        """A dispute with its events; None of an unknown one."""
        return folded(self.events_of(dispute_id))

    def events_of(self, dispute_id: str) -> tuple[Event, ...]:
        """The events of a dispute that still say something, oldest first."""
        with self._log.reading() as connection:
            records = connection.execute(_EVENTS, {"dispute_id": dispute_id}).scalars().all()
        return tuple(event_of(record) for record in records if record)

    def queue(self, wanted: Filter | None = None, *, now: datetime, limit: int = 50, after: str | None = None) -> Page:
        """A page of disputes, those whose answer is due first at the top.

        Args:
            wanted: Which; default all open ones.
            now: For clocks.
            limit: At most so many, up to `MOST_DISPUTES`.
            after: `next_after` of the page before.

        Raises:
            InputError: `after` is of no page.
        """
        query = _filtered(wanted or Filter(), now).order_by(disputes.c.answer_by, disputes.c.dispute_id)
        if after is not None:
            query = query.where(tuple_(disputes.c.answer_by, disputes.c.dispute_id) > tuple_(*_cursor(after)))
        limit = min(limit, MOST_DISPUTES)
        with self._log.reading() as connection:
            records = connection.execute(query.limit(limit + 1)).scalars().all()
        found = tuple(dispute_of(record) for record in records[:limit])
        more = len(records) > limit
        return Page(found, f"{sortable(found[-1].answer_by)}~{found[-1].dispute_id}" if more else None)

    def of_decision(self, decision_id: str) -> tuple[Dispute, ...]:
        """Disputes of a decision, oldest first, without events."""
        return self._listed(disputes.c.decision_id == decision_id)

    def of_line(self, line_id: str) -> tuple[Dispute, ...]:
        """Disputes of a line, oldest first, without events."""
        return self._listed(disputes.c.line_id == line_id)

    def numbered(self, number: str) -> tuple[Dispute, ...]:
        """The dispute that has exactly this number, without events; those of older programs have another form."""
        return self._listed(disputes.c.case_number == number)

    def free_number(self, decision_id: str) -> str:
        """The number of a decision, or that with `-2` and so on after it where a dispute has it already."""
        number = case_number(decision_id)
        with self._log.reading() as connection:
            taken = set(connection.execute(_TAKEN, {"first": number, "last": f"{number}~"}).scalars())
        later = (f"{number}-{i}" for i in range(2, len(taken) + 2))
        return next(each for each in (number, *later) if each not in taken)

    def past_limit(self, now: datetime, *, limit: int) -> tuple[Dispute, ...]:
        """Open disputes whose hard limit has passed."""
        return self._listed(disputes.c.is_open == 1, disputes.c.hard_limit <= sortable(now), limit=limit)

    def figures(self, now: datetime, *, since: datetime | None = None) -> Figures:
        """How the desk stands.

        Args:
            now: For clocks.
            since: Count overturns among disputes that ended from then on; default all.
        """
        at = sortable(now)
        times = [disputes.c.warn_at, disputes.c.answer_by, disputes.c.alarm_at, disputes.c.hard_limit]
        with self._log.reading() as connection:
            states = connection.execute(_OPEN_BY_STATE).all()
            passed = connection.execute(
                select(*(func.count().filter(time <= at) for time in times)).where(disputes.c.is_open == 1)
            ).one()
            expired = connection.execute(_EXPIRED).scalar_one()
            ended = connection.execute(_DECIDED, {"since": "" if since is None else sortable(since)}).all()
        every = [sum(count for _, count in states), *passed, 0]
        clocks = {each: every[i] - every[i + 1] for i, each in enumerate(Clock)}
        by_state = Counter({State(state): count for state, count in states})
        by_state_open = {state: by_state[state] for state in State if state in OPEN_STATES}
        return Figures(by_state_open, clocks, expired, _overturns(ended))

    def lifts(self, *, after: int = 0, limit: int = 200) -> tuple[Lift, ...]:
        """Lifts after a place, in their order: none can appear later at an earlier place.

        Args:
            after: `Lift.seq` of the last one that was carried out.
            limit: At most so many.
        """
        with self._log.reading() as connection:
            rows = connection.execute(_LIFTS, {"after": after, "most": limit}).mappings().all()
        return tuple(Lift(**{**row, "lifted_at": parse_instant(row["lifted_at"])}) for row in rows)

    def decided(self, *, after: int = 0, limit: int = 1_000) -> tuple[tuple[int, Dispute], ...]:
        """Disputes that were cleared or upheld, each with its place, in the order in which they were."""
        with self._log.reading() as connection:
            rows = connection.execute(_FINDINGS, {"after": after, "most": limit}).all()
        return tuple((row.seq, dispute_of(row.record)) for row in rows)

    def _listed(self, *conditions: Any, limit: int | None = None) -> tuple[Dispute, ...]:
        query = select(disputes.c.record).where(*conditions).order_by(disputes.c.dispute_id).limit(limit)
        with self._log.reading() as connection:
            return tuple(dispute_of(record) for record in connection.execute(query).scalars())


def _filtered(wanted: Filter, now: datetime) -> Select[Any]:
    query = select(disputes.c.record)
    if wanted.states:
        query = query.where(disputes.c.state.in_([state.value for state in wanted.states]))
    if wanted.clock is not None or not wanted.states:
        query = query.where(disputes.c.is_open == 1)
    if wanted.clock is not None:
        at = sortable(now)
        times = [disputes.c.warn_at, disputes.c.answer_by, disputes.c.alarm_at, disputes.c.hard_limit]
        place = list(Clock).index(wanted.clock)
        query = query.where(*(time <= at for time in times[:place]), *(time > at for time in times[place:]))
    for name in ("tier", "assigned_to", "line_id", "decision_id"):
        if (value := getattr(wanted, name)) is not None:
            query = query.where(disputes.c[name] == value)
    return query


def _cursor(after: str) -> tuple[str, str]:
    due, _, dispute_id = after.partition("~")
    if not (due.isascii() and dispute_id.isascii() and dispute_id.isalnum()):
        raise InputError(
            "this is no place in the queue",
            expected="next_after of a page",
            todo="give `next_after` as it was told, or leave `after` out",
            field="after",
        )
    return due, dispute_id


def _overturns(ended: Sequence[Any]) -> dict[ReasonAndModel, Decided]:
    found: dict[ReasonAndModel, Decided] = {}
    for row in ended:
        for reason in row.reasons.split():
            decided = found.setdefault(ReasonAndModel(reason, row.model), Decided())
            decided.decided += row.count
            decided.overturned += row.count if row.state in _OVERTURNED else 0
    return found


_OVERTURNED = (State.CLEARED.value, State.LOWERED.value)
_FOUND = (*_OVERTURNED, State.UPHELD.value, State.INCONCLUSIVE.value)
_EVENTS = select(events.c.record).where(events.c.dispute_id == bindparam("dispute_id")).order_by(events.c.number)
_OPEN_BY_STATE = select(disputes.c.state, func.count()).where(disputes.c.is_open == 1).group_by(disputes.c.state)
_TAKEN = select(disputes.c.case_number).where(disputes.c.case_number.between(bindparam("first"), bindparam("last")))
_EXPIRED = select(func.count()).where(disputes.c.state == State.EXPIRED.value)
_DECIDED = (
    select(disputes.c.reasons, disputes.c.model, disputes.c.state, func.count().label("count"))
    .where(disputes.c.closed_at >= bindparam("since"), disputes.c.state.in_(_FOUND))
    .group_by(disputes.c.reasons, disputes.c.model, disputes.c.state)
)
_LIFTS = select(lifts).where(lifts.c.seq > bindparam("after")).order_by(lifts.c.seq).limit(bindparam("most"))
_FINDINGS = (
    select(disputes.c.seq, disputes.c.record)
    .where(disputes.c.seq > bindparam("after"), disputes.c.state.in_((State.CLEARED.value, State.UPHELD.value)))
    .order_by(disputes.c.seq)
    .limit(bindparam("most"))
)
