"""What is past its retention is erased and nothing else is, and the chain shows both."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import IntegrityError

from linerisk import as_of
from linerisk.decisions import chain, erasure, verify
from linerisk.decisions.anchors import Anchor
from linerisk.decisions.erasure import erased_name, remains_of
from linerisk.decisions.errors import ConflictError
from linerisk.decisions.ids import decision_ids
from linerisk.decisions.log import DecisionLog
from linerisk.decisions.record import DecisionRecord
from linerisk.decisions.schema import sortable

MakeRecords = Callable[..., list[DecisionRecord]]
Owner = Callable[[], Any]
Record = Callable[..., DecisionRecord]

TODAY = datetime(2026, 7, 1, tzinfo=UTC)
DAYS = 365
PROBLEM = {"line_id": "line-9", "code": "unknown_line", "message": "no such line in the snapshot"}


def days_ago(days: float) -> datetime:
    return TODAY - timedelta(days=days)


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Sets the clock."""

    def set_clock(instant: datetime) -> None:
        monkeypatch.setattr(as_of, "now", lambda: instant)

    set_clock(TODAY)
    return set_clock


@pytest.fixture
def record(log: DecisionLog, make_records: MakeRecords, at: Callable[[datetime], None]) -> Record:
    """Records a request of so many decisions, scored so many days ago; gives its first decision."""

    def append(request_id: str, days: float, count: int = 1, problems: tuple[dict[str, str], ...] = ()) -> Any:
        scored_at = days_ago(days)
        at(scored_at)
        records = make_records(request_id, count, scored_at=scored_at) if count else []
        log.append("suspension", request_id, "body", records, problems)
        at(TODAY)
        return records[0] if records else None

    return append


@pytest.fixture
def owner(url: str, unguarded: Callable[[str], Any]) -> Owner:
    """Opens the store of this test as somebody whom no trigger stops."""
    return lambda: unguarded(url)


def columns(url: str, table: str) -> list[dict[str, Any]]:
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection:
        rows = connection.execute(text(f"SELECT * FROM {table}"))  # noqa: S608  # our own tables
        found = [dict(row._mapping) for row in rows]
    engine.dispose()
    return found


def verified(log: DecisionLog, *anchors: Anchor, days: int = DAYS) -> tuple[int | None, str]:
    report = log.verify(anchors, days_at=lambda _: days)
    assert report.ok == (report.first_bad_seq is None)
    return report.first_bad_seq, report.what


def test_what_is_older_is_erased_and_what_is_younger_stands(log: DecisionLog, record: Record) -> None:
    old, young = record("old", DAYS + 1, 3), record("young", DAYS - 1, 2)
    expired = log.expire(days=DAYS)
    assert (expired.requests, expired.decisions, expired.scored_before) == (1, 3, days_ago(DAYS))
    assert log.get(old.decision_id) is None
    assert log.get(young.decision_id) == young
    assert [each.decision_id for each in log.by_line("line-0")] == [young.decision_id]
    report = log.verify()
    assert (report.ok, report.rows, report.erased, report.last_seq) == (True, 5, 3, 6)
    assert log.count() == 5


def test_a_dry_run_counts_and_changes_nothing(url: str, log: DecisionLog, record: Record) -> None:
    record("old", DAYS + 1, 3)
    record("problems", DAYS + 1, 0, (PROBLEM,))
    before = log.anchor()
    expired = log.expire(days=DAYS, dry_run=True)
    assert (expired.requests, expired.decisions) == (2, 3)
    assert log.anchor() == before
    assert columns(url, "erasures") == []


def test_nothing_due_leaves_no_trace(url: str, log: DecisionLog, record: Record) -> None:
    record("young", 1)
    assert log.expire(days=DAYS).decisions == 0
    assert columns(url, "erasures") == []


