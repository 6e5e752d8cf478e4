"""Decisions from precomputed scores equal decisions computed on request, to the last bit."""

from __future__ import annotations

from typing import Any

import msgspec

from linerisk.live import Live
from linerisk.service.request_types import LineById, ScoreRequest
from linerisk.service.scoring import score_by_id, warm_up
from linerisk.web.state import ServiceState


def _decisions(state: ServiceState, request: ScoreRequest) -> list[dict[str, Any]]:
    """Decisions without id and time."""
    decisions, _ = score_by_id(state, request, caller="a-scorer")
    plain = [msgspec.json.decode(each.to_json()) for each in decisions]
    return [{key: value for key, value in each.items() if key not in {"decision_id", "scored_at"}} for each in plain]


def test_decisions_have_the_same_bits_precomputed_and_on_request(world: Any) -> None:
    request = ScoreRequest(request_id="r", lines=[LineById(f"line-{i:03}") for i in range(100)])
    state = ServiceState(world.settings)
    try:
        assert Live.open(world.settings.live).precomputed is not None
        precomputed = _decisions(state, request)
    finally:
        state.close()
    for folder in world.settings.live.glob("snapshots/*/scores-*"):
        (folder / "meta.json").unlink()
    state = ServiceState(world.settings)
    try:
        assert Live.open(world.settings.live).precomputed is None
        assert _decisions(state, request) == precomputed
        one_by_one = [_decisions(state, msgspec.structs.replace(request, lines=[line]))[0] for line in request.lines]
        assert one_by_one == precomputed
    finally:
        state.close()


def test_the_warm_up_records_nothing(world: Any) -> None:
    state = ServiceState(world.settings)
    try:
        warm_up(state)
        assert state.log.count() == 0
    finally:
        state.close()
