"""The queue shows what is due first, and what is late before it is too late."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from linerisk.errors import InputError
from linerisk.review.deadlines import Clock, clock_of
from linerisk.review.queries import Filter
from linerisk.review.transitions import Outcome, State

SetClock = Callable[[datetime], None]


@pytest.mark.parametrize(
    ("hours", "clock"),
    [
        (0, Clock.IN_TIME),
        (17.9, Clock.IN_TIME),
        (18, Clock.DUE_SOON),
        (24, Clock.OVERDUE),
        (12 * 24, Clock.NEAR_LIMIT),
        (15 * 24, Clock.PAST_LIMIT),
    ],
)
def test_a_dispute_grows_late_by_the_clocks_of_the_policy(office: Any, hours: float, clock: Clock) -> None:
    dispute = office.opened()
    later = office.now + timedelta(hours=hours)
    assert clock_of(dispute, later) is clock
    for each in Clock:
        page = office.desk.queue(Filter(clock=each), now=later)
        assert [d.dispute_id for d in page.disputes] == ([dispute.dispute_id] if each is clock else [])
    assert office.desk.figures(later).clocks == {each: int(each is clock) for each in Clock}


def test_what_ended_has_no_clock(office: Any) -> None:
    cleared = office.decided(Outcome.CLEARED)
    assert clock_of(cleared, cleared.hard_limit) is None
    assert office.desk.queue(now=cleared.hard_limit).disputes == ()
    assert sum(office.desk.figures(cleared.hard_limit).clocks.values()) == 0


def test_pages_follow_the_order_in_which_answers_are_due(office: Any, at: SetClock) -> None:
    opened = []
    for hour in (5, 1, 3, 2, 4):
        at(office.now + timedelta(hours=hour))
        opened.append((hour, office.opened().dispute_id))
    found, after = [], None
    while True:
        page = office.desk.queue(now=office.now, limit=2, after=after)
        found += [each.dispute_id for each in page.disputes]
        if (after := page.next_after) is None:
            break
    assert found == [dispute_id for _, dispute_id in sorted(opened)]


def test_the_queue_is_chosen_from(office: Any) -> None:
    new = office.opened(line_id="line-1", tier="extremely_high")
    annes = office.assigned(line_id="line-2")
    cleared = office.decided(Outcome.CLEARED, line_id="line-3")

    def found(**wanted: Any) -> set[str]:
        return {each.dispute_id for each in office.desk.queue(Filter(**wanted), now=office.now).disputes}

    assert found() == {new.dispute_id, annes.dispute_id}
    assert found(tier="extremely_high") == {new.dispute_id}
    assert found(assigned_to="anne") == {annes.dispute_id}
    assert found(states=frozenset({State.CLEARED})) == {cleared.dispute_id}
    assert found(line_id="line-2") == {annes.dispute_id}
    assert found(decision_id=new.decision_id) == {new.dispute_id}


def test_a_made_up_place_in_the_queue_is_refused(office: Any) -> None:
    with pytest.raises(InputError, match="no place in the queue"):
        office.desk.queue(now=office.now, after="x")


def test_the_history_of_a_line_and_of_a_decision(office: Any, at: SetClock) -> None:
    first = office.decided(Outcome.UPHELD)
    at(office.now + timedelta(days=1))
    again = office.desk.open(
        office.people["hotline"], first.decision_id, statement="Still not.", channel="hall", request_id="again"
    )
    other = office.opened()
    ids = [each.dispute_id for each in office.desk.of_line("line-1")]
    assert set(ids) == {first.dispute_id, again.dispute_id, other.dispute_id}
    assert [each.dispute_id for each in office.desk.of_decision(first.decision_id)] == [
        first.dispute_id,
        again.dispute_id,
    ]
