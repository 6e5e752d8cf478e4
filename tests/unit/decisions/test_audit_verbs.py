"""`linerisk audit` on a log of either kind: what it says, and that looking changes nothing."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from linerisk import as_of
from linerisk.as_of import parse_instant
from linerisk.cli import app
from linerisk.decisions.log import DecisionLog
from linerisk.decisions.record import DecisionRecord
from linerisk.review.access_log import Accesses
from linerisk.review.transitions import REVIEWER, Actor

MakeRecords = Callable[..., list[DecisionRecord]]
Unguarded = Callable[[str], Any]
Linerisk = Callable[..., tuple[int, str]]

LONG_AGO = parse_instant("2021-01-01")


@pytest.fixture
def linerisk(url: str, monkeypatch: pytest.MonkeyPatch) -> Linerisk:
    """The command line on the log of this test: exit code, and all that was said."""
    monkeypatch.setenv("LINERISK_DECISION_LOG", url)

    def run(*words: str) -> tuple[int, str]:
        answered = CliRunner().invoke(app, words)
        return answered.exit_code, " ".join(answered.output.split())

    return run


@pytest.fixture
def filled(url: str, make_records: MakeRecords, monkeypatch: pytest.MonkeyPatch) -> None:
    """A log with a request of two decisions that is past its retention, and one of one that is not."""
    with DecisionLog(url) as log:
        with monkeypatch.context() as then:
            then.setattr(as_of, "now", lambda: LONG_AGO)
            log.append("suspension", "old", "body", make_records("old", 2, scored_at=LONG_AGO))
        log.append("suspension", "new", "body", make_records("new", scored_at=as_of.now()))


@pytest.mark.usefixtures("filled")
def test_what_is_due_is_counted_then_erased_and_the_chain_holds(linerisk: Linerisk) -> None:
    code, said = linerisk("audit", "expire", "--dry-run", "--json")
    told = json.loads(said[said.index("{") :])
    assert (code, told["decisions"], told["requests"], told["days"], told["dry_run"]) == (0, 2, 1, 1096, True)
    assert linerisk("audit", "verify") == (0, "the chain holds: 3 decisions")
    code, said = linerisk("audit", "expire")
    assert (code, said[:38]) == (0, "2 decisions of 1 requests erased: scor")
    assert linerisk("audit", "verify") == (
        0, "the chain holds: 3 decisions, 2 of them erased at the end of their retention",
    )  # fmt: skip
    assert linerisk("audit", "expire")[1].startswith("0 decisions of 0 requests erased")


@pytest.mark.usefixtures("filled")
def test_the_end_of_the_chain_is_told_to_machines(linerisk: Linerisk) -> None:
    anchor = json.loads(linerisk("audit", "anchor")[1])
    report = json.loads(linerisk("audit", "verify", "--json")[1].split("the chain")[0])
    assert (report["ok"], report["rows"], report["erased"]) == (True, 3, 0)
    assert (report["last_seq"], report["last_hash"]) == (anchor["seq"], anchor["hash"]) != (0, "")


@pytest.mark.usefixtures("filled")
def test_every_anchor_of_a_file_is_checked(
    url: str, linerisk: Linerisk, unguarded: Unguarded, make_records: MakeRecords, tmp_path: Path
) -> None:
    file = str(tmp_path / "anchors.jsonl")
    for i in range(3):
        assert linerisk("audit", "anchor", "--out", file)[0] == 0
        with DecisionLog(url) as log:
            log.append("suspension", f"r-{i}", "body", make_records(f"r-{i}"))
    assert linerisk("audit", "verify", "--anchor", file) == (
        0, "the chain holds: 6 decisions; it agrees with 3 anchors",
    )  # fmt: skip
    with unguarded(url) as connection:
        connection.execute(text("DELETE FROM decisions WHERE seq > 4"))
        connection.execute(text("DELETE FROM requests WHERE last_seq > 4"))
    assert linerisk("audit", "verify")[0] == 0
    code, said = linerisk("audit", "verify", "--anchor", file)
    assert code == 1
    assert "row 5: the log ends at 4, but reached 5 before" in said


@pytest.mark.usefixtures("filled")
def test_what_was_erased_sooner_than_the_policy_allows_is_found(url: str, linerisk: Linerisk) -> None:
    with DecisionLog(url) as log:
        log.expire(days=1000)
    code, said = linerisk("audit", "verify")
    assert code == 1
    assert "row 4: the erasure took what was not 1096 days old" in said


@pytest.mark.usefixtures("filled")
def test_accesses_are_verified_and_erased_by_the_same_verbs(url: str, linerisk: Linerisk, unguarded: Unguarded) -> None:
    with DecisionLog(url) as log:
        for at in (LONG_AGO, as_of.now(), as_of.now()):
            Accesses(log).record(Actor("li.wei", REVIEWER), "case", "case-1", at=at)
    assert linerisk("audit", "verify") == (0, "the chain holds: 3 decisions; that of accesses holds: 3")
    code, said = linerisk("audit", "expire", "--json")
    told = json.loads(said[said.index("{") :])
    assert (code, told["accesses"], told["days_of_accesses"]) == (0, 1, 1096)
    assert "1 accesses erased: before" in said
    assert linerisk("audit", "verify")[1].endswith("that of accesses holds: 3, 1 of them erased likewise")
    with unguarded(url) as connection:
        connection.execute(text("DELETE FROM accesses WHERE number = 2"))
    code, said = linerisk("audit", "verify")
    assert code == 1
    assert "access 3: the access does not follow the one before it" in said


@pytest.mark.parametrize("verb", ["audit verify", "audit anchor", "audit expire", "replay 01K0ABCDEFGHJKMNPQRSTVWXYZ"])
def test_where_there_is_no_log_none_is_made(linerisk: Linerisk, tmp_path: Path, verb: str) -> None:
    for _ in range(2):
        code, said = linerisk(*verb.split())
        assert code == 1
        assert "there is no decision log" in said
        assert "--home" in said
    assert list(tmp_path.iterdir()) == []


def test_a_home_that_does_not_exist_is_not_made(tmp_path: Path) -> None:
    answered = CliRunner().invoke(app, ["audit", "verify", "--home", str(tmp_path / "home")])
    assert answered.exit_code == 1
    assert list(tmp_path.iterdir()) == []
