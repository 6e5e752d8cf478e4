"""Records and logs for the specs of the decision log."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from linerisk.decisions.ids import decision_ids
from linerisk.decisions.log import DecisionLog
from linerisk.decisions.record import DecisionRecord, RecordedAction, RecordedModel, RecordedReason
from linerisk.decisions.recorded_features import frozen_features
from linerisk.decisions.store import open_engine, writing

MakeRecord = Callable[..., DecisionRecord]
MakeRecords = Callable[..., list[DecisionRecord]]

AS_OF = datetime(2024, 7, 1, tzinfo=UTC)
NAMES = ("calls_7d", "out_of_town_share_7d", "ring_s_median")


@pytest.fixture
def make_record() -> MakeRecord:
    """One record; name a field to change it."""

    def make(**changed: Any) -> DecisionRecord:
        fields: dict[str, Any] = {
            "decision_id": decision_ids(AS_OF, 1)[0],
            "request_id": "r-1",
            "line_id": "13800000001",
            "as_of": AS_OF,
            "scored_at": AS_OF,
            "status": "fresh",
            "margin": -3.91,
            "probability": 0.0196,
            "probability_low": 0.014,
            "probability_high": 0.027,
            "tier": "medium_low",
            "action": RecordedAction(kind="verify", policy="shenzhen-2024-07-b", steps=("online_real_person",)),
            "reasons": (
                RecordedReason(
                    code="A02",
                    family="places",
                    direction="raises",
                    zh="近7天93%的通话发生在归属地之外",
                    en="93 % of calls in 7 days were away from home",
                    contribution=0.81,
                    facts={"out_of_town_share_7d": 0.93},
                ),
            ),
            "base": -5.0,
            "calibration": 0.28,
            "contributions": {"places": 0.81},
            "model": RecordedModel(name="linerisk", version="7", fingerprint="f" * 64),
            "features_from": "snapshot",
            "snapshot_id": "s-1",
            "features": frozen_features(NAMES, np.array([[12.0, 0.93, np.nan]], dtype=np.float32))[0],
            "scored_by": "suspension",
        }
        return DecisionRecord(**{**fields, **changed})

    return make


@pytest.fixture
def make_records(make_record: MakeRecord) -> MakeRecords:
    """The records of one request, one per line."""

    def make(request_id: str = "r-1", count: int = 1, **changed: Any) -> list[DecisionRecord]:
        return [
            make_record(decision_id=decision_id, request_id=request_id, line_id=f"line-{i}", **changed)
            for i, decision_id in enumerate(decision_ids(AS_OF, count))
        ]

    return make


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """Where a log in a file lives; there is none yet."""
    return f"sqlite:///{tmp_path / 'decisions.db'}"


@pytest.fixture
def postgresql_url(new_database: Callable[[], Any]) -> Iterator[str]:
    """Where a log in a database lives; it is empty."""
    with new_database() as made:
        yield made


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """Where a log of this test lives: what is true of one database is true of the other."""
    made: str = request.getfixturevalue(f"{request.param}_url")
    return made


@pytest.fixture
def log(url: str) -> Iterator[DecisionLog]:
    """An open, empty log."""
    with DecisionLog(url) as opened:
        yield opened


@pytest.fixture
def held() -> Callable[[str], Any]:
    """Holds the lock of a store for writing, as another process that writes does."""

    @contextmanager
    def hold(url: str) -> Iterator[None]:
        engine = open_engine(url)
        with writing(engine):
            yield
        engine.dispose()

    return hold
