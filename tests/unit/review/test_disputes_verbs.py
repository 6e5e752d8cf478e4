"""`linerisk disputes` on a log of either kind, and `linerisk audit verify` on a log with disputes."""

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from linerisk.cli import app
from linerisk.review.transitions import Outcome, State

Linerisk = Callable[..., tuple[int, str]]


@pytest.fixture
def linerisk(url: str, monkeypatch: pytest.MonkeyPatch) -> Linerisk:
    """The command line on the log of this test: exit code, and all that was said."""
    monkeypatch.setenv("LINERISK_DECISION_LOG", url)

    def run(*words: str) -> tuple[int, str]:
        answered = CliRunner().invoke(app, words)
        return answered.exit_code, " ".join(answered.output.split())

    return run


def test_labels_are_written_to_a_file(office: Any, linerisk: Linerisk, tmp_path: Path) -> None:
    office.decided(Outcome.CLEARED, line_id="0138")
    code, said = linerisk("disputes", "labels", "--out", str(tmp_path / "labels.csv"), "--json")
    assert (code, json.loads(said[said.index("{") :])["labels"]) == (0, 1)
    (row,) = pl.read_csv(tmp_path / "labels.csv", schema_overrides={"line_id": pl.String}).rows(named=True)
    assert (row["line_id"], row["label"], row["source"]) == ("0138", "legitimate", "dispute_cleared")
    assert row["known_at"] == "2026-03-02T09:00:00.000000Z"


def test_what_is_past_its_hard_limit_is_ended(office: Any, linerisk: Linerisk, at: Callable[[datetime], None]) -> None:
    dispute = office.opened()
    assert linerisk("disputes", "expire") == (0, "0 disputes have expired")
    at(dispute.hard_limit)
    assert linerisk("disputes", "expire") == (0, "1 disputes have expired")
    assert office.desk.get(dispute.dispute_id).state is State.EXPIRED


def test_a_spoilt_register_is_made_anew(
    office: Any, linerisk: Linerisk, url: str, unguarded: Callable[[str], Any]
) -> None:
    dispute = office.opened()
    with unguarded(url) as connection:
        connection.execute(text("DELETE FROM disputes"))
    assert office.desk.of_line("line-1") == ()
    assert linerisk("disputes", "rebuild") == (0, "the register holds 1 disputes")
    assert [each.dispute_id for each in office.desk.of_line("line-1")] == [dispute.dispute_id]


def test_an_audit_finds_a_changed_event(
    office: Any, linerisk: Linerisk, url: str, unguarded: Callable[[str], Any]
) -> None:
    office.decided(Outcome.UPHELD)
    assert linerisk("audit", "verify") == (0, "the chain holds: 1 decisions")
    with unguarded(url) as connection:
        connection.execute(text("UPDATE events SET record = replace(record, 'upheld', 'cleared') WHERE seq = 4"))
    code, _ = linerisk("audit", "verify")
    assert code == 1


def test_without_a_log_there_is_nothing_to_ask(linerisk: Linerisk, tmp_path: Path) -> None:
    code, _ = linerisk("disputes", "labels", "--out", str(tmp_path / "labels.csv"))
    assert code == 1
    assert not (tmp_path / "labels.csv").exists()