def test_of_what_was_erased_no_line_request_or_tier_remains(url: str, log: DecisionLog, record: Record) -> None:
    old = record("old", DAYS + 1, 1, (PROBLEM,))
    [stood] = columns(url, "decisions")
    log.expire(days=DAYS)
    [row] = columns(url, "decisions")
    kept = {"seq", "decision_id", "scored_at", "digest", "prev_hash", "hash"}
    assert {name for name, value in row.items() if value == stood[name]} == kept
    assert {name for name, value in row.items() if value == ""} == {"request_id", "line_id", "as_of", "tier", "record"}
    [request] = columns(url, "requests")
    assert (request["request_id"], request["body_hash"], request["problems"]) == (
        erased_name("suspension", "old"), "", "[]",
    )  # fmt: skip
    assert old.line_id not in str(request)


def test_a_request_without_a_decision_loses_its_problems_too(url: str, log: DecisionLog, record: Record) -> None:
    record("problems", DAYS + 1, 0, (PROBLEM,))
    record("young", 1, 0, (PROBLEM,))
    assert log.expire(days=DAYS).requests == 1
    assert sorted(row["problems"].count("line-9") for row in columns(url, "requests")) == [0, 1]
    assert verified(log) == (None, "")


def test_the_files_of_a_store_hold_nothing_that_was_erased(
    sqlite_url: str, tmp_path: Path, make_records: MakeRecords, at: Callable[[datetime], None]
) -> None:
    def bytes_on_disk() -> bytes:
        return b"".join(file.read_bytes() for file in tmp_path.glob("decisions.db*"))

    with DecisionLog(sqlite_url) as log:
        at(days_ago(DAYS + 1))
        lines = [f"13812345{i:03d}" for i in range(40)]
        for line in lines:
            [made] = make_records(line, scored_at=days_ago(DAYS + 1))
            renamed = type(made).from_json(made.to_json().replace(b"line-0", line.encode()))
            log.append("suspension", line, "body", [renamed], [{**PROBLEM, "line_id": line}])
        assert all(line.encode() in bytes_on_disk() for line in lines)
        at(TODAY)
        log.expire(days=DAYS)
        assert not any(line.encode() in bytes_on_disk() for line in lines)


def test_a_request_whose_answer_was_erased_is_refused_and_nothing_new_is_decided(
    log: DecisionLog, record: Record, make_records: MakeRecords
) -> None:
    record("old", DAYS + 1)
    log.expire(days=DAYS)
    for body in ("body", "other body"):
        with pytest.raises(ConflictError, match="erased") as caught:
            log.append("suspension", "old", body, make_records("old"))
        assert (caught.value.code, caught.value.field) == ("conflict", "request_id")
    with pytest.raises(ConflictError, match="erased"):
        log.find("suspension", "old")
    assert log.count() == 1
    assert not log.append("notices", "old", "body", make_records("old", scored_by="notices")).repeated
    assert not log.append("suspension", "new", "body", make_records("new")).repeated


def test_erasing_again_goes_on_where_it_ended_and_decisions_go_on_after_it(log: DecisionLog, record: Record) -> None:
    for i in range(6):
        record(f"r-{i}", DAYS + 10 - i, 2)
    assert log.expire(days=DAYS + 8).decisions == 4
    record("between", DAYS - 2)
    assert log.expire(days=DAYS + 8).decisions == 0
    assert log.expire(days=DAYS).decisions == 8
    record("after", 0, 3)
    report = log.verify()
    assert (report.ok, report.rows, report.erased) == (True, 16, 12)


def test_a_long_backlog_is_erased_in_many_short_transactions(
    url: str, log: DecisionLog, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, "_MOST_DECISIONS", 7)
    for i in range(10):
        record(f"r-{i}", DAYS + 1, 3)
    assert log.expire(days=DAYS).decisions == 30
    assert [row["last_seq"] - row["first_seq"] + 1 for row in columns(url, "erasures")] == [6] * 5
    assert verified(log) == (None, "")


def test_a_decision_scored_by_a_clock_that_ran_behind_is_kept_as_long_as_its_neighbours(
    log: DecisionLog, record: Record
) -> None:
    record("young", 10)
    behind = record("behind", 9_000)
    assert log.expire(days=DAYS).decisions == 0
    assert log.get(behind.decision_id) == behind
    assert verified(log) == (None, "")


