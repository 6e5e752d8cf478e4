"""Access log, as a chain of its own: nothing of it changes unseen, and what is past its retention is erased."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, make_url, text

from linerisk import as_of
from linerisk.decisions import access_log, store
from linerisk.decisions.access_log import ERASED, AccessAppend
from linerisk.decisions.log import DecisionLog
from linerisk.decisions.record import DecisionRecord
from linerisk.decisions.schema import sortable
from linerisk.errors import DecisionLogError
from linerisk.policy import load_retention
from linerisk.review.access_log import Accesses
from linerisk.review.transitions import REVIEWER, Actor

Unguarded = Callable[[str], Any]
MakeRecords = Callable[..., list[DecisionRecord]]

TODAY = datetime(2026, 7, 1, tzinfo=UTC)
DAYS = 365
LI = Actor("li.wei", REVIEWER)
EMPTY = "UPDATE accesses SET " + ", ".join(f"{name} = ''" for name in ERASED)  # noqa: S608  # our own columns


@pytest.fixture(autouse=True)
def today(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(as_of, "now", lambda: TODAY)


@pytest.fixture
def seen(log: DecisionLog) -> Callable[..., None]:
    """Writes down accesses to cases, so many days ago."""

    def opening(*days_ago: float) -> None:
        for days in days_ago:
            Accesses(log).record(LI, "case", f"case-{days}", at=TODAY - timedelta(days=days))

    return opening


def subjects(log: DecisionLog) -> list[str]:
    return [each.subject for each in Accesses(log).latest()]


def was_due(at: datetime) -> bool:
    return at + timedelta(days=DAYS) < TODAY


def test_accesses_of_one_call_are_written_together_and_each_stands(log: DecisionLog) -> None:
    Accesses(log).record(LI, "case", "a", "b", "c", at=TODAY)
    report = log.verify_accesses()
    assert (report.ok, report.rows, report.erased, report.last_seq) == (True, 3, 0, 3)
    assert subjects(log) == ["c", "b", "a"]


def test_accesses_and_decisions_share_a_commit_and_neither_chain_moves_the_other(
    log: DecisionLog, make_records: MakeRecords
) -> None:
    for i in range(3):
        log.append("suspension", f"r-{i}", "body", make_records(f"r-{i}"))
        Accesses(log).record(LI, "decision", f"d-{i}", at=TODAY)
    assert (log.verify().last_seq, log.verify_accesses().last_seq) == (3, 3)


def test_an_access_that_cannot_be_written_is_not_told_to_be(sqlite_url: str, held: Callable[[str], Any]) -> None:
    with DecisionLog(sqlite_url, busy_s=0.1) as log:
        with held(sqlite_url), pytest.raises(DecisionLogError, match="cannot be used"):
            Accesses(log).record(LI, "case", "a", at=TODAY)
        assert subjects(log) == []


@pytest.mark.parametrize("column", ["at", "name", "role", "kind", "subject", "content", "digest", "hash"])
def test_a_changed_access_is_found_where_it_is(
    url: str, log: DecisionLog, seen: Callable[..., None], unguarded: Unguarded, column: str
) -> None:
    seen(3, 2, 1)
    with unguarded(url) as connection:
        value = sortable(TODAY) if column == "at" else "0" * 64
        connection.execute(text(f"UPDATE accesses SET {column} = :value WHERE number = 2"), {"value": value})  # noqa: S608  # our own columns
    report = log.verify_accesses()
    assert (report.ok, report.first_bad_seq, report.rows) == (False, 2, 1)


def test_a_removed_access_is_found_at_the_next_one(
    url: str, log: DecisionLog, seen: Callable[..., None], unguarded: Unguarded
) -> None:
    seen(3, 2, 1)
    with unguarded(url) as connection:
        connection.execute(text("DELETE FROM accesses WHERE number = 2"))
    report = log.verify_accesses()
    assert (report.first_bad_seq, report.what) == (3, "the access does not follow the one before it")


def test_accesses_in_another_order_are_found(
    url: str, log: DecisionLog, seen: Callable[..., None], unguarded: Unguarded
) -> None:
    seen(3, 2, 1)
    with unguarded(url) as connection:
        for old, new in ((2, 9), (3, 2), (9, 3)):
            connection.execute(text("UPDATE accesses SET number = :new WHERE number = :old"), {"old": old, "new": new})
    assert log.verify_accesses().first_bad_seq == 2


def test_a_tail_that_was_cut_off_is_seen_by_an_anchor_alone(
    url: str, log: DecisionLog, seen: Callable[..., None], unguarded: Unguarded
) -> None:
    seen(3, 2, 1)
    anchor = log.anchor()
    seen(0)
    assert log.verify_accesses([anchor]).ok
    with unguarded(url) as connection:
        connection.execute(text("DELETE FROM accesses WHERE number > 2"))
    assert log.verify_accesses().ok
    report = log.verify_accesses([anchor])
    assert (report.first_bad_seq, report.what) == (3, "the accesses end at 2, but reached 3 before")


def test_a_forged_chain_is_seen_by_an_anchor(
    url: str, log: DecisionLog, seen: Callable[..., None], unguarded: Unguarded
) -> None:
    seen(2, 1)
    anchor = log.anchor()
    with unguarded(url) as connection:
        connection.execute(text("DELETE FROM accesses"))
    seen(2, 1.5, 1)
    assert log.verify_accesses().ok
    assert log.verify_accesses([anchor]).what == "the access is not the one that was anchored"


def test_what_is_past_its_retention_is_erased_and_the_chain_holds(
    url: str, log: DecisionLog, seen: Callable[..., None], unguarded: Unguarded
) -> None:
    seen(DAYS + 2, DAYS + 1, 1)
    assert log.expire_accesses(days=DAYS, dry_run=True).accesses == 2
    assert len(subjects(log)) == 3
    assert log.expire_accesses(days=DAYS).accesses == 2
    assert subjects(log) == ["case-1"]
    with unguarded(url) as connection:
        rows = connection.execute(text("SELECT * FROM accesses WHERE number < 3")).mappings().all()
    assert {row[name] for row in rows for name in ERASED} == {""}
    report = log.verify_accesses(was_due=was_due)
    assert (report.ok, report.rows, report.erased) == (True, 3, 2)
    assert log.expire_accesses(days=DAYS).accesses == 0


def test_what_a_file_held_is_overwritten(sqlite_url: str, tmp_path: Path) -> None:
    with DecisionLog(sqlite_url) as log:
        Accesses(log).record(LI, "line", "8172635445362718", at=TODAY - timedelta(days=DAYS + 1))
        log.expire_accesses(days=DAYS)
        assert b"8172635445362718" not in b"".join(each.read_bytes() for each in tmp_path.glob("decisions.db*"))


def test_more_than_one_transaction_takes_is_erased(log: DecisionLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_log, "_DUE", access_log._DUE.limit(2))
    Accesses(log).record(LI, "case", *"abcde", at=TODAY - timedelta(days=DAYS + 1))
    assert log.expire_accesses(days=DAYS).accesses == 5


def test_a_clock_that_ran_behind_erases_nothing_early_and_one_that_ran_ahead_holds_nothing_back(
    log: DecisionLog, seen: Callable[..., None]
) -> None:
    seen(DAYS + 9, -400, DAYS + 8, 2, DAYS + 7)
    assert log.expire_accesses(days=DAYS).accesses == 2
    assert subjects(log) == ["case-372", "case-2", "case--400"]


def test_the_database_itself_refuses_to_erase_a_young_access_or_more_than_what_it_says(
    log: DecisionLog, seen: Callable[..., None]
) -> None:
    seen(DAYS * 2, -400)
    for sql in (
        f"{EMPTY} WHERE number = 2",
        f"{EMPTY}, at = '' WHERE number = 1",
        "UPDATE accesses SET name = 'nobody' WHERE number = 1",
        "DELETE FROM accesses WHERE number = 1",
    ):
        with pytest.raises(DecisionLogError), log.writing() as connection:
            connection.exec_driver_sql(sql)
    assert len(subjects(log)) == 2


def test_an_access_that_was_erased_within_its_retention_is_found(
    url: str, log: DecisionLog, seen: Callable[..., None], unguarded: Unguarded
) -> None:
    seen(DAYS + 1, 5, 1)
    with unguarded(url) as connection:
        connection.execute(text(f"{EMPTY} WHERE number < 3"))
    report = log.verify_accesses(was_due=was_due)
    assert (report.first_bad_seq, report.what) == (2, "the access was erased within its retention")


def test_what_was_due_under_an_older_rule_was_erased_in_time(tmp_path: Path) -> None:
    rule = '[[{}]]\nin_force_from = {}\ndays = {}\nsource = "x"\n'
    rules = [("decisions", "2020-01-01", 1096), ("accesses", "2020-01-01", 200), ("accesses", "2026-01-01", 1096)]
    (tmp_path / "retention.toml").write_text("".join(rule.format(*each) for each in rules))
    retention = load_retention(tmp_path)
    assert [retention.days_of_accesses_at(datetime(year, 6, 1, tzinfo=UTC)) for year in (2025, 2026)] == [200, 1096]
    before = datetime(2026, 1, 1, tzinfo=UTC)
    assert retention.access_was_due(before - timedelta(days=201), now=TODAY)
    assert not retention.access_was_due(before - timedelta(days=199), now=TODAY)


def test_without_a_rule_of_their_own_accesses_are_kept_as_long_as_decisions(tmp_path: Path) -> None:
    (tmp_path / "retention.toml").write_text('[[decisions]]\nin_force_from = 2020-01-01\ndays = 300\nsource = "x"\n')
    retention = load_retention(tmp_path)
    assert retention.days_of_accesses_at(TODAY) == retention.days_at(TODAY) == 300


def test_accesses_of_an_older_program_are_chained_when_its_store_is_brought_up_to_date(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as older:
        older.setattr(store, "HEAD", "0004")
        DecisionLog(url).close()
    parsed = make_url(url)
    engine = create_engine(parsed.set(drivername={"postgresql": "postgresql+psycopg"}.get(parsed.drivername, "sqlite")))
    with engine.begin() as connection:
        for number, subject in ((1, "a"), (4, "b")):  # a database leaves gaps where a transaction failed
            values = {"number": number, "at": sortable(TODAY), "subject": subject}
            connection.execute(
                text("INSERT INTO accesses VALUES (:number, :at, 'li.wei', 'reviewer', 'case', :subject)"), values
            )
    engine.dispose()
    with DecisionLog(url) as log:
        Accesses(log).record(LI, "case", "c", at=TODAY)
        report = log.verify_accesses()
        assert (report.ok, report.rows, report.last_seq) == (True, 3, 5)
        assert subjects(log) == ["c", "b", "a"]


def test_many_accesses_wait_as_many_decisions_do() -> None:
    assert AccessAppend([{}] * 7).weight == 7
