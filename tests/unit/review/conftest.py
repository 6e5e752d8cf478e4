"""A desk over a log with decisions, on both databases, and a clock that tests set."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from linerisk import as_of
from linerisk.decisions.ids import decision_ids
from linerisk.decisions.log import DecisionLog
from linerisk.decisions.record import DecisionRecord, RecordedAction, RecordedModel, RecordedReason
from linerisk.decisions.recorded_features import RecordedFeatures
from linerisk.policy import load_policies
from linerisk.review.dispute_service import DisputeService
from linerisk.review.disputes import Dispute
from linerisk.review.transitions import LEAD, REVIEWER, SCORER, Actor, Outcome
from linerisk.settings import Settings

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOTLINE = Actor("hotline", SCORER)
ANNE = Actor("anne", REVIEWER)
LEA = Actor("lea", LEAD)
PEOPLE = {each.name: each for each in (HOTLINE, ANNE, Actor("ben", REVIEWER), LEA, Actor("liu", LEAD))}
REASON = "The calls are those of a courier; the employer confirmed them."


def decision(request_id: str, line_id: str, *, tier: str = "medium_high", **changed: Any) -> DecisionRecord:
    said = {"code": "A02", "family": "places", "zh": "…", "en": "…", "contribution": 0.8}
    fields: dict[str, Any] = {
        "decision_id": decision_ids(as_of.now(), 1)[0],
        "request_id": request_id,
        "line_id": line_id,
        "as_of": as_of.now(),
        "scored_at": as_of.now(),
        "status": "fresh",
        "margin": 0.0,
        "probability": 0.5,
        "probability_low": 0.4,
        "probability_high": 0.6,
        "tier": tier,
        "action": RecordedAction(kind="verify", policy="shenzhen-2024-07-b"),
        "reasons": (
            RecordedReason(direction="raises", **said),
            RecordedReason(direction="lowers", **{**said, "code": "T01"}),
        ),
        "base": 0.0,
        "calibration": 0.0,
        "contributions": {},
        "model": RecordedModel(name="linerisk", version="7", fingerprint="f"),
        "features_from": "snapshot",
        "features": RecordedFeatures(columns="c", values=""),
        "scored_by": "suspension",
    }
    return DecisionRecord(**{**fields, **changed})


@dataclass
class Office:
    """A desk, the log under it, and short ways to put a case before it."""

    log: DecisionLog
    desk: DisputeService
    numbers: Iterator[int]
    now: datetime = NOW
    reason: str = REASON
    people: dict[str, Actor] = field(default_factory=lambda: PEOPLE)

    def key(self) -> str:
        """A request id that was not used before."""
        return f"k-{next(self.numbers)}"

    def decide_line(self, line_id: str = "line-1", **changed: Any) -> DecisionRecord:
        """A decision in the log."""
        key = self.key()
        record = decision(key, line_id, **changed)
        self.log.append(record.scored_by, key, "body", [record])
        return record

    def opened(self, *, by: Actor = HOTLINE, **changed: Any) -> Dispute:
        """A dispute of a new decision."""
        record = self.decide_line(**changed)
        return self.desk.open(
            by, record.decision_id, statement="I only call customers.", channel="hotline", request_id=self.key()
        )

    def assigned(self, to: Actor = ANNE, **changed: Any) -> Dispute:
        """A dispute that is assigned."""
        return self.desk.assign(LEA, self.opened(**changed).dispute_id, assignee=to.name, request_id=self.key())

    def decided(self, outcome: Outcome, *, by: Actor = ANNE, lowered_to: str | None = None, **changed: Any) -> Dispute:
        """A dispute of which somebody has said what was found."""
        return self.desk.decide(
            by,
            self.assigned(by, **changed).dispute_id,
            outcome=outcome,
            reason=REASON,
            lowered_to=lowered_to,
            request_id=self.key(),
        )


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Sets the clock."""

    def set_clock(instant: datetime) -> None:
        monkeypatch.setattr(as_of, "now", lambda: instant)

    set_clock(NOW)
    return set_clock


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where a log of this test lives: what is true of one database is true of the other."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'decisions.db'}"
    else:
        with request.getfixturevalue("new_database")() as made:
            yield made


@pytest.fixture
def office_at() -> Callable[[str], Office]:
    """A desk over the log of a URL."""

    def made(url: str) -> Office:
        log = DecisionLog(url)
        roles = {name: person.role for name, person in PEOPLE.items()}
        desk = DisputeService(log, load_policies(Settings().policies), role_of=roles.get)
        return Office(log, desk, itertools.count())

    return made


@pytest.fixture
def office(url: str, at: Callable[[datetime], None], office_at: Callable[[str], Office]) -> Iterator[Office]:
    """A desk over an empty log; the clock stands still."""
    at(NOW)
    made = office_at(url)
    yield made
    made.log.close()
