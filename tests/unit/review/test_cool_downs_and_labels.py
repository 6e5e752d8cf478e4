"""Results of a closed dispute: the cool-down of the line, and the label for training."""

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

SetNow = Callable[[datetime], None]
DAY = timedelta(days=1)


@pytest.mark.parametrize(("days", "held_by"), [(-20, "cool_down"), (0, "cool_down"), (29.9, "cool_down"), (30, None)])
def test_evidence_up_to_the_end_of_the_cool_down_does_not_trigger_again(
    cases: Any, days: float, held_by: str | None
) -> None:
    policy = in_force(load_policies(Settings().policies), cases.now)
    action = policy.action(Tier.MEDIUM_HIGH, last_verified_at=None, as_of=cases.now + days * DAY, cleared_at=cases.now)
    assert (action.kind, action.held_by) == ("verify", held_by)


def test_a_cool_down_applies_as_soon_as_the_line_is_cleared(cases: Any, set_now: SetNow) -> None:
    cool_downs = CoolDowns(cases.log)
    assert cool_downs.of(["line-1"]) == [None]
    cases.decided(Outcome.CLEARED)
    cases.decided(Outcome.UPHELD, line_id="line-2")
    assert cool_downs.of(["line-1", "line-2"]) == [cases.now, None]
    set_now(cases.now + DAY)
    cases.decided(Outcome.LOWERED, lowered_to="medium_low")
    assert cool_downs.of(["line-1"]) == [cases.now + DAY]
    assert CoolDowns(cases.log).of(["line-1"]) == [cases.now + DAY]


def test_only_cleared_and_upheld_disputes_give_a_label(cases: Any) -> None:
    cases.decided(Outcome.CLEARED, line_id="right")
    cases.decided(Outcome.UPHELD, line_id="wrong")
    cases.decided(Outcome.UPHELD, line_id="not-approved", tier="extremely_high")
    cases.decided(Outcome.INCONCLUSIVE, line_id="unclear")
    cases.decided(Outcome.LOWERED, line_id="lower", lowered_to="medium_low")
    assert labels(cases.service).select("line_id", "label", "source").rows() == [
        ("right", "legitimate", "dispute_cleared"),
        ("wrong", "fraud", "dispute_upheld"),
    ]


@pytest.mark.parametrize("name", ["labels.csv", "labels.parquet"])
def test_the_intake_accepts_the_labels_and_training_uses_them_from_known_at_on(
    cases: Any, tmp_path: Path, name: str
) -> None:
    source, store = tmp_path / "source", tmp_path / "store"
    source.mkdir()
    evidence_at = cases.now - DAY
    cases.decided(Outcome.CLEARED, line_id="0138", as_of=evidence_at)
    cases.decided(Outcome.UPHELD, line_id="0139", as_of=evidence_at)
    assert write_labels(cases.service, source / name) == 2
    account = {
        "known_at": cases.now - 90 * DAY,
        "activated_on": (cases.now - 100 * DAY).date(),
        "home_area": "440300",
        "plan_kind": "prepaid",
        "status": "active",
    }
    pl.DataFrame([{"line_id": line, **account} for line in ("0138", "0139")]).write_parquet(source / "accounts.parquet")
    ingest(source, store, secret=b"k" * 32)
    opened = RecordStore.open(store)
    found, accounts = opened.labels(), opened.accounts()
    assert labels_in_force(found, known_by=cases.now).collect().height == 2
    assert labels_in_force(found, known_by=cases.now - timedelta(seconds=1)).collect().height == 0
    learnt = outcomes(found, accounts, as_of=evidence_at, known_by=cases.now)
    assert sorted(learnt.select("fraud", "source").rows()) == [(False, "dispute_cleared"), (True, "dispute_upheld")]
    earlier = outcomes(found, accounts, as_of=evidence_at, known_by=cases.now - timedelta(seconds=1))
    assert set(earlier["source"]) == {NO_FINDING}


def test_a_labels_file_of_an_unknown_format_is_refused(cases: Any, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be written in this format"):
        write_labels(cases.service, tmp_path / "labels.xlsx")