def test_a_decision_scored_by_a_clock_that_ran_ahead_is_kept_and_holds_nothing_back(
    log: DecisionLog, record: Record
) -> None:
    ahead = record("ahead", -9_000)
    old = record("old", DAYS + 1)
    assert log.expire(days=DAYS).decisions == 1
    assert (log.get(ahead.decision_id), log.get(old.decision_id)) == (ahead, None)
    assert verified(log) == (None, "")


def test_ids_and_the_chain_hold_while_the_clock_jumps_back(log: DecisionLog, record: Record) -> None:
    told = [record(f"r-{i}", days, 2) for i, days in enumerate((5, 4, 900, 4, 3, 0))]
    assert decision_ids(days_ago(900), 1)[0] < told[0].decision_id
    assert len({each.decision_id for each in told}) == 6
    assert all(log.get(each.decision_id) == each for each in told)
    # Newest is what was recorded last, whatever its clock said.
    assert [each.request_id for each in log.by_line("line-0")] == [f"r-{i}" for i in reversed(range(6))]
    page = log.by_line("line-0", limit=2, before=told[3].decision_id)
    assert [each.request_id for each in page] == ["r-2", "r-1"]
    assert verified(log, log.anchor()) == (None, "")


# --- what the database refuses ---------------------------------------------------------------------------------------

ERASE = "UPDATE decisions SET record = '', line_id = '', request_id = '', as_of = '', tier = '', erasure = {} WHERE {}"


@pytest.mark.parametrize(
    "statement",
    [
        ERASE.format(4, "seq = 3"),
        ERASE.format(4, "seq = 1"),
        ERASE.format("NULL", "seq = 3"),
        ERASE.format(99, "seq = 3"),
        ERASE.format(4, "seq = 3").replace("record = ''", "record = '{}'"),
        "UPDATE decisions SET erasure = NULL WHERE seq = 1",
        "UPDATE decisions SET record = 'x' WHERE seq = 1",
        "UPDATE decisions SET digest = 'x' WHERE seq = 1",
        "UPDATE requests SET erasure = NULL WHERE first_seq = 1",
        "UPDATE requests SET request_id = 'erased:', body_hash = '', problems = '[]', erasure = 4 WHERE first_seq = 3",
        "UPDATE erasures SET days = 1",
        "DELETE FROM erasures",
    ],
)
def test_the_database_lets_nothing_be_erased_but_what_an_erasure_names(
    url: str, log: DecisionLog, record: Record, statement: str
) -> None:
    record("old", DAYS + 1, 2)
    record("young", 1)
    log.expire(days=DAYS)
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with pytest.raises(IntegrityError, match="append-only"), engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()
    assert verified(log) == (None, "")


# --- what the chain shows --------------------------------------------------------------------------------------------


def change(connection: Connection, table: str, at: int, /, **changed: object) -> None:
    changes = ", ".join(f"{column} = :{column}" for column in changed)
    connection.execute(text(f"UPDATE {table} SET {changes} WHERE seq = {at}"), changed)  # noqa: S608  # our columns


def forge_erasure(connection: Connection, seq: int, first: int, last: int, **said: Any) -> None:
    """Erases by hand and writes a perfect erasure for it at the end of the chain."""
    where = f"seq BETWEEN {first} AND {last}"
    rows = connection.execute(text(f"SELECT * FROM decisions WHERE {where} ORDER BY seq")).all()  # noqa: S608
    previous = connection.execute(text(f"SELECT hash FROM decisions WHERE seq = {seq - 1}")).scalar_one()  # noqa: S608
    row = {
        "seq": seq,
        "erased_at": sortable(TODAY),
        "scored_before": sortable(days_ago(DAYS)),
        "days": DAYS,
        "first_seq": first,
        "last_seq": last,
        "remains": remains_of(rows).hexdigest(),
        **said,
    }
    row["digest"] = chain.digest_of_erasure(row)
    row |= {"prev_hash": previous, "hash": chain.link(previous, row["digest"], seq)}
    names = ", ".join(row)
    values = ", ".join(f":{name}" for name in row)
    connection.execute(text(f"INSERT INTO erasures ({names}) VALUES ({values})"), row)  # noqa: S608
    connection.execute(text(ERASE.format(seq, where)))
    connection.execute(
        text(
            "UPDATE requests SET request_id = 'erased:' || first_seq, body_hash = '', problems = '[]', "
            "erasure = :seq WHERE first_seq BETWEEN :first AND :last"
        ),
        {"seq": seq, "first": first, "last": last},
    )


