"""The system clock jumps: order, chain, idempotency, limits and staleness hold.

The service runs under libfaketime, which shifts the time of day and not the monotonic clock, like setting the system
clock. Without libfaketime these tests are skipped: `apt-get install libfaketime`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from linerisk.as_of import now, parse_instant
from linerisk.decisions.log import DecisionLog
from linerisk.web.token_store import Role, TokenStore

pytestmark = pytest.mark.slow
NOON = datetime(2024, 8, 1, 12, tzinfo=UTC)


@dataclass
class Clock:
    """The time of day that a service reads."""

    file: Path
    library: Path

    def set(self, instant: datetime) -> None:
        new = self.file.with_suffix(".new")
        new.write_text(f"{(instant - now()).total_seconds():+.0f}\n")
        new.replace(self.file)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "LD_PRELOAD": str(self.library),
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not found:
        # Nothing else sets back the clock of another process; the README names the package.
        pytest.skip("libfaketime is not installed, so no clock can be set back")
    made = Clock(tmp_path / "clock", found[0])
    made.set(NOON)
    return made


@pytest.fixture
def served(serving: Callable[..., Any], world: Any, clock: Clock) -> Iterator[Any]:
    with serving(world, **clock.environment) as server:
        yield server


def scored_at(answer: httpx.Response) -> datetime:
    assert answer.status_code == 200, answer.text
    (decision,) = answer.json()["decisions"]
    return parse_instant(decision["scored_at"])


def near(instant: datetime, expected: datetime) -> bool:
    return abs(instant - expected) < timedelta(minutes=5)


def test_a_clock_that_jumps_back_keeps_the_chain_the_order_and_repeated_answers(served: Any, clock: Clock) -> None:
    before = [served.score(f"before-{i}", "line-001") for i in range(3)]
    assert all(near(scored_at(answer), NOON) for answer in before)
    clock.set(NOON - timedelta(hours=2))
    after = [served.score(f"after-{i}", "line-001") for i in range(3)]
    assert all(near(scored_at(answer), NOON - timedelta(hours=2)) for answer in after), "the clock did jump"
    assert served.score("before-1", "line-001").content == before[1].content
    assert served.score("before-1", "line-002").status_code == 409
    assert served.score("after-1", "line-001").content == after[1].content
    ids = [answer.json()["decisions"][0]["decision_id"] for answer in (*before, *after)]
    assert len(set(ids)) == 6
    listed: list[str] = []
    page: dict[str, Any] = {"next_before": None}
    while len(listed) < 6:
        query = {"limit": 2} | ({"before": page["next_before"]} if page["next_before"] else {})
        page = served.client("auditor").get("/v1/lines/line-001/decisions", params=query).json()
        listed += [decision["decision_id"] for decision in page["decisions"]]
    assert listed == ids[::-1], "pages follow the order of recording, not the clock"
    for decision in ids:
        replayed = served.client("auditor").post(f"/v1/decisions/{decision}/replay").json()
        assert replayed["identical"]
    with DecisionLog(served.world.settings.decision_log_url, create=False) as log:
        report = log.verify()
        assert (report.ok, report.rows) == (True, 6)


def test_a_clock_jump_changes_no_rate_limit(served: Any, clock: Clock) -> None:
    store = TokenStore(served.world.settings.home / "tokens.json")
    lines = [{"line_id": f"line-{i:03}"} for i in range(60)]
    slow, fast = (store.create(f"limited-{rate}", Role.SCORER, lines_per_second=rate) for rate in (1, 30))

    def ask(secret: str, name: str) -> httpx.Response:
        body = {"request_id": name, "lines": lines}
        return httpx.post(
            f"{served.url}/v1/score", json=body, headers={"authorization": f"Bearer {secret}"}, timeout=30
        )

    assert ask(slow, "a").status_code == 200
    assert ask(slow, "b").status_code == 429
    clock.set(NOON + timedelta(days=1))
    assert ask(slow, "b").status_code == 429, "a clock jump must not refill the allowance"
    assert ask(fast, "a").status_code == 200
    clock.set(NOON - timedelta(days=1))
    time.sleep(3)
    assert ask(fast, "b").status_code == 200, "waiting refills the allowance although the clock went back"
    assert ask(slow, "b").status_code == 429


def test_staleness_and_token_expiry_follow_the_clock_forwards_and_backwards(served: Any, clock: Clock) -> None:
    def status(name: str) -> str:
        (decision,) = served.score(name, "line-001").json()["decisions"]
        return str(decision["status"])

    assert status("noon") == "fresh"
    clock.set(NOON + timedelta(days=60))
    assert status("two-months-later") == "stale"
    clock.set(NOON - timedelta(hours=13))
    assert status("before-the-snapshot") == "fresh"
    assert served.client(None).get("/readyz").status_code == 200
    clock.set(NOON)
    assert status("noon-again") == "fresh"
    store = TokenStore(served.world.settings.home / "tokens.json")
    secret = store.create("short", Role.AUDITOR, expires_at=NOON + timedelta(hours=1))
    headers = {"authorization": f"Bearer {secret}"}
    assert httpx.get(f"{served.url}/v1/model", headers=headers).status_code == 200
    clock.set(NOON + timedelta(hours=2))
    assert httpx.get(f"{served.url}/v1/model", headers=headers).status_code == 401


def test_a_clock_that_jumps_back_and_forth_under_load_loses_no_decision(
    served: Any, clock: Clock, load_clients: Any, check_log: Any
) -> None:
    with load_clients(served, "jumping", most_lines=10) as load:
        for hours in (-3, 5, -48, 0, 1, -1):
            clock.set(NOON + timedelta(hours=hours))
            load.wait_for(8)
    assert [each.status for each in load.requests if each.status != 200] == []
    assert check_log(served.world.settings.decision_log_url, load.requests) == len(load.requests)
