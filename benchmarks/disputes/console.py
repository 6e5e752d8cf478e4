"""How long pages of the console take with many open cases and a large log behind them: in the server, no network.

    .venv/bin/linerisk demo
    .venv/bin/python benchmarks/disputes/console.py --home var/demo --line ID_OF_A_LINE_THAT_IT_SHOWED

Model and snapshot are those of the home; its log is left alone, a new one is made in a folder that is thrown away. The
case that is shown is of the line, with everything that stands behind its decision; the others are as in `run.py`.
Decided cases are of its tier, each about a copy of its decision in which every family adds another amount, so that as
many are compared with it as ever are. The challenger is the model of the home under another fingerprint.
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
from run import AT_ONCE, HOTLINE, REPEATS, REVIEWERS, fill, open_disputes

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
    """Fill a log, log in, ask for pages."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--line", required=True)
    parser.add_argument("--decisions", type=int, default=1_000_000)
    parser.add_argument("--open", type=int, default=10_000)
    parser.add_argument("--decided", type=int, default=10_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        home.mkdir()
        shutil.copytree(asked.home / "live", home / "live")
        shutil.copy(asked.home / "id_key", home / "id_key")
        settings = Settings(home=home)
        store = TokenStore(settings.tokens)
        tokens = [store.create(name, Role.REVIEWER) for name in REVIEWERS]
        state = ServiceState(settings)
        try:
            fill(settings.decision_log_url, asked.decisions - asked.open - asked.decided)
            open_disputes(state.log, state.disputes, asked.open - 1)
            case = _a_real_case(state, asked.line)
            decide_like(state, case, asked.decided)
            _challenge(state, home / "challenger")
            rows = asyncio.run(_measured(Console(state), tokens[0], case))
        finally:
            state.close()
    head = (
        f"{asked.decisions:,} decisions, {asked.open:,} open disputes, {asked.decided:,} decided, ms of {REPEATS} tries"
    )
    sys.stdout.write("\n".join([head, "", "| page | bytes | median | worst |", "|---|--:|--:|--:|", *rows, ""]))


def _a_real_case(state: ServiceState, line_id: str) -> str:
    """The dispute of a decision that the model of the home makes."""
    request = ScoreRequest(request_id="bench", lines=[LineById(line_id)])
    records, problems = score_by_id(state, request, caller="suspension")
    if problems:
        raise SystemExit(problems[0].message)
    state.log.append("suspension", "bench", "body", records)
    said = "I only call customers."
    dispute = state.disputes.open(
        HOTLINE, records[0].decision_id, statement=said, channel="hotline", request_id="bench"
    )
    return dispute.dispute_id


def decide_like(state: ServiceState, case: str, count: int) -> None:
    """Put cases of the tier of one into the log and decide them; what families add differs at random."""
    dispute = state.disputes.get(case)
    record = None if dispute is None else state.log.get(dispute.decision_id)
    if record is None:
        raise SystemExit("the case of the line has no decision")
    rng = np.random.default_rng(0)
    for start in range(0, count, AT_ONCE):
        key, size = f"decided-{start}", min(AT_ONCE, count - start)
        records = [
            msgspec.structs.replace(
                record,
                decision_id=each,
                request_id=key,
                line_id=f"decided-{start + i}",
                contributions={name: added * rng.lognormal(0, 0.7) for name, added in record.contributions.items()},
            )
            for i, each in enumerate(decision_ids(as_of.now(), size))
        ]
        state.log.append("suspension", key, "body", records)
        for i, each in enumerate(records):
            number = start + i
            who = Actor(REVIEWERS[number % len(REVIEWERS)], REVIEWER)
            said = {"statement": "I only call customers.", "channel": "hotline"}
            opened = state.disputes.open(HOTLINE, each.decision_id, request_id=f"do-{number}", **said).dispute_id
            state.disputes.assign(who, opened, assignee=who.name, request_id=f"da-{number}")
            outcome = (Outcome.CLEARED, Outcome.INCONCLUSIVE)[number % 2]
            reason = "The employer confirmed what the line is used for."
            state.disputes.decide(who, opened, outcome=outcome, reason=reason, request_id=f"dd-{number}")


def _challenge(state: ServiceState, artefact: Path) -> None:
    """Let the model of the home ask to be live, under another fingerprint."""
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
        following = re.search(r'href="(/review\?after=[^"]+)"', queue.text)
        pages = {
            "queue": "/review",
            "queue, second page": following[1] if following else "/review",
            "queue, my own": "/review?mine=1",
            "case, with what is like it and the challenger": f"/review/cases/{case}",
            "overturns": "/review/overturns",
            "model": "/review/model",
        }
        for name, path in pages.items():
            took, size = [], 0
            for _ in range(REPEATS):
                started = time.perf_counter()
                answer = await client.get(path)
                took.append((time.perf_counter() - started) * 1000)
                answer.raise_for_status()
                size = len(answer.content)
            rows.append(f"| {name} | {size:,} | {statistics.median(took):.1f} | {max(took):.1f} |")
    return rows


if __name__ == "__main__":
    main()
