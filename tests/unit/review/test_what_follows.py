"""What follows from a dispute that ended: a line that cools down, and a label that training learns from."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from linerisk.errors import UsageError
from linerisk.model.tiers import Tier
from linerisk.policy import in_force, load_policies
from linerisk.review.cool_downs import CoolDowns
from linerisk.review.labels import labels, write_labels
from linerisk.review.transitions import Outcome
from linerisk.settings import Settings
from linerisk.tables.intake import ingest
from linerisk.tables.label_resolution import labels_in_force
from linerisk.tables.store import RecordStore
from linerisk.training.label_weights import NO_FINDING
from linerisk.training.outcomes import outcomes

SetClock = Callable[[datetime], None]
DAY = timedelta(days=1)


@pytest.mark.parametrize(("days", "held_by"), [(-20, "cool_down"), (0, "cool_down"), (29.9, "cool_down"), (30, None)])
def test_evidence_up_to_the_end_of_the_cool_down_does_not_trigger_again(
    office: Any, days: float, held_by: str | None
) -> None:
    policy = in_force(load_policies(Settings().policies), office.now)
    action = policy.action(
        Tier.MEDIUM_HIGH, last_verified_at=None, as_of=office.now + days * DAY, cleared_at=office.now
    )
    assert (action.kind, action.held_by) == ("verify", held_by)


def test_a_line_is_known_to_cool_down_as_soon_as_it_was_cleared(office: Any, at: SetClock) -> None:
    cool_downs = CoolDowns(office.log)
    assert cool_downs.of(["line-1"]) == [None]
    office.decided(Outcome.CLEARED)
    office.decided(Outcome.UPHELD, line_id="line-2")
    assert cool_downs.of(["line-1", "line-2"]) == [office.now, None]
    at(office.now + DAY)
    office.decided(Outcome.LOWERED, lowered_to="medium_low")
    assert cool_downs.of(["line-1"]) == [office.now + DAY]
    assert CoolDowns(office.log).of(["line-1"]) == [office.now + DAY]


def test_only_what_was_found_about_a_line_is_a_label(office: Any) -> None:
    office.decided(Outcome.CLEARED, line_id="right")
    office.decided(Outcome.UPHELD, line_id="wrong")
    office.decided(Outcome.UPHELD, line_id="not-approved", tier="extremely_high")
    office.decided(Outcome.INCONCLUSIVE, line_id="unclear")
    office.decided(Outcome.LOWERED, line_id="lower", lowered_to="medium_low")
    assert labels(office.desk).select("line_id", "label", "source").rows() == [
        ("right", "legitimate", "dispute_cleared"),
        ("wrong", "fraud", "dispute_upheld"),
    ]


@pytest.mark.parametrize("name", ["labels.csv", "labels.parquet"])
def test_the_intake_takes_the_labels_and_training_sees_them_once_they_are_known(
    office: Any, tmp_path: Path, name: str
) -> None:
    source, store = tmp_path / "source", tmp_path / "store"
    source.mkdir()
    stood = office.now - DAY
    office.decided(Outcome.CLEARED, line_id="0138", as_of=stood)
    office.decided(Outcome.UPHELD, line_id="0139", as_of=stood)
    assert write_labels(office.desk, source / name) == 2
    account = {
        "known_at": office.now - 90 * DAY,
        "activated_on": (office.now - 100 * DAY).date(),
        "home_area": "440300",
        "plan_kind": "prepaid",
        "status": "active",
    }
    pl.DataFrame([{"line_id": line, **account} for line in ("0138", "0139")]).write_parquet(source / "accounts.parquet")
    ingest(source, store, secret=b"k" * 32)
    opened = RecordStore.open(store)
    found, accounts = opened.labels(), opened.accounts()
    assert labels_in_force(found, known_by=office.now).collect().height == 2
    assert labels_in_force(found, known_by=office.now - timedelta(seconds=1)).collect().height == 0
    learnt = outcomes(found, accounts, as_of=stood, known_by=office.now)
    assert sorted(learnt.select("fraud", "source").rows()) == [(False, "dispute_cleared"), (True, "dispute_upheld")]
    earlier = outcomes(found, accounts, as_of=stood, known_by=office.now - timedelta(seconds=1))
    assert set(earlier["source"]) == {NO_FINDING}


def test_labels_of_another_format_are_refused(office: Any, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="another format"):
        write_labels(office.desk, tmp_path / "labels.xlsx")
