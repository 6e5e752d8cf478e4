"""Benchmark of console pages with many open cases and a large decision log, in the server without a network.

    .venv/bin/linerisk demo
    .venv/bin/python benchmarks/disputes/console.py --home var/demo --line ID_OF_A_LINE_THAT_IT_SHOWED

Model and snapshot are those of the home. Its log is not touched; the benchmark makes one in a temporary folder. The
timed case is of the given line, with the complete evidence; the other open cases are as in `run.py`. Decided cases have
its tier and copies of its decision with random contributions, so that the maximum number of cases is compared with it.
The challenger is the model of the home under another fingerprint.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import shutil
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import httpx
import msgspec
import numpy as np
from run import BATCH, HOTLINE, REPEATS, REVIEWERS, fill, open_disputes

from linerisk import as_of
from linerisk.console.app import Console
from linerisk.decisions.ids import decision_ids
from linerisk.live import put_challenger
from linerisk.review.transitions import REVIEWER, Actor, Outcome
from linerisk.service.request_types import LineById, ScoreRequest
from linerisk.service.scoring import score_by_id
from linerisk.settings import Settings
from linerisk.web.state import ServiceState
from linerisk.web.token_store import Role, TokenStore


def main() -> None:
    """Fill a log, log in, time pages."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--line", required=True)
    parser.add_argument("--decisions", type=int, default=1_000_000)
    parser.add_argument("--open", type=int, default=10_000)
    parser.add_argument("--decided", type=int, default=10_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        home.mkdir()
        shutil.copytree(options.home / "live", home / "live")
        shutil.copy(options.home / "id_key", home / "id_key")
        settings = Settings(home=home)
        store = TokenStore(settings.tokens)
        tokens = [store.create(name, Role.REVIEWER) for name in REVIEWERS]
        state = ServiceState(settings)
        try:
            fill(settings.decision_log_url, options.decisions - options.open - options.decided)
            open_disputes(state.log, state.disputes, options.open - 1)
            case = _open_real_case(state, options.line)
            add_decided_cases(state, case, options.decided)
            _put_challenger(state, home / "challenger")
            rows = asyncio.run(_measured(Console(state), tokens[0], case))
        finally:
            state.close()
    head = (
        f"{options.decisions:,} decisions, {options.open:,} open and {options.decided:,} decided disputes, "
        f"ms of {REPEATS} tries"
    )
    sys.stdout.write("\n".join([head, "", "| page | bytes | median | worst |", "|---|--:|--:|--:|", *rows, ""]))


def _open_real_case(state: ServiceState, line_id: str) -> str:
    """Score the line with the model of the home and open a dispute; returns its id."""
    request = ScoreRequest(request_id="bench", lines=[LineById(line_id)])
    records, problems = score_by_id(state, request, caller="suspension")
    if problems:
        raise SystemExit(problems[0].message)
    state.log.append("suspension", "bench", "body", records)
    statement = "I only call customers."
    dispute = state.disputes.open(
        HOTLINE, records[0].decision_id, statement=statement, channel="hotline", request_id="bench"
    )
    return dispute.dispute_id


def add_decided_cases(state: ServiceState, case: str, count: int) -> None:
    """Add decided cases with the tier of a case and random contributions."""
    dispute = state.disputes.get(case)
    record = None if dispute is None else state.log.get(dispute.decision_id)
    if record is None:
        raise SystemExit("the case of the line has no decision")
    rng = np.random.default_rng(0)
    for start in range(0, count, BATCH):
        request_id, size = f"decided-{start}", min(BATCH, count - start)
        records = [
            msgspec.structs.replace(
                record,
                decision_id=each,
                request_id=request_id,
                line_id=f"decided-{start + i}",
                contributions={name: value * rng.lognormal(0, 0.7) for name, value in record.contributions.items()},
            )
            for i, each in enumerate(decision_ids(as_of.now(), size))
        ]
        state.log.append("suspension", request_id, "body", records)
        for i, each in enumerate(records):
            number = start + i
            reviewer = Actor(REVIEWERS[number % len(REVIEWERS)], REVIEWER)
            objection = {"statement": "I only call customers.", "channel": "hotline"}
            opened = state.disputes.open(HOTLINE, each.decision_id, request_id=f"do-{number}", **objection).dispute_id
            state.disputes.assign(reviewer, opened, assignee=reviewer.name, request_id=f"da-{number}")
            outcome = (Outcome.CLEARED, Outcome.INCONCLUSIVE)[number % 2]
            reason = "The employer confirmed what the line is used for."
            state.disputes.decide(reviewer, opened, outcome=outcome, reason=reason, request_id=f"dd-{number}")


def _put_challenger(state: ServiceState, artefact: Path) -> None:
    """Make the model of the home the challenger, under another fingerprint."""
    model = state.live.current().model
    replace(model, facts={**model.facts, "benchmark": True}).save(artefact)
    put_challenger(state.settings.live, artefact, name=model.name, version="challenger", gates="passed")


async def _measured(console: Console, token: str, case: str) -> list[str]:
    rows = []
    transport = httpx.ASGITransport(console)
    origin = "http://console.invalid"
    async with httpx.AsyncClient(transport=transport, base_url=origin, headers={"origin": origin}) as client:
        await client.post("/review/login", data={"token": token, "language": "zh"})
        queue = await client.get("/review")
        next_page = re.search(r'href="(/review\?after=[^"]+)"', queue.text)
        pages = {
            "queue": "/review",
            "queue, second page": next_page[1] if next_page else "/review",
            "queue, my own": "/review?mine=1",
            "case, with similar cases and the challenger": f"/review/cases/{case}",
            "overturns": "/review/overturns",
            "model": "/review/model",
        }
        for name, path in pages.items():
            times, size = [], 0
            for _ in range(REPEATS):
                started = time.perf_counter()
                answer = await client.get(path)
                times.append((time.perf_counter() - started) * 1000)
                answer.raise_for_status()
                size = len(answer.content)
            rows.append(f"| {name} | {size:,} | {statistics.median(times):.1f} | {max(times):.1f} |")
    return rows


if __name__ == "__main__":
    main()
