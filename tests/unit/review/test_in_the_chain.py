"""Events of disputes are rows of the one chain: what is done to them shows, and they go with their decision."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import IntegrityError

from linerisk.review.errors import UnknownDisputeError
from linerisk.review.transitions import Outcome, State

SetClock = Callable[[datetime], None]
COLUMNS = [
    "dispute_id",
    "number",
    "caller",
    "request_id",
    "body_hash",
    "decision_id",
    "happened_at",
    "record",
    "content",
    "digest",
    "prev_hash",
    "hash",
]
DAYS = 365


@pytest.fixture
def cleared(office: Any) -> Any:
    """A cleared dispute between decisions: the chain is decision, open, assign, decide, decision."""
    dispute = office.decided(Outcome.CLEARED)
    office.decide_line("line-2")
    return dispute


def rows(url: str, table: str) -> list[Any]:
    engine = create_engine(make_url(url).set(drivername="sqlite" if url.startswith("sqlite") else "postgresql+psycopg"))
    with engine.connect() as connection:
        found = connection.execute(text(f"SELECT * FROM {table} ORDER BY 1")).all()  # noqa: S608  # our own tables
    engine.dispose()
    return [tuple(row) for row in found]


def test_events_and_decisions_are_one_chain(office: Any, cleared: Any, url: str) -> None:
    assert [row[0] for row in rows(url, "events")] == [2, 3, 4]
    assert [row[0] for row in rows(url, "decisions")] == [1, 5]
    report = office.log.verify([office.log.anchor()])
    assert (report.ok, report.rows, report.last_seq, office.log.count()) == (True, 2, 5, 2)
    assert cleared.number == 3


@pytest.mark.parametrize("column", COLUMNS)
def test_a_changed_event_is_found_where_it_is(
    office: Any, cleared: Any, url: str, unguarded: Callable[[str], Any], column: str
) -> None:
    changed = "7" if column == "number" else "'0" + "0" * 63 + "'"
    with unguarded(url) as connection:
        connection.execute(text(f"UPDATE events SET {column} = {changed} WHERE seq = 3"))  # noqa: S608
    assert office.log.verify().first_bad_seq == 3
    assert cleared.number == 3


@pytest.mark.parametrize(
    ("change", "found_at"),
    [
        ("DELETE FROM events WHERE seq = 3", 3),
        ("DELETE FROM events WHERE seq >= 3", 3),
        ("UPDATE events SET seq = 9 WHERE seq = 3; UPDATE events SET seq = 3 WHERE seq = 4", 3),
        ("UPDATE events SET record = '', body_hash = '', request_id = 'erased:' || digest WHERE seq = 2", 2),
    ],
)
@pytest.mark.usefixtures("cleared")
def test_a_removed_moved_or_emptied_event_is_found(
    office: Any, url: str, unguarded: Callable[[str], Any], change: str, found_at: int
) -> None:
    with unguarded(url) as connection:
        for statement in change.split("; "):
            connection.execute(text(statement))
    assert office.log.verify().first_bad_seq == found_at


def test_a_tail_of_events_cut_off_is_found_by_the_register_and_by_an_anchor(
    office: Any, url: str, unguarded: Callable[[str], Any]
) -> None:
    office.decided(Outcome.CLEARED)
    anchor = office.log.anchor()
    with unguarded(url) as connection:
        connection.execute(text("DELETE FROM events WHERE seq = 4"))
    assert "reached 4 before" in office.log.verify().what
    with unguarded(url) as connection:
        connection.execute(text("UPDATE disputes SET seq = 3"))
    assert office.log.verify().ok
    assert "reached 4 before" in office.log.verify([anchor]).what


@pytest.mark.parametrize(
    "change",
    ["UPDATE events SET caller = 'x'", "DELETE FROM events", "UPDATE events SET record = '' WHERE seq = 2"],
)
@pytest.mark.usefixtures("cleared", "office")
def test_the_store_itself_refuses_to_change_events(url: str, change: str) -> None:
    engine = create_engine(make_url(url).set(drivername="sqlite" if url.startswith("sqlite") else "postgresql+psycopg"))
    with pytest.raises(IntegrityError, match="append-only"), engine.begin() as connection:
        connection.execute(text(change))
    engine.dispose()


def test_the_register_can_be_made_anew_from_the_events(
    office: Any, url: str, unguarded: Callable[[str], Any], at: SetClock
) -> None:
    office.opened()
    office.assigned()
    office.decided(Outcome.UPHELD, tier="extremely_high")
    for outcome in (Outcome.CLEARED, Outcome.UPHELD, Outcome.INCONCLUSIVE):
        office.decided(outcome)
    office.decided(Outcome.LOWERED, lowered_to="medium_low")
    dispute = office.assigned()
    at(dispute.hard_limit)
    assert office.desk.expire_due() == 4
    kept = {table: rows(url, table) for table in ("disputes", "lifts")}
    with unguarded(url) as connection:
        connection.execute(text("UPDATE disputes SET state = 'withdrawn', is_open = 0, record = '{}'"))
        connection.execute(text("DELETE FROM lifts"))
    assert office.desk.rebuild() == 8
    assert {table: rows(url, table) for table in kept} == kept


def expire_after(office: Any, at: SetClock, days: float) -> int:
    at(office.now + timedelta(days=days))
    expired: int = office.log.expire(days=DAYS).decisions
    return expired


def test_a_decision_under_dispute_is_not_erased(office: Any, at: SetClock) -> None:
    dispute = office.opened()
    office.decide_line("line-2")
    assert expire_after(office, at, DAYS + 1) == 1
    assert office.log.get(dispute.decision_id) is not None
    assert office.log.verify(days_at=lambda _: DAYS).ok


def test_events_are_erased_with_their_decision_half_a_year_after_the_dispute_ended(
    office: Any, at: SetClock, url: str
) -> None:
    opened = office.opened()
    at(office.now + timedelta(days=300))
    office.desk.withdraw(office.people["hotline"], opened.dispute_id, reason=office.reason, request_id="w")
    assert expire_after(office, at, DAYS + 1) == 0
    assert office.desk.get(opened.dispute_id).state is State.WITHDRAWN
    assert expire_after(office, at, 300 + 185) == 1
    assert office.desk.get(opened.dispute_id) is None
    assert office.desk.of_line("line-1") == ()
    assert not [row for row in rows(url, "events") if "customers" in str(row)]
    report = office.log.verify(days_at=lambda _: DAYS)
    assert (report.ok, report.erased) == (True, 1)
    assert office.desk.rebuild() == 0


def test_a_new_dispute_of_an_erased_decision_is_refused(office: Any, at: SetClock) -> None:
    record = office.decide_line()
    expire_after(office, at, DAYS + 1)
    with pytest.raises(UnknownDisputeError):
        office.desk.open(
            office.people["hotline"], record.decision_id, statement="Late.", channel="hall", request_id="late"
        )
