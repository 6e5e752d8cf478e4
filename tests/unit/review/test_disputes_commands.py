"""`linerisk disputes` on both databases, and `linerisk audit verify` on a log with disputes."""

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
SetNow = Callable[[datetime], None]


@pytest.fixture
def linerisk(url: str, monkeypatch: pytest.MonkeyPatch) -> Linerisk:
    """Runs the command line on the log of this test; returns the exit code and the output."""
    monkeypatch.setenv("LINERISK_DECISION_LOG", url)

    def run(*words: str) -> tuple[int, str]:
        result = CliRunner().invoke(app, words)
        return result.exit_code, " ".join(result.output.split())

    return run


def test_labels_are_written_to_a_file(cases: Any, linerisk: Linerisk, tmp_path: Path) -> None:
    cases.decided(Outcome.CLEARED, line_id="0138")
    code, output = linerisk("disputes", "labels", "--out", str(tmp_path / "labels.csv"), "--json")
    assert (code, json.loads(output[output.index("{") :])["labels"]) == (0, 1)
    (row,) = pl.read_csv(tmp_path / "labels.csv", schema_overrides={"line_id": pl.String}).rows(named=True)
    assert (row["line_id"], row["label"], row["source"]) == ("0138", "legitimate", "dispute_cleared")
    assert row["known_at"] == "2026-03-02T09:00:00.000000Z"


def test_disputes_expire_ends_disputes_past_their_hard_limit(cases: Any, linerisk: Linerisk, set_now: SetNow) -> None:
    dispute = cases.opened()
    assert linerisk("disputes", "expire") == (0, "0 disputes have expired")
    set_now(dispute.hard_limit)
    assert linerisk("disputes", "expire") == (0, "1 disputes have expired")
    assert cases.service.get(dispute.dispute_id).state is State.EXPIRED


def test_disputes_rebuild_restores_a_damaged_projection(
    cases: Any, linerisk: Linerisk, url: str, unguarded: Callable[[str], Any]
) -> None:
    dispute = cases.opened()
    with unguarded(url) as connection:
        connection.execute(text("DELETE FROM disputes"))
    assert cases.service.of_line("line-1") == ()
    assert linerisk("disputes", "rebuild") == (0, "the projection holds 1 disputes")
    assert [each.dispute_id for each in cases.service.of_line("line-1")] == [dispute.dispute_id]


def test_audit_verify_finds_a_changed_event(
    cases: Any, linerisk: Linerisk, url: str, unguarded: Callable[[str], Any]
) -> None:
    cases.decided(Outcome.UPHELD)
    assert linerisk("audit", "verify") == (0, "the chain holds: 1 decisions")
    with unguarded(url) as connection:
        connection.execute(text("UPDATE events SET record = replace(record, 'upheld', 'cleared') WHERE seq = 4"))
    code, _ = linerisk("audit", "verify")
    assert code == 1


def test_without_a_log_the_command_fails_and_writes_no_file(linerisk: Linerisk, tmp_path: Path) -> None:
    code, _ = linerisk("disputes", "labels", "--out", str(tmp_path / "labels.csv"))
    assert code == 1
    assert not (tmp_path / "labels.csv").exists()
