"""Scores that are made before anybody asks say what scores made on demand say, to the last bit."""

from __future__ import annotations

from typing import Any

import msgspec

from linerisk.live import Live
from linerisk.service.desk import Desk
from linerisk.service.types import LineById, ScoreRequest


def _told(desk: Desk, request: ScoreRequest) -> list[dict[str, Any]]:
    """Decisions without what no two of them share."""
    decisions, _ = desk.by_id(request, caller="a-scorer")
    plain = msgspec.to_builtins(decisions)
    return [{key: value for key, value in each.items() if key not in {"decision_id", "scored_at"}} for each in plain]


def test_decisions_have_the_same_bits_prepared_and_on_demand(world: Any) -> None:
    request = ScoreRequest(request_id="r", lines=[LineById(f"line-{i:03}") for i in range(100)])
    desk = Desk(world.settings)
    try:
        assert Live.open(world.settings.live).prepared is not None
        prepared = _told(desk, request)
    finally:
        desk.close()
    for folder in world.settings.live.glob("snapshots/*/scores-*"):
        (folder / "meta.json").unlink()
    desk = Desk(world.settings)
    try:
        assert Live.open(world.settings.live).prepared is None
        assert _told(desk, request) == prepared
        assert [_told(desk, msgspec.structs.replace(request, lines=[line]))[0] for line in request.lines] == prepared
    finally:
        desk.close()


def test_what_is_rehearsed_at_the_start_is_recorded_nowhere(world: Any) -> None:
    desk = Desk(world.settings)
    try:
        desk.rehearse()
        assert desk.log.count() == 0
    finally:
        desk.close()
