"""The queue: deadline status, order, pages and filters."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from linerisk.errors import InputError
from linerisk.review.deadlines import DeadlineStatus, deadline_status
from linerisk.review.queries import Filter
from linerisk.review.transitions import Outcome, State

SetNow = Callable[[datetime], None]


@pytest.mark.parametrize(
    ("hours", "status"),
    [
        (0, DeadlineStatus.IN_TIME),
        (17.9, DeadlineStatus.IN_TIME),
        (18, DeadlineStatus.DUE_SOON),
        (24, DeadlineStatus.OVERDUE),
        (12 * 24, DeadlineStatus.NEAR_LIMIT),
        (15 * 24, DeadlineStatus.PAST_LIMIT),
    ],
)
def test_the_deadlines_of_a_dispute_follow_the_policy(cases: Any, hours: float, status: DeadlineStatus) -> None:
    dispute = cases.opened()
    later = cases.now + timedelta(hours=hours)
    assert deadline_status(dispute, later) is status
    for each in DeadlineStatus:
        page = cases.service.queue(Filter(deadline=each), now=later)
        assert [d.dispute_id for d in page.disputes] == ([dispute.dispute_id] if each is status else [])
    assert cases.service.counts(later).deadlines == {each: int(each is status) for each in DeadlineStatus}


def test_a_closed_dispute_has_no_deadline_status(cases: Any) -> None:
    cleared = cases.decided(Outcome.CLEARED)
    assert deadline_status(cleared, cleared.hard_limit) is None
    assert cases.service.queue(now=cleared.hard_limit).disputes == ()
    assert sum(cases.service.counts(cleared.hard_limit).deadlines.values()) == 0


def test_pages_are_ordered_by_when_the_answer_is_due(cases: Any, set_now: SetNow) -> None:
    opened = []
    for hour in (5, 1, 3, 2, 4):
        set_now(cases.now + timedelta(hours=hour))
        opened.append((hour, cases.opened().dispute_id))
    found, after = [], None
    while True:
        page = cases.service.queue(now=cases.now, limit=2, after=after)
        found += [each.dispute_id for each in page.disputes]
        if (after := page.next_after) is None:
            break
    assert found == [dispute_id for _, dispute_id in sorted(opened)]


def test_the_queue_can_be_filtered(cases: Any) -> None:
    new = cases.opened(line_id="line-1", tier="extremely_high")
    annes = cases.assigned(line_id="line-2")
    cleared = cases.decided(Outcome.CLEARED, line_id="line-3")

    def found(**filters: Any) -> set[str]:
        return {each.dispute_id for each in cases.service.queue(Filter(**filters), now=cases.now).disputes}

    assert found() == {new.dispute_id, annes.dispute_id}
    assert found(tier="extremely_high") == {new.dispute_id}
    assert found(assigned_to="anne") == {annes.dispute_id}
    assert found(states=frozenset({State.CLEARED})) == {cleared.dispute_id}
    assert found(line_id="line-2") == {annes.dispute_id}
    assert found(decision_id=new.decision_id) == {new.dispute_id}


def test_an_invalid_cursor_is_refused(cases: Any) -> None:
    with pytest.raises(InputError, match="not a position in the queue"):
        cases.service.queue(now=cases.now, after="x")


def test_the_disputes_of_a_line_and_of_a_decision_are_listed(cases: Any, set_now: SetNow) -> None:
    first = cases.decided(Outcome.UPHELD)
    set_now(cases.now + timedelta(days=1))
    again = cases.service.open(
        cases.people["hotline"], first.decision_id, statement="Still not.", channel="hall", request_id="again"
    )
    other = cases.opened()
    ids = [each.dispute_id for each in cases.service.of_line("line-1")]
    assert set(ids) == {first.dispute_id, again.dispute_id, other.dispute_id}
    assert [each.dispute_id for each in cases.service.of_decision(first.decision_id)] == [
        first.dispute_id,
        again.dispute_id,
    ]
