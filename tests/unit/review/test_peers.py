"""Decided cases like one case: what counts as alike, which cases are compared, and where that is kept."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, inspect, select, text

from linerisk.decisions import store
from linerisk.decisions.log import DecisionLog
from linerisk.decisions.record import RecordedModel
from linerisk.decisions.schema import decisions, disputes, events, requests
from linerisk.review.disputes import Dispute
from linerisk.review.similar_cases import MOST_COUNTED, MOST_LISTED, Peers, latest_decided, peers_of
from linerisk.review.similarity import likeness
from linerisk.review.transitions import Outcome

SetClock = Callable[[datetime], None]
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
OWN = {"contacts": 4.0, "places": 1.0, "tenure": -1.0}


@pytest.mark.parametrize(
    ("of", "other", "alike"),
    [
        ({"contacts": 4.0, "places": 1.0}, {"contacts": 4.0, "places": 1.0}, 1.0),
        # 2 of the 4 of either side are in both: 4 of the 6 of both sides.
        ({"contacts": 4.0}, {"contacts": 2.0}, 2 / 3),
        # What raises one and lowers the other has nothing in common.
        ({"contacts": 2.0}, {"contacts": -2.0}, 0.0),
        ({"contacts": 2.0}, {"places": 2.0}, 0.0),
        # A family that only one side has counts as 0 there: 3 of 4.
        ({"contacts": 3.0, "places": 1.0}, {"contacts": 3.0, "devices": 1.0}, 0.75),
        ({"tenure": -1.0, "contacts": 1.0}, {"tenure": -1.0, "contacts": 3.0}, 2 / 3),
        ({}, {"contacts": 1.0}, 0.0),
        ({}, {}, 0.0),
    ],
)
def test_likeness_is_the_share_that_is_in_both(of: dict[str, float], other: dict[str, float], alike: float) -> None:
    assert likeness(of, [other]).tolist() == pytest.approx([alike])
    assert likeness(other, [of]).tolist() == pytest.approx([alike])


def test_one_decision_is_compared_with_many_at_once() -> None:
    assert likeness({"a": 1.0}, []).shape == (0,)
    assert likeness({"a": 1.0}, [{"a": 1.0}, {}, {"b": 1.0}]).tolist() == [1.0, 0.0, 0.0]


def _peers(office: Any, **changed: Any) -> Peers:
    return peers_of(office.log, office.opened(line_id="own", contributions=OWN, **changed), OWN)


def _found(peers: Peers) -> list[tuple[str, float]]:
    return [(peer.dispute.line_id, round(peer.likeness, 2)) for peer in peers.listed]


def test_the_most_alike_come_first_and_what_is_half_different_does_not_come(office: Any) -> None:
    office.decided(Outcome.UPHELD, line_id="half", contributions={"contacts": 2.0})
    office.decided(Outcome.CLEARED, line_id="same", contributions=OWN)
    office.decided(Outcome.UPHELD, line_id="other", contributions={"rhythm": 6.0})
    office.decided(Outcome.LOWERED, line_id="near", lowered_to="medium_low", contributions={**OWN, "tenure": 0.0})
    office.decided(Outcome.INCONCLUSIVE, line_id="unlike", contributions={"contacts": 1.8})
    peers = _peers(office)
    assert _found(peers) == [("same", 1.0), ("near", 0.91), ("half", 0.5)]
    assert (peers.counted, peers.overturned, peers.compared) == (3, 2, 5)


def test_only_what_somebody_found_about_another_line_of_the_tier_is_compared(office: Any) -> None:
    office.decided(Outcome.CLEARED, line_id="own", contributions=OWN)
    office.decided(Outcome.CLEARED, line_id="lower", tier="medium_low", contributions=OWN)
    office.assigned(line_id="in-review", contributions=OWN)
    withdrawn = office.opened(line_id="withdrawn", contributions=OWN)
    office.desk.withdraw(office.people["hotline"], withdrawn.dispute_id, reason=office.reason, request_id=office.key())
    office.decided(Outcome.UPHELD, line_id="upheld", contributions=OWN)
    peers = _peers(office)
    assert _found(peers) == [("upheld", 1.0)]
    assert (peers.counted, peers.overturned, peers.compared) == (1, 0, 1)


def test_a_case_that_expired_is_not_compared(office: Any, at: SetClock) -> None:
    office.opened(line_id="expired", contributions=OWN)
    at(office.now + timedelta(days=60))
    assert office.desk.expire_due() == 1
    assert _peers(office) == Peers((), 0, 0, 0)


def test_upheld_of_the_highest_tier_counts_once_the_second_person_agreed(office: Any) -> None:
    waiting = office.decided(Outcome.UPHELD, line_id="high", tier="extremely_high", contributions=OWN)
    own = office.opened(line_id="own", tier="extremely_high", contributions=OWN)
    assert peers_of(office.log, own, OWN).compared == 0
    office.desk.approve(
        office.people["liu"], waiting.dispute_id, agreed=True, reason=office.reason, request_id=office.key()
    )
    assert _found(peers_of(office.log, own, OWN)) == [("high", 1.0)]


def test_five_are_listed_twenty_are_counted_and_of_equals_the_last_that_ended_is_first(
    office: Any, at: SetClock
) -> None:
    for number in range(MOST_COUNTED + 2):
        at(office.now + timedelta(minutes=number))
        outcome = Outcome.CLEARED if number < MOST_LISTED else Outcome.UPHELD
        office.decided(outcome, line_id=f"line-{number:02}", contributions=OWN)
    peers = _peers(office)
    assert [line for line, _ in _found(peers)] == ["line-21", "line-20", "line-19", "line-18", "line-17"]
    # The first two, cleared, are beyond the twenty.
    assert (peers.counted, peers.overturned, peers.compared) == (20, 3, 22)


def test_a_case_of_another_version_is_compared_by_the_same_measure(office: Any) -> None:
    model = RecordedModel(name="linerisk", version="6", fingerprint="e")
    office.decided(Outcome.CLEARED, line_id="older", model=model, contributions=OWN)
    [peer] = _peers(office).listed
    assert (peer.dispute.model, peer.likeness) == ("6", 1.0)


def test_the_latest_findings_are_those_that_ended_last_but_for_the_withdrawn(office: Any, at: SetClock) -> None:
    for minute, outcome in enumerate((Outcome.CLEARED, Outcome.UPHELD, Outcome.INCONCLUSIVE)):
        at(office.now + timedelta(minutes=minute))
        office.decided(outcome, line_id=outcome.value)
    at(office.now + timedelta(minutes=9))
    withdrawn = office.opened(line_id="withdrawn")
    office.desk.withdraw(office.people["hotline"], withdrawn.dispute_id, reason=office.reason, request_id=office.key())
    found = latest_decided(office.log, among=3)
    assert [(outcome.value, record.line_id) for outcome, record in found] == [
        ("inconclusive", "inconclusive"),
        ("upheld", "upheld"),
    ]


def test_what_is_compared_is_made_anew_from_the_chain(office: Any) -> None:
    office.decided(Outcome.CLEARED, line_id="same", contributions=OWN)
    before = _kept(office.log)
    with office.log.writing() as connection:
        connection.execute(text("UPDATE disputes SET contributions = NULL"))
    assert _peers(office).compared == 0
    office.desk.rebuild()
    assert _kept(office.log)[: len(before)] == before
    assert [name for name, _ in before] != []


def test_a_damaged_record_is_not_compared_and_the_register_stands(
    office: Any, url: str, unguarded: Callable[[str], Any]
) -> None:
    dispute = office.decided(Outcome.CLEARED, line_id="damaged", contributions=OWN)
    office.decided(Outcome.UPHELD, line_id="whole", contributions=OWN)
    with unguarded(url) as connection:
        connection.execute(
            text("UPDATE decisions SET record = 'x' WHERE decision_id = :of"), {"of": dispute.decision_id}
        )
    assert [record.line_id for _, record in latest_decided(office.log, among=9)] == ["whole"]
    assert office.desk.rebuild() == 2
    assert _found(_peers(office)) == [("whole", 1.0)]
    assert not office.log.verify().ok


def test_a_log_of_before_gets_what_is_compared_from_its_decisions(
    url: str, at: SetClock, office_at: Callable[[str], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(NOW)
    now = office_at(f"sqlite:///{tmp_path / 'now.db'}")
    now.decided(Outcome.CLEARED, line_id="same", contributions=OWN)
    before = _kept(now.log)
    with monkeypatch.context() as older:
        older.setattr(store, "HEAD", "0004")
        with DecisionLog(url) as log, now.log.reading() as source, log.writing() as target:
            for table in (requests, decisions, events, disputes):
                has = {column["name"] for column in inspect(target).get_columns(table.name)}
                assert ("contributions" in has) is False
                for row in source.execute(select(table)).mappings():
                    target.execute(insert(table), {name: value for name, value in row.items() if name in has})
    now.log.close()
    office = office_at(url)
    assert [(name, _floats(kept)) for name, kept in _kept(office.log)] == [
        (name, _floats(kept)) for name, kept in before
    ]
    assert office.log.verify().ok
    assert [peer.likeness for peer in peers_of(office.log, _opened_beside(office), OWN).listed] == [1.0]
    office.log.close()


def _opened_beside(office: Any) -> Dispute:
    """A dispute whose keys are none of those that are in the log already."""
    office.numbers = itertools.count(100)
    opened: Dispute = office.opened(line_id="own", contributions=OWN)
    return opened


def _kept(log: DecisionLog) -> list[Any]:
    with log.reading() as connection:
        query = select(disputes.c.dispute_id, disputes.c.contributions).order_by(disputes.c.dispute_id)
        return [tuple(row) for row in connection.execute(query)]


def _floats(kept: str) -> dict[str, float]:
    read: dict[str, float] = json.loads(kept)
    return read
