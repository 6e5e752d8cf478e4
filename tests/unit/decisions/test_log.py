"""The log answers a request once, whoever asks again and however often, and reads back what was said."""

import hashlib
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, make_url

from linerisk.decisions.errors import ConflictError, OverloadedError
from linerisk.decisions.log import DecisionLog
from linerisk.decisions.record import DecisionRecord
from linerisk.errors import DecisionLogError

Held = Callable[[str], AbstractContextManager[None]]
MakeRecords = Callable[..., list[DecisionRecord]]

BODY = hashlib.sha256(b"body").hexdigest()
OTHER_BODY = hashlib.sha256(b"other body").hexdigest()
PROBLEM = {"line_id": "line-9", "code": "unknown_line", "message": "no such line in the snapshot"}


def test_an_append_answers_with_its_own_records(log: DecisionLog, make_records: MakeRecords) -> None:
    records = make_records(count=3)
    answer = log.append("suspension", "r-1", BODY, records, [PROBLEM])
    assert answer.records == tuple(records)
    assert answer.problems == (PROBLEM,)
    assert not answer.repeated
    assert log.count() == 3


def test_the_same_request_again_gets_the_first_answer_and_writes_nothing(
    log: DecisionLog, make_records: MakeRecords
) -> None:
    first = make_records(count=3)
    log.append("suspension", "r-1", BODY, first, [PROBLEM])
    again = log.append("suspension", "r-1", BODY, make_records(count=2))
    assert (again.records, again.problems, again.repeated) == (tuple(first), (PROBLEM,), True)
    assert log.count() == 3


def test_the_same_request_id_with_another_body_is_a_conflict(log: DecisionLog, make_records: MakeRecords) -> None:
    log.append("suspension", "r-1", BODY, make_records())
    with pytest.raises(ConflictError) as caught:
        log.append("suspension", "r-1", OTHER_BODY, make_records())
    assert (caught.value.code, caught.value.field, log.count()) == ("conflict", "request_id", 1)


def test_request_ids_of_different_callers_do_not_meet(log: DecisionLog, make_records: MakeRecords) -> None:
    log.append("suspension", "r-1", BODY, make_records())
    answer = log.append("notices", "r-1", OTHER_BODY, make_records(scored_by="notices"))
    assert not answer.repeated
    assert log.count() == 2


def test_a_request_without_any_decision_is_answered_once_too(log: DecisionLog, make_records: MakeRecords) -> None:
    log.append("suspension", "r-1", BODY, [], [PROBLEM])
    again = log.append("suspension", "r-1", BODY, make_records())
    assert (again.records, again.problems) == ((), (PROBLEM,))
    assert log.verify().ok


def test_fifty_duplicates_at_once_give_one_set_of_decisions(log: DecisionLog, make_records: MakeRecords) -> None:
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: log.append("suspension", "r-1", BODY, make_records(count=4)), range(50)))
    assert len({tuple(record.decision_id for record in answer.records) for answer in answers}) == 1
    assert sum(not answer.repeated for answer in answers) == 1
    assert log.count() == 4


def test_fifty_at_once_with_two_bodies_give_one_answer_and_conflicts(
    log: DecisionLog, make_records: MakeRecords
) -> None:
    def ask(i: int) -> str:
        body = BODY if i % 2 else OTHER_BODY
        try:
            return log.append("suspension", "r-1", body, make_records()).body_hash
        except ConflictError:
            return "conflict"

    with ThreadPoolExecutor(50) as pool:
        said = list(pool.map(ask, range(50)))
    assert said.count("conflict") == 25
    assert len(set(said)) == 2
    assert log.count() == 1


def test_two_logs_on_one_store_answer_a_request_once(url: str, log: DecisionLog, make_records: MakeRecords) -> None:
    first = log.append("suspension", "r-1", BODY, make_records())
    with DecisionLog(url) as other:
        assert other.append("suspension", "r-1", BODY, make_records()).records == first.records
        assert other.find("suspension", "r-1").records == first.records


