"""Similar cases: the similarity measure, which cases are compared, and the projected contributions."""

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
from linerisk.review.similar_cases import MAX_COUNTED, MAX_LISTED, SimilarCases, find_similar_cases, latest_decided
from linerisk.review.similarity import similarities
from linerisk.review.transitions import Outcome

SetNow = Callable[[datetime], None]
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
OWN = {"contacts": 4.0, "places": 1.0, "tenure": -1.0}


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ({"contacts": 4.0, "places": 1.0}, {"contacts": 4.0, "places": 1.0}, 1.0),
        # The smaller contribution, 2, is common to both: 4 of the sum of 6.
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
def test_similarity_is_the_share_of_contributions_in_common(
    one: dict[str, float], other: dict[str, float], expected: float
) -> None:
    assert similarities(one, [other]).tolist() == pytest.approx([expected])
    assert similarities(other, [one]).tolist() == pytest.approx([expected])


def test_one_decision_is_compared_with_many_in_one_call() -> None:
    assert similarities({"a": 1.0}, []).shape == (0,)
    assert similarities({"a": 1.0}, [{"a": 1.0}, {}, {"b": 1.0}]).tolist() == [1.0, 0.0, 0.0]


def _similar(cases: Any, **changed: Any) -> SimilarCases:
    return find_similar_cases(cases.log, cases.opened(line_id="own", contributions=OWN, **changed), OWN)


def _lines(found: SimilarCases) -> list[tuple[str, float]]:
    return [(each.dispute.line_id, round(each.similarity, 2)) for each in found.listed]


def test_the_most_similar_are_first_and_cases_below_half_are_left_out(cases: Any) -> None:
    cases.decided(Outcome.UPHELD, line_id="half", contributions={"contacts": 2.0})
    cases.decided(Outcome.CLEARED, line_id="same", contributions=OWN)
    cases.decided(Outcome.UPHELD, line_id="other", contributions={"rhythm": 6.0})
    cases.decided(Outcome.LOWERED, line_id="near", lowered_to="medium_low", contributions={**OWN, "tenure": 0.0})
    cases.decided(Outcome.INCONCLUSIVE, line_id="unlike", contributions={"contacts": 1.8})
    found = _similar(cases)
    assert _lines(found) == [("same", 1.0), ("near", 0.91), ("half", 0.5)]
    assert (found.counted, found.overturned, found.compared) == (3, 2, 5)


def test_only_decided_cases_of_other_lines_and_the_same_tier_are_compared(cases: Any) -> None:
    cases.decided(Outcome.CLEARED, line_id="own", contributions=OWN)
    cases.decided(Outcome.CLEARED, line_id="lower", tier="medium_low", contributions=OWN)
    cases.assigned(line_id="in-review", contributions=OWN)
    withdrawn = cases.opened(line_id="withdrawn", contributions=OWN)
    cases.service.withdraw(
        cases.people["hotline"], withdrawn.dispute_id, reason=cases.reason, request_id=cases.new_id()
    )
    cases.decided(Outcome.UPHELD, line_id="upheld", contributions=OWN)
    found = _similar(cases)
    assert _lines(found) == [("upheld", 1.0)]
    assert (found.counted, found.overturned, found.compared) == (1, 0, 1)


def test_an_expired_case_is_not_compared(cases: Any, set_now: SetNow) -> None:
    cases.opened(line_id="expired", contributions=OWN)
    set_now(cases.now + timedelta(days=60))
    assert cases.service.expire_due() == 1
    assert _similar(cases) == SimilarCases((), 0, 0, 0)


def test_a_highest_tier_case_is_compared_only_after_approval(cases: Any) -> None:
    waiting = cases.decided(Outcome.UPHELD, line_id="high", tier="extremely_high", contributions=OWN)
    own = cases.opened(line_id="own", tier="extremely_high", contributions=OWN)
    assert find_similar_cases(cases.log, own, OWN).compared == 0
    cases.service.approve(
        cases.people["liu"], waiting.dispute_id, agreed=True, reason=cases.reason, request_id=cases.new_id()
    )
    assert _lines(find_similar_cases(cases.log, own, OWN)) == [("high", 1.0)]


def test_five_cases_are_listed_twenty_are_counted_and_the_latest_of_equals_is_first(
    cases: Any, set_now: SetNow
) -> None:
    for number in range(MAX_COUNTED + 2):
        set_now(cases.now + timedelta(minutes=number))
        outcome = Outcome.CLEARED if number < MAX_LISTED else Outcome.UPHELD
        cases.decided(outcome, line_id=f"line-{number:02}", contributions=OWN)
    found = _similar(cases)
    assert [line for line, _ in _lines(found)] == ["line-21", "line-20", "line-19", "line-18", "line-17"]
    # The first two, cleared, are beyond the twenty.
    assert (found.counted, found.overturned, found.compared) == (20, 3, 22)