@pytest.mark.parametrize(
    "case",
    [
        (2, {"digest": "0" * 64}, "the hash is not that of the row"),
        (2, {"hash": "0" * 64}, "the hash is not that of the row"),
        (2, {"prev_hash": "0" * 64}, "the row does not follow the one before it"),
        (2, {"erasure": None}, "the record was changed"),
        (2, {"erasure": 3}, "the row was erased, and no erasure names it"),
        (2, {"tier": "normal"}, "the row was erased, and says something"),
        (2, {"record": "{}"}, "the row was erased, and says something"),
        (2, {"scored_at": sortable(TODAY)}, "the row was erased within its retention"),
        (4, {"erasure": 5}, "the row was erased, and no erasure names it"),
    ],
)
def test_a_changed_row_is_found_where_it_is(
    log: DecisionLog, record: Record, owner: Owner, case: tuple[int, dict[str, Any], str]
) -> None:
    seq, changed, what = case
    record("old", DAYS + 1, 3)
    record("young", 1)
    log.expire(days=DAYS)
    with owner() as connection:
        change(connection, "decisions", seq, **changed)
    assert verified(log) == (seq, what)


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"days": 1}, "the erasure was changed"),
        ({"remains": "0" * 64}, "the erasure was changed"),
        ({"digest": "0" * 64}, "the erasure was changed"),
        ({"hash": "0" * 64}, "the hash is not that of the row"),
    ],
)
def test_a_changed_erasure_is_found(
    log: DecisionLog, record: Record, owner: Owner, changed: dict[str, Any], what: str
) -> None:
    record("old", DAYS + 1, 3)
    log.expire(days=DAYS)
    with owner() as connection:
        change(connection, "erasures", 4, **changed)
    assert verified(log) == (4, what)


@pytest.mark.parametrize("column", ["decision_id", "scored_at"])
def test_a_change_of_what_remains_is_found_at_the_erasure(
    log: DecisionLog, record: Record, owner: Owner, column: str
) -> None:
    record("old", DAYS + 1, 3)
    log.expire(days=DAYS)
    with owner() as connection:
        change(connection, "decisions", 2, **{column: "2000"})
    assert verified(log) == (4, "the erased rows are not those that the erasure names")


def test_an_erasure_that_was_taken_away_is_found(log: DecisionLog, record: Record, owner: Owner) -> None:
    record("old", DAYS + 1, 3)
    log.expire(days=DAYS)
    record("young", 1)
    with owner() as connection:
        connection.execute(text("DELETE FROM erasures"))
    assert verified(log) == (1, "the row was erased, and no erasure names it")


def test_a_row_put_back_is_found(url: str, log: DecisionLog, record: Record, owner: Owner) -> None:
    record("old", DAYS + 1, 3)
    stood = columns(url, "decisions")[1]
    log.expire(days=DAYS)
    with owner() as connection:
        change(connection, "decisions", 2, **stood)
    assert verified(log) == (2, "an erasure names the row, and it stands")


def test_a_young_row_erased_by_hand_is_found(log: DecisionLog, record: Record, owner: Owner) -> None:
    for i in range(5):
        record(f"r-{i}", 50 - i)
    with owner() as connection:
        connection.execute(text(ERASE.format("NULL", "seq = 3")))
    assert verified(log) == (3, "the record was changed")


