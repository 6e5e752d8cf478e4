"""Scores that are made before anybody asks say what scores made on demand say, to the last bit."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import msgspec

from linerisk.live import Live
from linerisk.service.ahead import decide_ahead
from linerisk.service.decide import decide
from linerisk.service.ready import Ahead
from linerisk.service.request_types import LineById, ScoreRequest
from linerisk.service.routes.scoring import answer_of
from linerisk.service.scoring import input_by_id, score_by_id, warm_up
from linerisk.web.state import ServiceState


def _told(state: ServiceState, request: ScoreRequest) -> list[dict[str, Any]]:
    """Decisions without what no two of them share."""
    decisions, _ = score_by_id(state, request, caller="a-scorer")
    plain = [msgspec.json.decode(each.to_json()) for each in decisions]
    return [{key: value for key, value in each.items() if key not in {"decision_id", "scored_at"}} for each in plain]


def test_decisions_have_the_same_bits_prepared_and_on_demand(world: Any) -> None:
    request = ScoreRequest(request_id="r", lines=[LineById(f"line-{i:03}") for i in range(100)])
    state = ServiceState(world.settings)
    try:
        assert Live.open(world.settings.live).prepared is not None
        prepared = _told(state, request)
    finally:
        state.close()
    for folder in world.settings.live.glob("snapshots/*/scores-*"):
        (folder / "meta.json").unlink()
    state = ServiceState(world.settings)
    try:
        assert Live.open(world.settings.live).prepared is None
        assert _told(state, request) == prepared
        assert [_told(state, msgspec.structs.replace(request, lines=[line]))[0] for line in request.lines] == prepared
    finally:
        state.close()


def test_what_is_spelled_ahead_is_recorded_and_told_with_the_same_bytes(world: Any) -> None:
    lines = [f"line-{i:03}" for i in range(100)] + ["nobody", "line-001"]
    state = ServiceState(world.settings)
    try:
        whole = ScoreRequest(request_id="r", lines=[LineById(line) for line in lines])
        few = Ahead(state).decide(whole, caller="a-scorer")
        asked, policy, problems = input_by_id(state, whole, caller="a-scorer")
        assert {problem.code for problem in problems} == {"unknown_line", "duplicate_line", "account_missing"}
        assert few is not None
        assert few[1] == problems
        for wording, made in ((state.wording, few[0]), (state.wording, None), (None, None)):
            plain = decide(asked, policy, wording)
            ahead = decide_ahead(asked, policy, state.wording, reasons=wording is not None) if made is None else made
            assert ahead is not None
            for one, other in zip(plain, ahead, strict=True):
                same = msgspec.structs.replace(other, decision_id=one.decision_id, scored_at=one.scored_at)
                assert same.to_json() == one.to_json()
                assert same.given_reasons() == one.given_reasons()
                assert answer_of("r", [same], problems) == answer_of("r", [one], problems)
    finally:
        state.close()


def test_damaged_words_are_made_anew_and_told_to_nobody(world: Any) -> None:
    request = ScoreRequest(request_id="r", lines=[LineById(f"line-{i:03}") for i in range(100)])
    state = ServiceState(world.settings)
    try:
        whole = _told(state, request)
    finally:
        state.close()
    (file,) = world.settings.live.glob("snapshots/*/scores-*/spelled.bin")
    text = bytearray(file.read_bytes())
    for at in range(0, len(text), 4_000):
        text[at] ^= 1
    file.write_bytes(text)
    state = ServiceState(world.settings)
    try:
        assert Ahead(state).decide(request, caller="a-scorer") is None
        assert _told(state, request) == whole
    finally:
        state.close()


def test_words_that_a_site_has_changed_since_are_not_said(world: Any, tmp_path: Path) -> None:
    policies = tmp_path / "policies"
    shutil.copytree(world.settings.policies, policies)
    reasons = policies / "reasons.toml"
    reasons.write_text(reasons.read_text(encoding="utf-8") + "\n# a word of ours\n", encoding="utf-8")
    request = ScoreRequest(request_id="r", lines=[LineById("line-001")])
    for settings, spelled in (
        (world.settings, True),
        (world.settings.model_copy(update={"policies": policies}), False),
    ):
        state = ServiceState(settings)
        try:
            assert (Ahead(state).decide(request, caller="a-scorer") is not None) == spelled
        finally:
            state.close()


def test_what_is_rehearsed_at_the_start_is_recorded_nowhere(world: Any) -> None:
    state = ServiceState(world.settings)
    try:
        warm_up(state)
        assert state.log.count() == 0
    finally:
        state.close()
