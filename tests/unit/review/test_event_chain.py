"""Events of disputes are rows of the hash chain: changes are detected, and erasing a decision erases its events."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import IntegrityError

from linerisk.review.errors import UnknownDisputeError
from linerisk.review.transitions import Outcome, State

SetNow = Callable[[datetime], None]
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
def cleared(cases: Any) -> Any:
    """A cleared dispute between decisions: the chain is decision, open, assign, decide, decision."""
    dispute = cases.decided(Outcome.CLEARED)
    cases.decide_line("line-2")
    return dispute


def rows(url: str, table: str) -> list[Any]:
    engine = create_engine(make_url(url).set(drivername="sqlite" if url.startswith("sqlite") else "postgresql+psycopg"))
    with engine.connect() as connection:
        found = connection.execute(text(f"SELECT * FROM {table} ORDER BY 1")).all()  # noqa: S608  # our own tables
    engine.dispose()
    return [tuple(row) for row in found]


def test_events_and_decisions_share_one_chain(cases: Any, cleared: Any, url: str) -> None:
    assert [row[0] for row in rows(url, "events")] == [2, 3, 4]
    assert [row[0] for row in rows(url, "decisions")] == [1, 5]
    report = cases.log.verify([cases.log.anchor()])
    assert (report.ok, report.rows, report.last_seq, cases.log.count()) == (True, 2, 5, 2)
    assert cleared.number == 3


@pytest.mark.parametrize("column", COLUMNS)
def test_verify_finds_the_position_of_a_changed_event(
    cases: Any, cleared: Any, url: str, unguarded: Callable[[str], Any], column: str
) -> None:
    changed = "7" if column == "number" else "'0" + "0" * 63 + "'"
    with unguarded(url) as connection:
        connection.execute(text(f"UPDATE events SET {column} = {changed} WHERE seq = 3"))  # noqa: S608
    assert cases.log.verify().first_bad_seq == 3
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
def test_verify_finds_a_removed_reordered_or_emptied_event(
    cases: Any, url: str, unguarded: Callable[[str], Any], change: str, found_at: int
) -> None:
    with unguarded(url) as connection:
        for statement in change.split("; "):
            connection.execute(text(statement))
    assert cases.log.verify().first_bad_seq == found_at


def test_the_projection_and_an_anchor_reveal_a_truncated_chain(
    cases: Any, url: str, unguarded: Callable[[str], Any]
) -> None:
    cases.decided(Outcome.CLEARED)
    anchor = cases.log.anchor()
    with unguarded(url) as connection:
        connection.execute(text("DELETE FROM events WHERE seq = 4"))
    assert "reached 4 before" in cases.log.verify().what
    with unguarded(url) as connection:
        connection.execute(text("UPDATE disputes SET seq = 3"))
    assert cases.log.verify().ok
    assert "reached 4 before" in cases.log.verify([anchor]).what


@pytest.mark.parametrize(
    "change",
    ["UPDATE events SET caller = 'x'", "DELETE FROM events", "UPDATE events SET record = '' WHERE seq = 2"],
)
@pytest.mark.usefixtures("cleared", "cases")
def test_the_database_refuses_to_change_events(url: str, change: str) -> None:
    engine = create_engine(make_url(url).set(drivername="sqlite" if url.startswith("sqlite") else "postgresql+psycopg"))
    with pytest.raises(IntegrityError, match="append-only"), engine.begin() as connection:
        connection.execute(text(change))
    engine.dispose()


def test_the_projection_can_be_rebuilt_from_the_events(
    cases: Any, url: str, unguarded: Callable[[str], Any], set_now: SetNow
) -> None:
    cases.opened()
    cases.assigned()
    cases.decided(Outcome.UPHELD, tier="extremely_high")
    for outcome in (Outcome.CLEARED, Outcome.UPHELD, Outcome.INCONCLUSIVE):
        cases.decided(outcome)
    cases.decided(Outcome.LOWERED, lowered_to="medium_low")
    dispute = cases.assigned()
    set_now(dispute.hard_limit)
    assert cases.service.expire_due() == 4
    kept = {table: rows(url, table) for table in ("disputes", "lifts")}
    with unguarded(url) as connection:
        connection.execute(text("UPDATE disputes SET state = 'withdrawn', is_open = 0, record = '{}'"))
        connection.execute(text("DELETE FROM lifts"))
    assert cases.service.rebuild() == 8
    assert {table: rows(url, table) for table in kept} == kept


def expire_after(cases: Any, set_now: SetNow, days: float) -> int:
    set_now(cases.now + timedelta(days=days))
    expired: int = cases.log.expire(days=DAYS).decisions
    return expired


def test_a_decision_with_an_open_dispute_is_not_erased(cases: Any, set_now: SetNow) -> None:
    dispute = cases.opened()
    cases.decide_line("line-2")
    assert expire_after(cases, set_now, DAYS + 1) == 1
    assert cases.log.get(dispute.decision_id) is not None
    assert cases.log.verify(days_at=lambda _: DAYS).ok


def test_events_are_erased_with_their_decision_half_a_year_after_the_dispute_ended(
    cases: Any, set_now: SetNow, url: str
) -> None:
    opened = cases.opened()
    set_now(cases.now + timedelta(days=300))
    cases.service.withdraw(cases.people["hotline"], opened.dispute_id, reason=cases.reason, request_id="w")
    assert expire_after(cases, set_now, DAYS + 1) == 0
    assert cases.service.get(opened.dispute_id).state is State.WITHDRAWN
    assert expire_after(cases, set_now, 300 + 185) == 1
    assert cases.service.get(opened.dispute_id) is None
    assert cases.service.of_line("line-1") == ()
    assert not [row for row in rows(url, "events") if "customers" in str(row)]
    report = cases.log.verify(days_at=lambda _: DAYS)
    assert (report.ok, report.erased) == (True, 1)
    assert cases.service.rebuild() == 0


def test_a_new_dispute_of_an_erased_decision_is_refused(cases: Any, set_now: SetNow) -> None:
    record = cases.decide_line()
    expire_after(cases, set_now, DAYS + 1)
    with pytest.raises(UnknownDisputeError):
        cases.service.open(
            cases.people["hotline"], record.decision_id, statement="Late.", channel="hall", request_id="late"
        )