def test_a_young_row_erased_with_a_perfect_erasure_that_tells_its_age_is_found(
    log: DecisionLog, record: Record, owner: Owner
) -> None:
    for i in range(5):
        record(f"r-{i}", 50 - i)
    with owner() as connection:
        forge_erasure(connection, 6, 1, 3, days=1, scored_before=sortable(days_ago(1)))
    assert verified(log) == (6, "the erasure took what was not 365 days old")


def test_a_young_row_erased_with_a_false_age_is_shown_by_the_rows_before_it(
    log: DecisionLog, record: Record, owner: Owner
) -> None:
    for i in range(5):
        record(f"r-{i}", 50 - i)
    with owner() as connection:
        change(connection, "decisions", 3, scored_at=sortable(days_ago(DAYS + 1)))
        forge_erasure(connection, 6, 3, 3)
    assert verified(log) == (1, "rows recorded after this one were erased while it was within its retention")


def test_young_rows_erased_with_all_before_them_are_shown_by_an_anchor_only(
    log: DecisionLog, record: Record, at: Callable[[datetime], None], owner: Owner
) -> None:
    record("first", 50)
    at(days_ago(49))
    anchor = log.anchor()
    at(TODAY)
    for i in range(4):
        record(f"r-{i}", 48 - i)
    with owner() as connection:
        for seq in (1, 2, 3):
            change(connection, "decisions", seq, scored_at=sortable(days_ago(DAYS + 1)))
        forge_erasure(connection, 6, 1, 3)
    assert verified(log) == (None, "")
    what = "the row was erased within its retention: an anchor shows when it was not yet there"
    assert verified(log, anchor) == (2, what)


@pytest.mark.parametrize(
    ("said", "what"),
    [
        ({"erased_at": sortable(days_ago(-1)), "scored_before": sortable(days_ago(DAYS - 1))},
         "the erasure is dated in the future"),
        ({"erased_at": "soon"}, "the erasure says no time that a retention rule covers"),
        ({"scored_before": sortable(days_ago(DAYS - 1))}, "the erasure took what was not 365 days old"),
        ({"remains": remains_of(()).hexdigest()}, "the erased rows are not those that the erasure names"),
    ],
)  # fmt: skip
def test_an_erasure_that_could_not_have_been_is_found(
    log: DecisionLog, record: Record, owner: Owner, said: dict[str, Any], what: str
) -> None:
    record("old", DAYS + 1, 2)
    with owner() as connection:
        forge_erasure(connection, 3, 1, 2, **said)
    assert verified(log) == (3, what)


def test_a_request_erased_without_its_decisions_is_found(log: DecisionLog, record: Record, owner: Owner) -> None:
    record("old", DAYS + 1)
    record("young", 1)
    log.expire(days=DAYS)
    with owner() as connection:
        connection.execute(text("UPDATE requests SET erasure = 3 WHERE first_seq = 2"))
    assert verified(log) == (2, "the request was erased, and no erasure names its decisions")


def test_a_request_whose_erasure_was_undone_is_found(log: DecisionLog, record: Record, owner: Owner) -> None:
    record("old", DAYS + 1)
    log.expire(days=DAYS)
    with owner() as connection:
        connection.execute(text("UPDATE requests SET erasure = NULL"))
    assert verified(log) == (1, "an erasure names the decisions of the request, and it stands")


def test_verifying_is_not_misled_by_erasing_and_writing_meanwhile(
    log: DecisionLog, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify, "_PAGE", 3)
    for i in range(8):
        record(f"r-{i}", DAYS + 10 - i, 2)
    steps = iter([lambda: log.expire(days=DAYS + 7), lambda: record("new", 0, 4), lambda: log.expire(days=DAYS + 4)])
    walk = verify._rows

    def interrupted(*args: Any) -> Any:
        for row in walk(*args):
            if row.seq in {2, 5, 11}:
                with suppress(StopIteration):
                    next(steps)()
            yield row

    monkeypatch.setattr(verify, "_rows", interrupted)
    assert verified(log) == (None, "")
    assert verified(log) == (None, "")
    assert log.verify().erased == 12
