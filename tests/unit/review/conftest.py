"""A dispute service over a decision log, on both databases, with a settable current time."""

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

SetNow = Callable[[datetime], None]
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOTLINE = Actor("hotline", SCORER)
ANNE = Actor("anne", REVIEWER)
LEA = Actor("lea", LEAD)
PEOPLE = {each.name: each for each in (HOTLINE, ANNE, Actor("ben", REVIEWER), LEA, Actor("liu", LEAD))}
REASON = "The calls are those of a courier; the employer confirmed them."


def decision(request_id: str, line_id: str, *, tier: str = "medium_high", **changed: Any) -> DecisionRecord:
    reason = {"code": "A02", "family": "places", "zh": "…", "en": "…", "contribution": 0.8}
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
            RecordedReason(direction="raises", **reason),
            RecordedReason(direction="lowers", **{**reason, "code": "T01"}),
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
class CaseFactory:
    """A dispute service with its log, and helpers that make decisions and disputes in each state."""

    log: DecisionLog
    service: DisputeService
    numbers: Iterator[int]
    now: datetime = NOW
    reason: str = REASON
    people: dict[str, Actor] = field(default_factory=lambda: PEOPLE)

    def new_id(self) -> str:
        """A new request id."""
        return f"k-{next(self.numbers)}"

    def decide_line(self, line_id: str = "line-1", **changed: Any) -> DecisionRecord:
        """Log a decision and return it."""
        request_id = self.new_id()
        record = decision(request_id, line_id, **changed)
        self.log.append(record.scored_by, request_id, "body", [record])
        return record

    def opened(self, *, by: Actor = HOTLINE, **changed: Any) -> Dispute:
        """A dispute of a new decision."""
        record = self.decide_line(**changed)
        return self.service.open(
            by, record.decision_id, statement="I only call customers.", channel="hotline", request_id=self.new_id()
        )

    def assigned(self, to: Actor = ANNE, **changed: Any) -> Dispute:
        """A dispute that is assigned."""
        return self.service.assign(LEA, self.opened(**changed).dispute_id, assignee=to.name, request_id=self.new_id())

    def decided(self, outcome: Outcome, *, by: Actor = ANNE, lowered_to: str | None = None, **changed: Any) -> Dispute:
        """A dispute that was decided."""
        return self.service.decide(
            by,
            self.assigned(by, **changed).dispute_id,
            outcome=outcome,
            reason=REASON,
            lowered_to=lowered_to,
            request_id=self.new_id(),
        )


@pytest.fixture
def set_now(monkeypatch: pytest.MonkeyPatch) -> SetNow:
    """Sets the current time."""

    def set_to(instant: datetime) -> None:
        monkeypatch.setattr(as_of, "now", lambda: instant)

    set_to(NOW)
    return set_to


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Database URL of the decision log: every test runs on both databases."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'decisions.db'}"
    else:
        with request.getfixturevalue("new_database")() as made:
            yield made


@pytest.fixture
def open_cases() -> Callable[[str], CaseFactory]:
    """Opens a case factory over the log of a URL."""

    def open_at(url: str) -> CaseFactory:
        log = DecisionLog(url)
        roles = {name: person.role for name, person in PEOPLE.items()}
        service = DisputeService(log, load_policies(Settings().policies), role_of=roles.get)
        return CaseFactory(log, service, itertools.count())

    return open_at


@pytest.fixture
def cases(url: str, set_now: SetNow, open_cases: Callable[[str], CaseFactory]) -> Iterator[CaseFactory]:
    """A case factory over an empty log; the current time is fixed."""
    set_now(NOW)
    factory = open_cases(url)
    yield factory
    factory.log.close()