def test_find_tells_unknown_answered_and_conflicting_requests_apart(
    log: DecisionLog, make_records: MakeRecords
) -> None:
    assert log.find("suspension", "r-1", body_hash=BODY) is None
    records = tuple(make_records())
    log.append("suspension", "r-1", BODY, records)
    assert log.find("suspension", "r-1", body_hash=BODY).records == records
    with pytest.raises(ConflictError):
        log.find("suspension", "r-1", body_hash=OTHER_BODY)


def test_a_decision_is_found_by_its_id(log: DecisionLog, make_records: MakeRecords) -> None:
    record = log.append("suspension", "r-1", BODY, make_records()).records[0]
    assert log.get(record.decision_id) == record
    assert log.get("unknown") is None


def test_decisions_of_a_line_come_newest_first_in_pages(log: DecisionLog, make_records: MakeRecords) -> None:
    ids = []
    for i in range(5):
        records = make_records(f"r-{i}", 2)
        ids.append(records[0].decision_id)
        log.append("suspension", f"r-{i}", BODY, records)
    page = log.by_line("line-0", limit=2)
    assert [record.decision_id for record in page] == [ids[4], ids[3]]
    rest = log.by_line("line-0", before=page[-1].decision_id)
    assert [record.decision_id for record in rest] == [ids[2], ids[1], ids[0]]
    assert log.by_line("line-7") == ()


def test_what_was_answered_is_there_after_reopening(url: str, make_records: MakeRecords) -> None:
    with DecisionLog(url) as log:
        records = log.append("suspension", "r-1", BODY, make_records(count=2)).records
    with DecisionLog(url, create=False) as log:
        assert log.find("suspension", "r-1").records == records


def test_close_writes_what_still_waits(url: str, make_records: MakeRecords) -> None:
    log = DecisionLog(url)
    futures = [log.append_async("suspension", f"r-{i}", BODY, make_records(f"r-{i}")) for i in range(200)]
    log.close()
    assert all(not future.result(timeout=0).repeated for future in futures)
    with pytest.raises(DecisionLogError, match="closed"):
        log.append("suspension", "late", BODY, make_records("late"))
    with DecisionLog(url) as reopened:
        assert reopened.count() == 200


def test_many_waiting_requests_share_a_commit(log: DecisionLog, make_records: MakeRecords) -> None:
    commits = []
    write = log._writer._write
    log._writer._write = lambda group: commits.append(len(group)) or write(group)
    futures = [log.append_async("suspension", f"r-{i}", BODY, make_records(f"r-{i}")) for i in range(300)]
    for future in futures:
        future.result()
    assert sum(commits) == 300
    assert len(commits) < 100


def test_a_request_that_was_given_up_before_its_turn_is_not_written(
    url: str, log: DecisionLog, make_records: MakeRecords, held: Held
) -> None:
    with held(url):
        first = log.append_async("suspension", "first", BODY, make_records("first"))
        while log.waiting:
            pass
        given_up = log.append_async("suspension", "given-up", BODY, make_records("given-up"))
        assert given_up.cancel()
    first.result()
    assert log.find("suspension", "given-up") is None


def test_a_full_queue_is_refused_and_nothing_of_it_is_written(url: str, make_records: MakeRecords, held: Held) -> None:
    with DecisionLog(url, most_waiting=10) as log:
        with held(url):
            first = log.append_async("suspension", "r-0", BODY, make_records("r-0"))
            while log.waiting:
                pass
            second = log.append_async("suspension", "r-1", BODY, make_records("r-1", 8))
            with pytest.raises(OverloadedError) as caught:
                log.append("suspension", "r-2", BODY, make_records("r-2", 3))
            assert (caught.value.code, caught.value.retry_after_s) == ("overloaded", 1)
        assert len(first.result().records + second.result().records) == 9
        assert log.count() == 9


def test_a_request_larger_than_the_queue_is_taken_when_nothing_waits(url: str, make_records: MakeRecords) -> None:
    with DecisionLog(url, most_waiting=10) as log:
        assert len(log.append("suspension", "r-1", BODY, make_records(count=50)).records) == 50


