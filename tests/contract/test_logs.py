"""The service log: failed requests by request number, and the live bundle."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

LINE = "13800138000"


@pytest.fixture(scope="module")
def served(serving: Callable[..., Any], world_of_module: Any) -> Iterator[Any]:
    with serving(world_of_module) as server:
        yield server


def lines(server: Any, event: str) -> list[dict[str, Any]]:
    """Log lines of an event."""
    entries = [json.loads(line) for line in server.log.read_text().splitlines() if line.startswith("{")]
    return [line for line in entries if line["event"] == event]


def test_the_request_number_sent_to_the_caller_finds_the_failure_in_the_log(served: Any) -> None:
    """An unreadable token file is an internal error for every caller."""
    path = served.world.settings.home / "tokens.json"
    whole = path.read_bytes()
    path.write_bytes(b"{")
    try:
        answers = [served.score(LINE, LINE) for _ in range(2)]
    finally:
        path.write_bytes(whole)
    assert [answer.status_code for answer in answers] == [503, 503]
    numbers = [answer.headers["x-request-number"] for answer in answers]
    assert len(set(numbers)) == 2
    for number in numbers:
        (line,) = (each for each in lines(served, "refused") if each["number"] == number)
        assert (line["route"], line["error"], line["level"]) == ("/v1/score", "StoreError", "error")
        assert line["where"].startswith("web/token_store.py:")
    assert LINE not in served.log.read_text()


def test_a_client_error_is_not_logged_and_has_no_request_number(served: Any) -> None:
    before = served.log.read_text()
    for answer in (served.score("bad"), served.client(None).get("/v1/model"), served.client().get("/v1/nothing")):
        assert 400 <= answer.status_code < 500
        assert "x-request-number" not in answer.headers
    assert served.log.read_text() == before


def test_a_new_live_bundle_is_logged_in_one_line_with_model_and_snapshot(
    served: Any, wait_until: Callable[[Callable[[], bool]], None]
) -> None:
    served.world.promote(version="2", seed=8)
    wait_until(lambda: served.client("lead").get("/v1/model").json()["version"] == "2")
    snapshot = served.client("lead").get("/v1/model").json()["snapshot"]["id"]
    wait_until(lambda: len(lines(served, "new live pair")) == 1)
    (line,) = lines(served, "new live pair")
    assert (line["model"], line["snapshot"], line["level"]) == ("2", snapshot, "info")
