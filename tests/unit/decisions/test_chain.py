"""No row of the chain changes, vanishes or moves unseen, even by someone who drops the triggers."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from linerisk.decisions.chain import GENESIS, Anchor, digest, link
from linerisk.decisions.log import DecisionLog
from linerisk.decisions.record import DecisionRecord

MakeRecords = Callable[..., list[DecisionRecord]]

TRIGGERS = "SELECT name FROM sqlite_master WHERE type = 'trigger'"


@pytest.fixture
def file(tmp_path: Path, make_records: MakeRecords) -> Path:
    """A log of ten requests of one decision each."""
    path = tmp_path / "decisions.db"
    with DecisionLog(f"sqlite:///{path}") as log:
        for i in range(10):
            log.append("suspension", f"r-{i}", "body", make_records(f"r-{i}"))
    return path


@contextmanager
def tampering(file: Path) -> Iterator[sqlite3.Connection]:
    """A connection of someone who owns the file and has dropped the triggers."""
    with closing(sqlite3.connect(file)) as connection:
        for (name,) in connection.execute(TRIGGERS).fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        yield connection
        connection.commit()


def verify(file: Path, anchor: Anchor | None = None) -> tuple[bool, int | None, str]:
    with DecisionLog(f"sqlite:///{file}", create=False) as log:
        report = log.verify(anchor)
    assert report.ok == (report.first_bad_seq is None)
    return report.ok, report.first_bad_seq, report.what


def anchor_of(file: Path) -> Anchor:
    with DecisionLog(f"sqlite:///{file}", create=False) as log:
        return log.anchor()


def test_an_untouched_log_stands(file: Path) -> None:
    assert verify(file) == (True, None, "")
    assert verify(file, anchor_of(file)) == (True, None, "")


def test_the_formula_of_the_chain_never_changes_because_old_logs_must_verify() -> None:
    first = link(GENESIS, digest(b'{"line_id":"a"}'), 1)
    assert GENESIS == "ba0b2b2627e00a9179823bd4b4ab7f719fb1444d493a5d9e6569ca01a5ec6e0c"
    assert first == "35bb3cbedc2ac161a1c98480c797d5784d9627e9fe178c12cc7ad44223059d32"
    assert (
        link(first, digest(b'{"line_id":"a"}'), 2) == "648a771795e5e35f209f7b16a63f43834078175a38386dd92f7f49b66d1864a4"
    )
    assert link(GENESIS, digest(b'{"line_id":"a"}'), 2) != first


def test_an_empty_log_stands_and_its_anchor_is_the_genesis(log: DecisionLog) -> None:
    assert log.anchor() == (0, GENESIS)
    assert log.verify((0, GENESIS)).ok


def test_an_old_anchor_stays_good_as_the_log_grows(file: Path, make_records: MakeRecords) -> None:
    old = anchor_of(file)
    with DecisionLog(f"sqlite:///{file}") as log:
        log.append("suspension", "later", "body", make_records("later"))
        assert log.verify(old).ok


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE decisions SET tier = 'normal' WHERE seq = 3",
        "UPDATE requests SET body_hash = 'x'",
        "DELETE FROM decisions WHERE seq = 10",
        "DELETE FROM requests",
        "INSERT OR REPLACE INTO decisions SELECT * FROM decisions WHERE seq = 3",
        "INSERT OR REPLACE INTO requests SELECT * FROM requests",
    ],
)
def test_the_database_itself_refuses_to_change_or_remove(file: Path, statement: str) -> None:
    with closing(sqlite3.connect(file)) as connection, pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute(statement)
    assert verify(file)[0]


@pytest.mark.parametrize("seq", [1, 5, 10])
def test_a_changed_record_is_found(file: Path, seq: int) -> None:
    with tampering(file) as connection:
        connection.execute("UPDATE decisions SET record = replace(record, '-3.91', '-3.92') WHERE seq = ?", (seq,))
    assert verify(file) == (False, seq, "the record was changed")


def test_a_changed_record_with_its_digest_made_to_fit_is_found(file: Path) -> None:
    with tampering(file) as connection:
        record = (
            connection.execute("SELECT record FROM decisions WHERE seq = 5").fetchone()[0].replace("-3.91", "-3.92")
        )
        connection.execute(
            "UPDATE decisions SET record = ?, digest = ? WHERE seq = 5", (record, digest(record.encode()))
        )
    assert verify(file) == (False, 5, "the hash is not that of the row")


def test_a_changed_record_with_its_hash_made_to_fit_is_found_at_the_next_row(file: Path) -> None:
    with tampering(file) as connection:
        record, before = connection.execute("SELECT record, prev_hash FROM decisions WHERE seq = 5").fetchone()
        record = record.replace("-3.91", "-3.92")
        new = digest(record.encode())
        connection.execute(
            "UPDATE decisions SET record = ?, digest = ?, hash = ? WHERE seq = 5", (record, new, link(before, new, 5))
        )
    assert verify(file) == (False, 6, "the row does not follow the one before it")


@pytest.mark.parametrize("column", ["decision_id", "request_id", "line_id", "as_of", "scored_at", "tier"])
def test_a_column_that_says_other_than_its_record_is_found(file: Path, column: str) -> None:
    with tampering(file) as connection:
        connection.execute(f"UPDATE decisions SET {column} = 'x' WHERE seq = 5")  # noqa: S608  # our own columns
    assert verify(file) == (False, 5, "the columns do not say what the record says")


@pytest.mark.parametrize("seq", [1, 5, 9])
def test_a_removed_row_is_found(file: Path, seq: int) -> None:
    with tampering(file) as connection:
        connection.execute("DELETE FROM decisions WHERE seq = ?", (seq,))
    assert verify(file) == (False, seq, "a row is missing")


def test_a_removed_row_whose_gap_was_closed_is_found(file: Path) -> None:
    with tampering(file) as connection:
        connection.execute("DELETE FROM decisions WHERE seq = 5")
        connection.execute("UPDATE decisions SET seq = seq - 1 WHERE seq > 5")
    assert verify(file) == (False, 5, "the row does not follow the one before it")


def test_two_swapped_rows_are_found(file: Path) -> None:
    with tampering(file) as connection:
        connection.execute("UPDATE decisions SET seq = -4 WHERE seq = 4")
        connection.execute("UPDATE decisions SET seq = 4 WHERE seq = 7")
        connection.execute("UPDATE decisions SET seq = 7 WHERE seq = -4")
    assert verify(file) == (False, 4, "the row does not follow the one before it")


def test_two_swapped_rows_with_their_links_left_in_place_are_found(file: Path) -> None:
    with tampering(file) as connection:
        read = "SELECT decision_id, request_id, line_id, record, digest FROM decisions WHERE seq = ?"
        write = (
            "UPDATE decisions SET (decision_id, request_id, line_id, record, digest) = (?, ?, ?, ?, ?) WHERE seq = ?"
        )
        kept = {seq: connection.execute(read, (seq,)).fetchone() for seq in (4, 7)}
        connection.execute("UPDATE decisions SET decision_id = 'x' WHERE seq = 7")
        connection.execute(write, (*kept[7], 4))
        connection.execute(write, (*kept[4], 7))
    assert verify(file) == (False, 4, "the hash is not that of the row")


def test_a_tail_cut_off_is_found_by_the_requests_that_it_answered(file: Path) -> None:
    with tampering(file) as connection:
        connection.execute("DELETE FROM decisions WHERE seq > 8")
    assert verify(file) == (False, 9, "the log ends at 8, but reached 10 before")


def test_a_tail_cut_off_with_its_requests_is_found_by_an_anchor_only(file: Path) -> None:
    anchor = anchor_of(file)
    with tampering(file) as connection:
        connection.execute("DELETE FROM decisions WHERE seq > 8")
        connection.execute("DELETE FROM requests WHERE last_seq > 8")
    assert verify(file) == (True, None, "")
    assert verify(file, anchor) == (False, 9, "the log ends at 8, but reached 10 before")


def test_a_chain_forged_from_some_row_on_is_found_by_an_anchor_only(file: Path) -> None:
    anchor = anchor_of(file)
    with tampering(file) as connection:
        before = connection.execute("SELECT hash FROM decisions WHERE seq = 4").fetchone()[0]
        for seq in range(5, 11):
            record = connection.execute("SELECT record FROM decisions WHERE seq = ?", (seq,)).fetchone()[0]
            forged = record.replace("-3.91", "-3.92")
            now = link(before, digest(forged.encode()), seq)
            connection.execute(
                "UPDATE decisions SET record = ?, digest = ?, prev_hash = ?, hash = ? WHERE seq = ?",
                (forged, digest(forged.encode()), before, now, seq),
            )
            before = now
    assert verify(file) == (True, None, "")
    assert verify(file, anchor) == (False, 10, "the row is not the one that was anchored")


@pytest.mark.parametrize("seq", [1, 5, 10])
def test_a_removed_request_is_found(file: Path, seq: int) -> None:
    with tampering(file) as connection:
        connection.execute("DELETE FROM requests WHERE first_seq = ?", (seq,))
    assert verify(file) == (False, seq, "the request of the row is missing")
