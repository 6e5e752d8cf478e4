"""What a page says that no person wrote is in the language of the visitor; what it cannot show, it says."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from linerisk import as_of
from linerisk.console.app import Console
from linerisk.decisions.record import RecordedAction
from linerisk.review.transitions import SCORER, Actor
from linerisk.service.request_types import LineById, ScoreRequest
from linerisk.service.scoring import score_by_id
from linerisk.settings import Settings
from linerisk.web.state import ServiceState

ENGLISH = ("Expected:", "Found:", "To mend it:", "damaged", "cannot be", "was changed")


@pytest.fixture(scope="module")
def case(world_of_module: Any) -> str:
    """A dispute of a raised decision that version 1 made."""
    state = ServiceState(world_of_module.settings)
    try:
        lines = [LineById(f"line-{i:03}") for i in range(20, 60)]
        records, _ = score_by_id(state, ScoreRequest(request_id="r", lines=lines), caller="a-scorer")
        state.log.append("a-scorer", "r", "body", records)
        raised = next(record.decision_id for record in records if record.action.kind == "verify")
        said = {"statement": "I deliver parcels.", "channel": "hotline", "request_id": "o"}
        return state.disputes.open(Actor("a-scorer", SCORER), raised, **said).dispute_id
    finally:
        state.close()


@pytest.fixture
def world(world_of_module: Any, case: str, tmp_path: Path) -> Any:  # noqa: ARG001  # the home has the dispute by then
    """The home with that dispute, to break something of."""
    home = tmp_path / "home"
    shutil.copytree(world_of_module.settings.home, home)
    return type(world_of_module)(Settings(home=home), world_of_module.tokens)


def pages(settings: Settings, token: str, *paths: str, walk: bool = False) -> dict[str, dict[str, str]]:
    """Pages in both languages, by language and path; all of them are shown."""
    state = ServiceState(settings)
    try:
        return {
            language: asyncio.run(_asked(Console(state), token, language, paths, walk=walk))
            for language in ("zh", "en")
        }
    finally:
        state.close()


async def _asked(console: Console, token: str, language: str, paths: tuple[str, ...], *, walk: bool) -> dict[str, str]:
    origin = "http://console.invalid"
    transport = httpx.ASGITransport(console)
    async with httpx.AsyncClient(transport=transport, base_url=origin, headers={"origin": origin}) as client:
        await client.post("/review/login", data={"token": token, "language": language})
        if walk:
            page = (await client.get("/review/audit")).text
            csrf = page.partition('name="csrf" value="')[2].partition('"')[0]
            await client.post("/review/audit/walk", data={"csrf": csrf})
            deadline = time.monotonic() + 20
            while "✗" not in (await client.get("/review/audit")).text:
                assert time.monotonic() < deadline, "nothing was found"
                await asyncio.sleep(0.05)
        answers = {path: await client.get(f"/review{path}") for path in paths}
    assert {answer.status_code for answer in answers.values()} == {200}
    return {path: answer.text for path, answer in answers.items()}


def in_both(told: dict[str, dict[str, str]], path: str, *, zh: str, en: str) -> None:
    # Whole pages are not told where this fails: to compare them would take minutes.
    found = (zh in told["zh"][path], en in told["en"][path])
    assert found == (True, True)
    assert not [words for words in ENGLISH if words in told["zh"][path]]


def test_a_decision_whose_model_is_damaged_is_shown_without_its_evidence(world: Any, case: str) -> None:
    world.promote(version="2", seed=8)
    first, _ = sorted((world.settings.live / "models").iterdir(), key=lambda folder: folder.stat().st_mtime)
    (first / "trees.txt").write_bytes(b"tree")
    told = pages(world.settings, world.tokens["lead"], f"/cases/{case}")
    in_both(told, f"/cases/{case}", zh="模型文件 trees.txt 已损坏", en="trees.txt is damaged")


def test_a_decision_whose_policy_is_gone_is_shown_without_its_rules(world: Any, case: str, tmp_path: Path) -> None:
    policies = tmp_path / "policies"
    shutil.copytree(world.settings.policies, policies)
    (policies / "shenzhen-2024-07-b.toml").unlink()
    settings = Settings(home=world.settings.home, policies=policies)
    told = pages(settings, world.tokens["lead"], f"/cases/{case}")
    in_both(told, f"/cases/{case}", zh="规则文件缺失", en="the policy of the decision is not there")


def test_where_nothing_is_live_the_model_page_says_so(world: Any) -> None:
    (world.settings.live / "current.json").unlink()
    told = pages(world.settings, world.tokens["lead"], "/model")
    in_both(told, "/model", zh="尚未发布模型", en="no model is live")


def test_a_challenger_that_is_damaged_is_said_on_the_model_page(world: Any) -> None:
    (world.challenge(version="9", seed=31) / "trees.txt").write_bytes(b"tree")
    told = pages(world.settings, world.tokens["lead"], "/model")
    in_both(told, "/model", zh="模型文件 trees.txt 已损坏", en="trees.txt is damaged")


def test_a_chain_that_does_not_stand_is_said_on_the_audit_page(world: Any) -> None:
    with sqlite3.connect(world.settings.home / "decisions.db") as log:
        for (trigger,) in log.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            log.execute(f"DROP TRIGGER {trigger}")
        log.execute("UPDATE decisions SET record = record || ' ' WHERE seq = 3")
    told = pages(world.settings, world.tokens["lead"], "/audit", walk=True)
    in_both(told, "/audit", zh="第3行有问题：记录被改动", en="Row 3 is not intact: the record was changed")


def test_a_walk_that_fails_ends_and_another_can_begin(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_given: Any, **_named: Any) -> None:
        raise OSError("the disk is gone")

    monkeypatch.setattr("linerisk.decisions.log.DecisionLog.verify", failing)
    told = pages(world.settings, world.tokens["lead"], "/audit", walk=True)
    in_both(told, "/audit", zh="未能核对：出现故障，服务日志中有记录", en="the walk failed")
    assert "Verification has been running" not in told["en"]["/audit"]


@pytest.mark.parametrize("path", ["/lines?id=nobody", "/lines?case=00000000000000"])
def test_where_no_decision_is_found_the_page_says_who_to_pass_an_objection_on_to(world: Any, path: str) -> None:
    told = pages(world.settings, world.tokens["lead"], path)
    in_both(told, path, zh="应将申诉转给作出决定的单位", en="do not refuse it")


def decided(settings: Settings, **changed: Any) -> str:
    """Path of a new decision about a line that the model raises, recorded with some parts changed."""
    state = ServiceState(settings)
    try:
        lines = [LineById(f"line-{i:03}") for i in range(20, 60)]
        records, _ = score_by_id(state, ScoreRequest(request_id="q", lines=lines), caller="a-scorer")
        raised = next(record for record in records if record.action.kind == "verify")
        made = msgspec.structs.replace(raised, **changed)
        state.log.append("a-scorer", "q", "body", [made])
    finally:
        state.close()
    return f"/decisions/{made.decision_id}"


def test_a_decision_that_started_nothing_says_who_else_may_have_limited_the_line(world: Any) -> None:
    # The snapshot is long stale, and what is stale starts no measure.
    path = decided(world.settings)
    told = pages(world.settings, world.tokens["lead"], path)
    in_both(told, path, zh="不要求办理任何事项。 号码若仍受限制", en="the cause may be an earlier decision")
    in_both(told, path, zh="应将申诉转给作出决定的单位", en="do not refuse it")


def test_a_decision_of_which_no_notice_can_be_made_is_not_said_to_ask_for_nothing(world: Any) -> None:
    action = RecordedAction(kind="verify", policy="shenzhen-2024-07-b", steps=("online_real_person",))
    path = decided(world.settings, status="fresh", action=action, reasons=())
    told = pages(world.settings, world.tokens["lead"], path)
    in_both(
        told,
        path,
        zh="无法生成通知：决定中没有升高等级的原因",
        en="The notice cannot be generated: there is no notice without a reason",
    )
    assert not [
        page for page in (told["zh"][path], told["en"][path]) if "不要求办理" in page or "Nothing is asked" in page
    ]


def test_what_the_clock_did_is_said_in_words(world: Any, case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    later = as_of.now() + timedelta(days=16)
    monkeypatch.setattr(as_of, "now", lambda: later)
    state = ServiceState(world.settings)
    try:
        assert state.disputes.expire_due() == 1
    finally:
        state.close()
    path = f"/cases/{case}"
    told = pages(world.settings, world.tokens["lead"], path)
    in_both(told, path, zh="<b>系统</b> 超过最终期限，自动终止", en="<b>system</b> closed it: the hard limit passed")
    assert not [page for page in (told["zh"][path], told["en"][path]) if "(clock)" in page]