def test_a_record_under_another_request_is_refused_without_harm_to_its_neighbours(
    log: DecisionLog, make_records: MakeRecords
) -> None:
    bad = log.append_async("suspension", "r-2", BODY, make_records("r-1"))
    good = log.append_async("suspension", "r-3", BODY, make_records("r-3"))
    with pytest.raises(DecisionLogError, match="another request"):
        bad.result()
    assert len(good.result().records) == 1


def test_a_record_that_is_not_text_is_refused_without_harm_to_its_neighbours(
    log: DecisionLog, make_records: MakeRecords
) -> None:
    bad = log.append_async("suspension", "\ud800", BODY, make_records("\ud800"))
    good = log.append_async("suspension", "r-3", BODY, make_records("r-3"))
    with pytest.raises(DecisionLogError, match="JSON"):
        bad.result()
    assert len(good.result().records) == 1


def test_a_value_without_a_place_in_json_is_refused_without_harm_to_its_neighbours(
    log: DecisionLog, make_records: MakeRecords
) -> None:
    bad = log.append_async("suspension", "r-2", BODY, make_records("r-2", snapshot_id=object()))
    with pytest.raises(DecisionLogError, match="JSON"):
        bad.result(timeout=5)
    assert len(log.append("suspension", "r-3", BODY, make_records("r-3")).records) == 1


def test_a_decision_id_used_twice_fails_alone_in_its_group(log: DecisionLog, make_records: MakeRecords) -> None:
    [record] = make_records("r-1")
    [same_id] = make_records("r-2")
    clashing = type(same_id).from_json(
        same_id.to_json().replace(same_id.decision_id.encode(), record.decision_id.encode())
    )
    futures = [
        log.append_async("suspension", request, BODY, records)
        for request, records in (("r-1", [record]), ("r-2", [clashing]), ("r-3", make_records("r-3")))
    ]
    assert futures[0].result().records == (record,)
    with pytest.raises(DecisionLogError):
        futures[1].result()
    assert len(futures[2].result().records) == 1
    assert log.verify().rows == 2


def test_columns_sort_instants_whatever_their_fraction(log: DecisionLog, make_records: MakeRecords) -> None:
    [record] = make_records("r-1")
    later = record.as_of + timedelta(microseconds=1)
    log.append("suspension", "r-1", BODY, [record])
    log.append("suspension", "r-2", BODY, make_records("r-2", as_of=later))
    with log._engine.connect() as connection:
        kept = connection.exec_driver_sql("SELECT as_of FROM decisions ORDER BY as_of").scalars().all()
    assert kept == ["2024-07-01T00:00:00.000000Z", "2024-07-01T00:00:00.000001Z"]


def test_no_look_at_the_log_reads_a_whole_table(sqlite_url: str, make_records: MakeRecords) -> None:
    asked: list[str] = []
    with DecisionLog(sqlite_url) as log:

        @event.listens_for(log._engine, "checkout")
        def _note(connection: Any, *_: Any) -> None:
            # As SQLite sees them, with their values, whoever asks.
            connection.set_trace_callback(lambda statement: asked.append(statement.strip()))

        for request_id in ("r-1", "r-2", "r-2"):
            log.append("suspension", request_id, BODY, make_records(request_id))
        log.find("suspension", "r-1")
        log.get("x")
        log.by_line("line-0", before="x")
        log.anchor()
    asked = [statement for statement in asked if statement.startswith("SELECT")]
    assert len(asked) > 8
    with closing(sqlite3.connect(make_url(sqlite_url).database or "")) as database:
        plans = [(each, database.execute(f"EXPLAIN QUERY PLAN {each}").fetchall()) for each in asked]
    scans = [(each, step) for each, steps in plans for *_, step in steps if step.startswith("SCAN requests")]
    assert scans == []
    # The end of the chain is the one thing that is read from the end of a table backwards.
    whole = [each for each, steps in plans for *_, step in steps if step == "SCAN decisions"]
    assert all("ORDER BY decisions.seq DESC" in each and "LIMIT" in each for each in whole)
