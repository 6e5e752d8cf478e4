"""A case number is made from the id of its decision, as a notice prints it, and finds the decision again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import msgspec
import pytest
from sqlalchemy import text

from linerisk import as_of
from linerisk.decisions import case_numbers
from linerisk.decisions.case_numbers import case_number, decisions_numbered, read_number
from linerisk.decisions.log import DecisionLog
from linerisk.decisions.record import DecisionRecord

MakeRecords = Callable[..., list[DecisionRecord]]


def test_every_decision_of_a_request_is_found_by_its_own_number(log: DecisionLog, make_records: MakeRecords) -> None:
    records = make_records("r-1", 50)
    log.append("suspension", "r-1", "body", records)
    found = [decisions_numbered(log, case_number(each.decision_id)) for each in records]
    assert found == [(each.decision_id,) for each in records]


def test_a_number_that_fits_two_decisions_finds_both(log: DecisionLog, make_records: MakeRecords) -> None:
    [record] = make_records("r-1")
    middle = "A" if record.decision_id[15] != "A" else "B"
    twin = msgspec.structs.replace(record, decision_id=record.decision_id[:15] + middle + record.decision_id[16:])
    log.append("suspension", "r-1", "body", [record, twin])
    found = decisions_numbered(log, case_number(record.decision_id))
    assert set(found) == {record.decision_id, twin.decision_id}


def test_a_number_of_nothing_and_of_what_was_erased_finds_nothing(
    log: DecisionLog, make_records: MakeRecords, monkeypatch: pytest.MonkeyPatch
) -> None:
    [record] = make_records("r-1")
    log.append("suspension", "r-1", "body", [record])
    number = case_number(record.decision_id)
    assert decisions_numbered(log, number[:-1] + ("0" if number[-1] != "0" else "1")) == ()
    monkeypatch.setattr(as_of, "now", lambda: record.scored_at + timedelta(days=400))
    assert log.expire(days=365).decisions == 1
    assert decisions_numbered(log, number) == ()


@pytest.mark.parametrize(
    "typed", ["01J1NSEQ00PQRS", " 01j1nseq00pqrs ", "01J1 NSEQ 00PQ RS", "OIJ1NSEQ00PQRS", "01J1NSEQ00PQRS-2"]
)
def test_a_number_is_read_however_it_was_heard(typed: str) -> None:
    assert read_number(typed) == "01J1NSEQ00PQRS"


@pytest.mark.parametrize(
    "typed", ["", "01J1NSEQ00PQR", "01J1NSEQ00ABCDEFGHJKMNPQRS", "%", "01J1NSEQ00PQR_", "240726-4K7QD2M"]
)
def test_what_is_no_number_is_none(typed: str) -> None:
    assert read_number(typed) is None


def test_looking_up_a_number_reads_a_stretch_of_an_index_and_not_the_table(sqlite_url: str) -> None:
    asked = {"first": "01J1NSEQ00", "last": "01J1NSEQ00~", "ends": "%PQRS", "param_1": 9}
    with DecisionLog(sqlite_url) as log, log.reading() as connection:
        plan = connection.execute(text(f"EXPLAIN QUERY PLAN {case_numbers._NUMBERED}"), asked).all()
    assert [row.detail.split(" (")[0] for row in plan] == ["SEARCH decisions USING INDEX sqlite_autoindex_decisions_1"]