def test_a_case_of_another_model_version_is_compared_too(cases: Any) -> None:
    model = RecordedModel(name="linerisk", version="6", fingerprint="e")
    cases.decided(Outcome.CLEARED, line_id="older", model=model, contributions=OWN)
    [similar] = _similar(cases).listed
    assert (similar.dispute.model, similar.similarity) == ("6", 1.0)


def test_the_latest_decided_cases_leave_out_withdrawn_ones(cases: Any, set_now: SetNow) -> None:
    for minute, outcome in enumerate((Outcome.CLEARED, Outcome.UPHELD, Outcome.INCONCLUSIVE)):
        set_now(cases.now + timedelta(minutes=minute))
        cases.decided(outcome, line_id=outcome.value)
    set_now(cases.now + timedelta(minutes=9))
    withdrawn = cases.opened(line_id="withdrawn")
    cases.service.withdraw(
        cases.people["hotline"], withdrawn.dispute_id, reason=cases.reason, request_id=cases.new_id()
    )
    found = latest_decided(cases.log, among=3)
    assert [(outcome.value, record.line_id) for outcome, record in found] == [
        ("inconclusive", "inconclusive"),
        ("upheld", "upheld"),
    ]


def test_rebuild_restores_the_compared_contributions(cases: Any) -> None:
    cases.decided(Outcome.CLEARED, line_id="same", contributions=OWN)
    before = _contributions(cases.log)
    with cases.log.writing() as connection:
        connection.execute(text("UPDATE disputes SET contributions = NULL"))
    assert _similar(cases).compared == 0
    cases.service.rebuild()
    assert _contributions(cases.log)[: len(before)] == before
    assert [name for name, _ in before] != []


def test_a_damaged_record_is_not_compared_and_does_not_stop_a_rebuild(
    cases: Any, url: str, unguarded: Callable[[str], Any]
) -> None:
    dispute = cases.decided(Outcome.CLEARED, line_id="damaged", contributions=OWN)
    cases.decided(Outcome.UPHELD, line_id="whole", contributions=OWN)
    with unguarded(url) as connection:
        connection.execute(
            text("UPDATE decisions SET record = 'x' WHERE decision_id = :of"), {"of": dispute.decision_id}
        )
    assert [record.line_id for _, record in latest_decided(cases.log, among=9)] == ["whole"]
    assert cases.service.rebuild() == 2
    assert _lines(_similar(cases)) == [("whole", 1.0)]
    assert not cases.log.verify().ok


def test_an_older_log_gets_the_contributions_from_its_decisions(
    url: str, set_now: SetNow, open_cases: Callable[[str], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_now(NOW)
    now = open_cases(f"sqlite:///{tmp_path / 'now.db'}")
    now.decided(Outcome.CLEARED, line_id="same", contributions=OWN)
    before = _contributions(now.log)
    with monkeypatch.context() as older:
        older.setattr(store, "HEAD", "0004")
        with DecisionLog(url) as log, now.log.reading() as source, log.writing() as target:
            for table in (requests, decisions, events, disputes):
                has = {column["name"] for column in inspect(target).get_columns(table.name)}
                assert ("contributions" in has) is False
                for row in source.execute(select(table)).mappings():
                    target.execute(insert(table), {name: value for name, value in row.items() if name in has})
    now.log.close()
    cases = open_cases(url)
    assert [(name, _floats(stored)) for name, stored in _contributions(cases.log)] == [
        (name, _floats(stored)) for name, stored in before
    ]
    assert cases.log.verify().ok
    assert [each.similarity for each in find_similar_cases(cases.log, _opened_with_new_ids(cases), OWN).listed] == [1.0]
    cases.log.close()


def _opened_with_new_ids(cases: Any) -> Dispute:
    """A dispute whose request ids are not in the log yet."""
    cases.numbers = itertools.count(100)
    opened: Dispute = cases.opened(line_id="own", contributions=OWN)
    return opened


def _contributions(log: DecisionLog) -> list[Any]:
    with log.reading() as connection:
        query = select(disputes.c.dispute_id, disputes.c.contributions).order_by(disputes.c.dispute_id)
        return [tuple(row) for row in connection.execute(query)]


def _floats(stored: str) -> dict[str, float]:
    read: dict[str, float] = json.loads(stored)
    return read
