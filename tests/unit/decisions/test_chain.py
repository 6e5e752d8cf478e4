"""No row of the chain changes, vanishes or moves unseen, even by someone who drops the triggers."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, make_url, text
from sqlalchemy.exc import IntegrityError

from linerisk.decisions.anchors import Anchor
from linerisk.decisions.chain import GENESIS, digest, link
from linerisk.decisions.log import DecisionLog
from linerisk.decisions.record import DecisionRecord

MakeRecords = Callable[..., list[DecisionRecord]]
Unguarded = Callable[[str], Any]

NOON = datetime(2024, 7, 1, 12, tzinfo=UTC)


@pytest.fixture
def filled(url: str, make_records: MakeRecords) -> str:
    """A log of ten requests of one decision each."""
    with DecisionLog(url) as log:
        for i in range(10):
            log.append("suspension", f"r-{i}", "body", make_records(f"r-{i}"))
    return url


def verify(url: str, *anchors: Anchor) -> tuple[bool, int | None, str]:
    with DecisionLog(url, create=False) as log:
        report = log.verify(anchors)
    assert report.ok == (report.first_bad_seq is None)
    return report.ok, report.first_bad_seq, report.what


def anchor_of(url: str) -> Anchor:
    with DecisionLog(url, create=False) as log:
        return log.anchor()


def value(connection: Connection, column: str, seq: int) -> Any:
    return connection.execute(text(f"SELECT {column} FROM decisions WHERE seq = {seq}")).scalar_one()  # noqa: S608


def change(connection: Connection, at: int, /, **columns: object) -> None:
    changes = ", ".join(f"{column} = :{column}" for column in columns)
    connection.execute(text(f"UPDATE decisions SET {changes} WHERE seq = {at}"), columns)  # noqa: S608  # our columns


def test_an_untouched_log_stands(filled: str) -> None:
    assert verify(filled) == (True, None, "")
    assert verify(filled, anchor_of(filled)) == (True, None, "")


def test_the_formula_of_the_chain_never_changes_because_old_logs_must_verify() -> None:
    first = link(GENESIS, digest(b'{"line_id":"a"}'), 1)
    assert GENESIS == "ba0b2b2627e00a9179823bd4b4ab7f719fb1444d493a5d9e6569ca01a5ec6e0c"
    assert first == "35bb3cbedc2ac161a1c98480c797d5784d9627e9fe178c12cc7ad44223059d32"
    assert (
        link(first, digest(b'{"line_id":"a"}'), 2) == "648a771795e5e35f209f7b16a63f43834078175a38386dd92f7f49b66d1864a4"
    )
    assert link(GENESIS, digest(b'{"line_id":"a"}'), 2) != first


def test_an_empty_log_stands_and_its_anchor_is_the_genesis(log: DecisionLog) -> None:
    anchor = log.anchor()
    assert (anchor.seq, anchor.hash) == (0, GENESIS)
    assert log.verify([anchor]).ok
    assert not log.verify([Anchor(0, "0" * 64, NOON)]).ok


def test_an_old_anchor_stays_good_as_the_log_grows(filled: str, make_records: MakeRecords) -> None:
    old = anchor_of(filled)
    with DecisionLog(filled) as log:
        log.append("suspension", "later", "body", make_records("later"))
        assert log.verify([old]).ok


EVERYWHERE = (
    "UPDATE decisions SET tier = 'normal' WHERE seq = 3",
    "UPDATE decisions SET erasure = 1 WHERE seq = 3",
    "UPDATE decisions SET record = '' WHERE seq = 3",
    "UPDATE requests SET body_hash = 'x'",
    "UPDATE requests SET erasure = 1",
    "DELETE FROM decisions WHERE seq = 10",
    "DELETE FROM requests",
)


@pytest.mark.parametrize(
    ("kind", "statement"),
    [
        *(("sqlite", statement) for statement in EVERYWHERE),
        ("sqlite", "INSERT OR REPLACE INTO decisions SELECT * FROM decisions WHERE seq = 3"),
        ("sqlite", "INSERT OR REPLACE INTO requests SELECT * FROM requests"),
        *(("postgresql", statement) for statement in EVERYWHERE),
        ("postgresql", "TRUNCATE decisions"),
        ("postgresql", "TRUNCATE requests"),
        (
            "postgresql",
            "INSERT INTO decisions SELECT * FROM decisions WHERE seq = 3 ON CONFLICT (seq) DO UPDATE SET tier = 'x'",
        ),
    ],
)
def test_the_database_itself_refuses_to_change_or_remove(
    request: pytest.FixtureRequest, make_records: MakeRecords, kind: str, statement: str
) -> None:
    url = request.getfixturevalue(f"{kind}_url")
    with DecisionLog(url) as log:
        for i in range(10):
            log.append("suspension", f"r-{i}", "body", make_records(f"r-{i}"))
    engine = create_engine(make_url(url.replace("postgresql:", "postgresql+psycopg:")))
    with pytest.raises(IntegrityError, match="append-only"), engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()
    assert verify(url)[0]


@pytest.mark.parametrize("seq", [1, 5, 10])
def test_a_changed_record_is_found(filled: str, unguarded: Unguarded, seq: int) -> None:
    with unguarded(filled) as connection:
        change(connection, seq, record=value(connection, "record", seq).replace("-3.91", "-3.92"))
    assert verify(filled) == (False, seq, "the record was changed")


def test_a_changed_record_with_its_digest_made_to_fit_is_found(filled: str, unguarded: Unguarded) -> None:
    with unguarded(filled) as connection:
        record = value(connection, "record", 5).replace("-3.91", "-3.92")
        change(connection, 5, record=record, digest=digest(record.encode()))
    assert verify(filled) == (False, 5, "the hash is not that of the row")


def test_a_changed_record_with_its_hash_made_to_fit_is_found_at_the_next_row(filled: str, unguarded: Unguarded) -> None:
    with unguarded(filled) as connection:
        record = value(connection, "record", 5).replace("-3.91", "-3.92")
        new = digest(record.encode())
        change(connection, 5, record=record, digest=new, hash=link(value(connection, "prev_hash", 5), new, 5))
    assert verify(filled) == (False, 6, "the row does not follow the one before it")


@pytest.mark.parametrize("column", ["decision_id", "request_id", "line_id", "as_of", "scored_at", "tier"])
def test_a_column_that_says_other_than_its_record_is_found(filled: str, unguarded: Unguarded, column: str) -> None:
    with unguarded(filled) as connection:
        change(connection, 5, **{column: "x"})
    assert verify(filled) == (False, 5, "the columns do not say what the record says")


@pytest.mark.parametrize("seq", [1, 5, 9])
def test_a_removed_row_is_found(filled: str, unguarded: Unguarded, seq: int) -> None:
    with unguarded(filled) as connection:
        connection.execute(text(f"DELETE FROM decisions WHERE seq = {seq}"))  # noqa: S608
    assert verify(filled) == (False, seq, "a row is missing")


def test_a_removed_row_whose_gap_was_closed_is_found(filled: str, unguarded: Unguarded) -> None:
    with unguarded(filled) as connection:
        connection.execute(text("DELETE FROM decisions WHERE seq = 5"))
        for seq in range(6, 11):
            change(connection, seq, seq=seq - 1)
    assert verify(filled) == (False, 5, "the row does not follow the one before it")


def test_two_swapped_rows_are_found(filled: str, unguarded: Unguarded) -> None:
    with unguarded(filled) as connection:
        change(connection, 4, seq=-4)
        change(connection, 7, seq=4)
        change(connection, -4, seq=7)
    assert verify(filled) == (False, 4, "the row does not follow the one before it")


def test_two_swapped_rows_with_their_links_left_in_place_are_found(filled: str, unguarded: Unguarded) -> None:
    with unguarded(filled) as connection:
        columns = ("decision_id", "request_id", "line_id", "record", "digest")
        kept = {seq: {column: value(connection, column, seq) for column in columns} for seq in (4, 7)}
        change(connection, 7, decision_id="x")
        change(connection, 4, **kept[7])
        change(connection, 7, **kept[4])
    assert verify(filled) == (False, 4, "the hash is not that of the row")


def test_a_tail_cut_off_is_found_by_the_requests_that_it_answered(filled: str, unguarded: Unguarded) -> None:
    with unguarded(filled) as connection:
        connection.execute(text("DELETE FROM decisions WHERE seq > 8"))
    assert verify(filled) == (False, 9, "the log ends at 8, but reached 10 before")


def test_a_tail_cut_off_with_its_requests_is_found_by_an_anchor_only(filled: str, unguarded: Unguarded) -> None:
    anchor = anchor_of(filled)
    with unguarded(filled) as connection:
        connection.execute(text("DELETE FROM decisions WHERE seq > 8"))
        connection.execute(text("DELETE FROM requests WHERE last_seq > 8"))
    assert verify(filled) == (True, None, "")
    assert verify(filled, anchor) == (False, 9, "the log ends at 8, but reached 10 before")


def test_a_chain_forged_from_some_row_on_is_found_by_an_anchor_only(filled: str, unguarded: Unguarded) -> None:
    anchor = anchor_of(filled)
    with unguarded(filled) as connection:
        before = value(connection, "hash", 4)
        for seq in range(5, 11):
            forged = value(connection, "record", seq).replace("-3.91", "-3.92")
            now = link(before, digest(forged.encode()), seq)
            change(connection, seq, record=forged, digest=digest(forged.encode()), prev_hash=before, hash=now)
            before = now
    assert verify(filled) == (True, None, "")
    assert verify(filled, anchor) == (False, 10, "the row is not the one that was anchored")


@pytest.mark.parametrize("seq", [1, 5, 10])
def test_a_removed_request_is_found(filled: str, unguarded: Unguarded, seq: int) -> None:
    with unguarded(filled) as connection:
        connection.execute(text(f"DELETE FROM requests WHERE first_seq = {seq}"))  # noqa: S608
    assert verify(filled) == (False, seq, "the request of the row is missing")
