"""How long the queue of disputes takes with many open cases and a large log behind it.

    .venv/bin/python benchmarks/disputes/run.py --decisions 1000000 --open 10000

The log is a SQLite file in a folder that is thrown away. Disputed decisions and their disputes are written as the
product writes them; the other decisions are copies of one record in rows of their own, outside the chain.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import create_engine, text

from linerisk import as_of
from linerisk.decisions.ids import decision_ids
from linerisk.decisions.log import DecisionLog
from linerisk.decisions.record import DecisionRecord, RecordedAction, RecordedModel, RecordedReason
from linerisk.decisions.recorded_features import RecordedFeatures
from linerisk.policy import load_policies
from linerisk.review.deadlines import DeadlineStatus
from linerisk.review.dispute_service import DisputeService
from linerisk.review.queries import Filter
from linerisk.review.transitions import LEAD, REVIEWER, SCORER, Actor
from linerisk.settings import Settings

REPEATS = 50
AT_ONCE = 500
HOTLINE = Actor("hotline", SCORER)
LEAD_ON_DUTY = Actor("lea", LEAD)
REVIEWERS = [f"reviewer-{i}" for i in range(10)]


def main() -> None:
    """Fill a log, then ask the state."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--decisions", type=int, default=1_000_000)
    parser.add_argument("--open", type=int, default=10_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'decisions.db'}"
        with DecisionLog(url) as log:
            state = DisputeService(
                log, load_policies(Settings().policies), role_of=dict.fromkeys(REVIEWERS, REVIEWER).get
            )
            fill(url, asked.decisions - asked.open)
            a_dispute = open_disputes(log, state, asked.open)
            head = f"{asked.decisions:,} decisions, {asked.open:,} open disputes, ms of {REPEATS} tries"
            rows = _measured(state, a_dispute)
    sys.stdout.write("\n".join([head, "", "| asked for | median | worst |", "|---|--:|--:|", *rows, ""]))


def _measured(state: DisputeService, dispute_id: str) -> list[str]:
    now = as_of.now()
    page = state.queue(now=now)
    calls: dict[str, Callable[[], object]] = {
        "first page of the queue, 50 cases": lambda: state.queue(now=now),
        "second page": lambda: state.queue(now=now, after=page.next_after),
        "page of 200": lambda: state.queue(now=now, limit=200),
        "page of one reviewer": lambda: state.queue(Filter(assigned_to=REVIEWERS[0]), now=now),
        "page of one tier and clock": lambda: state.queue(
            Filter(tier="medium_high", deadline=DeadlineStatus.IN_TIME), now=now
        ),
        "page of a clock that nothing has": lambda: state.queue(Filter(deadline=DeadlineStatus.OVERDUE), now=now),
        "one case with its events": lambda: state.get(dispute_id),
        "history of a line": lambda: state.of_line("line-1"),
        "figures of all": lambda: state.counts(now),
    }
    rows = []
    for name, call in calls.items():
        took = sorted(_timed(call) for _ in range(REPEATS))
        rows.append(f"| {name} | {statistics.median(took):.1f} | {took[-1]:.1f} |")
    return rows


def _timed(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return (time.perf_counter() - started) * 1000


def fill(url: str, count: int) -> None:
    """Write decisions outside the chain, copies of one record."""
    record = _record(decision_ids(as_of.now(), 1)[0], "filler", "line-x").to_json().decode()
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(
            text(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count) "
                "INSERT INTO decisions SELECT i, 'filler-' || i, 'filler', 'other-' || (i % 100000), "
                "'2024-07-01T00:00:00.000000Z', '2024-07-01T00:00:00.000000Z', 'normal', :record, :hash, :hash, :hash, "
                "NULL FROM n"
            ),
            {"count": count, "record": record, "hash": "0" * 64},
        )
    engine.dispose()


def open_disputes(log: DecisionLog, state: DisputeService, count: int) -> str:
    """Open and for the most part assign disputes; the id of the last one."""
    last = ""
    for start in range(0, count, AT_ONCE):
        key = f"r-{start}"
        size = min(AT_ONCE, count - start)
        ids = decision_ids(as_of.now(), size)
        records = [_record(each, key, f"line-{start + i}") for i, each in enumerate(ids)]
        log.append("suspension", key, "body", records)
        for i, decision_id in enumerate(ids):
            number = start + i
            last = state.open(
                HOTLINE, decision_id, statement="I only call customers.", channel="hotline", request_id=f"o-{number}"
            ).dispute_id
            if number % 3:
                who = REVIEWERS[number % len(REVIEWERS)]
                state.assign(LEAD_ON_DUTY, last, assignee=who, request_id=f"a-{number}")
    return last


def _record(decision_id: str, request_id: str, line_id: str) -> DecisionRecord:
    now = as_of.now()
    reason = RecordedReason(code="A02", family="places", direction="raises", zh="…", en="…", contribution=0.8)
    return DecisionRecord(
        decision_id=decision_id,
        request_id=request_id,
        line_id=line_id,
        as_of=now,
        scored_at=now,
        status="fresh",
        margin=0.0,
        probability=0.5,
        probability_low=0.4,
        probability_high=0.6,
        tier="medium_high",
        action=RecordedAction(kind="verify", policy="shenzhen-2024-07-b"),
        reasons=(reason,),
        base=0.0,
        calibration=0.0,
        contributions={"places": 0.8},
        model=RecordedModel(name="linerisk", version="7", fingerprint="f" * 64),
        features_from="snapshot",
        # As many bytes as 170 features take.
        features=RecordedFeatures(columns="c" * 64, values="A" * 908),
        scored_by="suspension",
    )


if __name__ == "__main__":
    main()
