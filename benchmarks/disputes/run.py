"""Benchmark of dispute queries with many open disputes and a large decision log.

    .venv/bin/python benchmarks/disputes/run.py --decisions 1000000 --open 10000

The log is a SQLite file in a temporary folder. Disputed decisions and their disputes are written by the product; the
other decisions are copies of one record, outside the hash chain.
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
BATCH = 500
HOTLINE = Actor("hotline", SCORER)
SHIFT_LEAD = Actor("lea", LEAD)
REVIEWERS = [f"reviewer-{i}" for i in range(10)]


def main() -> None:
    """Fill a log, then time queries."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--decisions", type=int, default=1_000_000)
    parser.add_argument("--open", type=int, default=10_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'decisions.db'}"
        with DecisionLog(url) as log:
            disputes = DisputeService(
                log, load_policies(Settings().policies), role_of=dict.fromkeys(REVIEWERS, REVIEWER).get
            )
            fill(url, options.decisions - options.open)
            dispute_id = open_disputes(log, disputes, options.open)
            head = f"{options.decisions:,} decisions, {options.open:,} open disputes, ms of {REPEATS} tries"
            rows = _measured(disputes, dispute_id)
    sys.stdout.write("\n".join([head, "", "| query | median | worst |", "|---|--:|--:|", *rows, ""]))


def _measured(disputes: DisputeService, dispute_id: str) -> list[str]:
    now = as_of.now()
    page = disputes.queue(now=now)
    calls: dict[str, Callable[[], object]] = {
        "first page of the queue, 50 cases": lambda: disputes.queue(now=now),
        "second page": lambda: disputes.queue(now=now, after=page.next_after),
        "page of 200": lambda: disputes.queue(now=now, limit=200),
        "page of one reviewer": lambda: disputes.queue(Filter(assigned_to=REVIEWERS[0]), now=now),
        "page of one tier and deadline status": lambda: disputes.queue(
            Filter(tier="medium_high", deadline=DeadlineStatus.IN_TIME), now=now
        ),
        "page of an empty deadline status": lambda: disputes.queue(Filter(deadline=DeadlineStatus.OVERDUE), now=now),
        "one case with its events": lambda: disputes.get(dispute_id),
        "history of a line": lambda: disputes.of_line("line-1"),
        "counts of all": lambda: disputes.counts(now),
    }
    rows = []
    for name, call in calls.items():
        times = sorted(_timed(call) for _ in range(REPEATS))
        rows.append(f"| {name} | {statistics.median(times):.1f} | {times[-1]:.1f} |")
    return rows


def _timed(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return (time.perf_counter() - started) * 1000


def fill(url: str, count: int) -> None:
    """Write copies of one decision record outside the hash chain."""
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


def open_disputes(log: DecisionLog, disputes: DisputeService, count: int) -> str:
    """Open disputes and assign two of three; returns the id of the last one."""
    last = ""
    for start in range(0, count, BATCH):
        request_id = f"r-{start}"
        size = min(BATCH, count - start)
        ids = decision_ids(as_of.now(), size)
        records = [_record(each, request_id, f"line-{start + i}") for i, each in enumerate(ids)]
        log.append("suspension", request_id, "body", records)
        for i, decision_id in enumerate(ids):
            number = start + i
            last = disputes.open(
                HOTLINE, decision_id, statement="I only call customers.", channel="hotline", request_id=f"o-{number}"
            ).dispute_id
            if number % 3:
                assignee = REVIEWERS[number % len(REVIEWERS)]
                disputes.assign(SHIFT_LEAD, last, assignee=assignee, request_id=f"a-{number}")
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
        # The size of 170 features.
        features=RecordedFeatures(columns="c" * 64, values="A" * 908),
        scored_by="suspension",
    )


if __name__ == "__main__":
    main()
