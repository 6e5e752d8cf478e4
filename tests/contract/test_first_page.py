"""The first visitor of a worker waits no longer than the second: pages are made ready beside the scores."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any, NoReturn

import jinja2
import pytest

from linerisk.console import rendering
from linerisk.console.app import PAGES, Console
from linerisk.console.warm_up import WarmUp
from linerisk.review.transitions import SCORER, Actor
from linerisk.service.request_types import LineById, ScoreRequest
from linerisk.service.scoring import score_by_id
from linerisk.web.state import ServiceState

A_WORKER = """
from linerisk.service.app import service
worker = service.inner()
print("console" in vars(worker))
worker.rehearsal.join()
print("console" in vars(worker))
worker.close()
"""


def test_no_page_is_compiled_and_no_model_is_read_once_the_console_was_rehearsed(
    world: Any, read_pages: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    challenger = world.challenge(version="9", seed=31)
    state = ServiceState(world.settings)
    try:
        lines = [LineById(f"line-{i:03}") for i in range(20, 60)]
        records, _ = score_by_id(state, ScoreRequest(request_id="r", lines=lines), caller="a-scorer")
        state.log.append("a-scorer", "r", "body", records)
        raised = next(record.decision_id for record in records if record.tier != "normal")
        said = {"statement": "I deliver parcels.", "channel": "hotline", "request_id": "o"}
        dispute = state.disputes.open(Actor("a-scorer", SCORER), raised, **said)
        # Templates are kept by the process, and another test may have asked for them.
        monkeypatch.setattr(rendering, "_PAGES", rendering._PAGES.overlay(cache_size=400))
        console = Console(state)
        console.warm_up()

        def compiling(*_given: Any, **_named: Any) -> NoReturn:
            raise AssertionError("a template was compiled while somebody waited")

        monkeypatch.setattr(jinja2.Environment, "compile", compiling)
        (challenger / "trees.txt").unlink()
        ids = {"/cases/{id}": dispute.dispute_id, "/decisions/{id}": raised}
        paths = ["/login"] + [
            page.path.replace("{id}", ids.get(page.path, "")) for page in PAGES if page.method == "GET"
        ]
        answers = read_pages(console, world.tokens["lead"], *paths)
    finally:
        state.close()
    assert {path: answer.status_code for path, answer in answers.items()} == dict.fromkeys(paths, 200)
    assert "candidate version 9" in answers[f"/cases/{dispute.dispute_id}"].text


def test_a_worker_rehearses_the_console_beside_its_work_and_not_before_it(world: Any) -> None:
    environment = {**os.environ, "LINERISK_HOME": str(world.settings.home)}
    ran = subprocess.run(
        [sys.executable, "-c", A_WORKER], env=environment, capture_output=True, text=True, timeout=120, check=True
    )
    assert ran.stdout.split() == ["False", "True"]


def test_a_rehearsal_that_fails_is_logged_and_stops_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    def failing() -> NoReturn:
        raise ValueError("line 13800138000 is not to be logged")

    rehearsal = WarmUp(failing, after_s=0)
    rehearsal.join()
    said = capsys.readouterr().err
    logged = json.loads(said)
    assert (logged["event"], logged["error"]) == ("pages could not be made ready", "ValueError")
    assert "13800138000" not in said
