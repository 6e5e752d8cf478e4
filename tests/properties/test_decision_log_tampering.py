"""Whatever is done to the rows of a log, verifying it finds the first row that does not stand."""

import random
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from linerisk.decisions.anchors import Anchor
from linerisk.decisions.ids import decision_ids
from linerisk.decisions.log import DecisionLog
from linerisk.decisions.record import DecisionRecord, RecordedAction, RecordedModel
from linerisk.decisions.recorded_features import RecordedFeatures
from linerisk.decisions.verify import ChainReport

Unguarded = Callable[[str], Any]

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
        features=RecordedFeatures(columns="c", values=""),
        scored_by="t",
    )


@dataclass(frozen=True)
class Whole:
    url: str
    log: DecisionLog
    anchor: Anchor
    unguarded: Unguarded

    def after(self, *changes: tuple[str, dict[str, object]]) -> ChainReport:
        """What verifying says of the whole log once it was changed so."""
        with self.unguarded(self.url) as connection:
            for table in ("requests", "decisions"):
                connection.execute(text(f"DELETE FROM {table}"))  # noqa: S608  # our own tables
                connection.execute(text(f"INSERT INTO {table} SELECT * FROM whole_{table}"))  # noqa: S608
            for statement, values in changes:
                connection.execute(text(statement), values)
        return self.log.verify([self.anchor])


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def whole(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, unguarded: Unguarded
) -> Iterator[Whole]:
    """A log of four requests of three decisions each, copies of its tables, and its anchor."""
    if request.param == "sqlite":
        database = nullcontext(f"sqlite:///{tmp_path_factory.mktemp('whole') / 'decisions.db'}")
    else:
        database = request.getfixturevalue("new_database")()
    with database as url, DecisionLog(url) as log:
        for name in ("r-0", "r-1", "r-2", "r-3"):
            log.append("t", name, "body", [decision(decision_id, name) for decision_id in decision_ids(AS_OF, 3)])
        with unguarded(url) as connection:
            for table in ("requests", "decisions"):
                connection.execute(text(f"CREATE TABLE whole_{table} AS SELECT * FROM {table}"))  # noqa: S608
        yield Whole(url, log, log.anchor(), unguarded)


few = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@few
@given(
    seq=st.integers(1, ROWS),
    column=st.sampled_from(COLUMNS),
    at=st.integers(0, 10_000),
    # PostgreSQL itself refuses the character with the number 0.
    char=st.characters(codec="ascii", min_codepoint=1),
)
def test_any_changed_character_is_found_where_it_is(whole: Whole, seq: int, column: str, at: int, char: str) -> None:
    with whole.unguarded(whole.url) as connection:
        kept = connection.execute(text(f"SELECT {column} FROM whole_decisions WHERE seq = {seq}")).scalar_one()  # noqa: S608
    at %= len(kept)
    changed = kept[:at] + char + kept[at + 1 :]
    statement = f"UPDATE decisions SET {column} = :changed WHERE seq = :seq"  # noqa: S608  # our own columns
    report = whole.after((statement, {"changed": changed, "seq": seq}))
    assert report.first_bad_seq == (None if changed == kept else seq)


@few
@given(removed=st.sets(st.integers(1, ROWS), min_size=1))
def test_any_removed_rows_are_found_at_the_first_of_them(whole: Whole, removed: set[int]) -> None:
    report = whole.after(*(("DELETE FROM decisions WHERE seq = :seq", {"seq": seq}) for seq in removed))
    assert (report.ok, report.first_bad_seq) == (False, min(removed))


@few
@given(seed=st.integers(0, 10_000))
def test_any_other_order_is_found_at_the_first_row_that_moved(whole: Whole, seed: int) -> None:
    order = random.Random(seed).sample(range(1, ROWS + 1), ROWS)  # noqa: S311  # an order, not a secret
    move = "UPDATE decisions SET seq = :new WHERE seq = :old"
    moves = [(move, {"new": -new, "old": old}) for old, new in enumerate(order, start=1)]
    back = [(move, {"new": new, "old": -new}) for new in range(1, ROWS + 1)]
    report = whole.after(*moves, *back)
    first_moved = next((seq for seq in range(1, ROWS + 1) if order[seq - 1] != seq), None)
    assert (report.ok, report.first_bad_seq) == (first_moved is None, first_moved)
