"""Whatever is done to the rows of a log, verifying it finds the first row that does not stand."""

import random
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from linerisk.decisions.chain import Anchor, ChainReport
from linerisk.decisions.log import DecisionLog
from linerisk.decisions.record import DecisionRecord, RecordedAction, RecordedModel, decision_ids

AS_OF = datetime(2024, 7, 1, tzinfo=UTC)
ROWS = 12
COLUMNS = (
    "decision_id",
    "request_id",
    "line_id",
    "as_of",
    "scored_at",
    "tier",
    "record",
    "digest",
    "prev_hash",
    "hash",
)


def decision(decision_id: str, request_id: str) -> DecisionRecord:
    return DecisionRecord(
        decision_id=decision_id,
        request_id=request_id,
        line_id=decision_id[-4:],
        as_of=AS_OF,
        scored_at=AS_OF,
        status="fresh",
        margin=0.0,
        probability=0.5,
        probability_low=0.5,
        probability_high=0.5,
        tier="normal",
        action=RecordedAction(kind="none", policy="p"),
        reasons=(),
        base=0.0,
        calibration=0.0,
        contributions={},
        model=RecordedModel(name="m", version="1", fingerprint="f"),
        features_from="table",
        features={"calls_7d": 3.0, "share": None},
        scored_by="t",
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Anchor]:
    """A log of four requests of three decisions each, without its triggers, and its anchor."""
    path = tmp_path_factory.mktemp("whole") / "decisions.db"
    with DecisionLog(f"sqlite:///{path}") as log:
        for request in ("r-0", "r-1", "r-2", "r-3"):
            log.append("t", request, "body", [decision(decision_id, request) for decision_id in decision_ids(AS_OF, 3)])
        anchor = log.anchor()
    with closing(sqlite3.connect(path)) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
    return path, anchor


def verified_after(whole: tuple[Path, Anchor], *changes: tuple[str, tuple[object, ...]]) -> ChainReport:
    path, anchor = whole
    copy = path.with_name("tampered.db")
    shutil.copyfile(path, copy)
    with closing(sqlite3.connect(copy)) as connection, connection:
        for statement, values in changes:
            connection.execute(statement, values)
    with DecisionLog(f"sqlite:///{copy}", create=False) as log:
        return log.verify(anchor)


few = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@few
@given(
    seq=st.integers(1, ROWS),
    column=st.sampled_from(COLUMNS),
    at=st.integers(0, 10_000),
    char=st.characters(codec="ascii"),
)
def test_any_changed_character_is_found_where_it_is(
    whole: tuple[Path, Anchor], seq: int, column: str, at: int, char: str
) -> None:
    with closing(sqlite3.connect(whole[0])) as connection:
        text = connection.execute(f"SELECT {column} FROM decisions WHERE seq = ?", (seq,)).fetchone()[0]  # noqa: S608
    at %= len(text)
    changed = text[:at] + char + text[at + 1 :]
    report = verified_after(whole, (f"UPDATE decisions SET {column} = ? WHERE seq = ?", (changed, seq)))  # noqa: S608
    assert report.first_bad_seq == (None if changed == text else seq)


@few
@given(removed=st.sets(st.integers(1, ROWS), min_size=1))
def test_any_removed_rows_are_found_at_the_first_of_them(whole: tuple[Path, Anchor], removed: set[int]) -> None:
    report = verified_after(whole, *(("DELETE FROM decisions WHERE seq = ?", (seq,)) for seq in removed))
    assert (report.ok, report.first_bad_seq) == (False, min(removed))


@few
@given(seed=st.integers(0, 10_000))
def test_any_other_order_is_found_at_the_first_row_that_moved(whole: tuple[Path, Anchor], seed: int) -> None:
    order = random.Random(seed).sample(range(1, ROWS + 1), ROWS)  # noqa: S311  # an order, not a secret
    moves = [("UPDATE decisions SET seq = ? WHERE seq = ?", (-new, old)) for old, new in enumerate(order, start=1)]
    report = verified_after(whole, *moves, ("UPDATE decisions SET seq = -seq", ()))
    first_moved = next((seq for seq in range(1, ROWS + 1) if order[seq - 1] != seq), None)
    assert (report.ok, report.first_bad_seq) == (first_moved is None, first_moved)
