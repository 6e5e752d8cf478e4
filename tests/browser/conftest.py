"""The console in a real browser: headless Chromium, driven as a person would, against a real service."""

from __future__ import annotations

import importlib.util
import itertools
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_numbers = itertools.count()


def _of_the_service() -> ModuleType:
    """What `tests/contract` starts the service with."""
    name = "tests_contract_conftest"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).parents[1] / "contract" / "conftest.py")
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


@pytest.fixture(scope="session")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A running service with a small real model."""
    service = _of_the_service()
    folder = tmp_path_factory.mktemp("state")
    world = service.make_world(folder / "home")
    port = service.free_port()
    arguments = [sys.executable, "-m", "linerisk", "serve", "--home", str(folder / "home"), "--port", str(port)]
    server = service.start(arguments, world, port=port, cwd=folder, environment={})
    yield server
    service.stop(server)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Headless Chromium; skipped where there is none."""
    if CHROMIUM is None:
        # A browser cannot be pinned with the rest: the README names the package.
        pytest.skip("no Chromium on this machine")
    options = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield started
        started.close()


@pytest.fixture
def visit(state: Any, browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens a browser of somebody's own, logged in with the token of a role.

    It may ask nobody but the service, and fails on whatever the content policy refuses.
    """
    contexts, complaints = [], []

    def visiting(role: str, *, language: str = "en", width: int = 1280) -> Page:
        context = browser.new_context(viewport={"width": width, "height": 900}, locale=language)
        contexts.append(context)
        page = context.new_page()
        page.on(
            "console", lambda said: complaints.append(said.text) if "Content Security Policy" in said.text else None
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "request",
            lambda asked: None if asked.url.startswith((state.url, "data:")) else complaints.append(asked.url),
        )
        page.on("dialog", lambda dialog: (complaints.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.goto(f"{state.url}/review/login?lang={language}")
        page.locator("#token").fill(state.world.tokens[role])
        with page.expect_navigation():
            page.keyboard.press("Enter")
        return page

    yield visiting
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def opened(state: Any) -> Callable[..., dict[str, Any]]:
    """Opens a dispute of a new decision."""

    def opening(*tiers: str, statement: str = "I deliver parcels.") -> dict[str, Any]:
        number = next(_numbers)
        lines = [f"line-{i:03}" for i in range(20, 200)]
        wanted = tiers or ("medium_low", "medium_high", "extremely_high")
        decisions = state.score(f"browser-{number}", *lines).json()["decisions"]
        decision = next(each for each in decisions if each["tier"] in wanted)
        body = {"decision_id": decision["decision_id"], "statement": statement, "channel": "hotline"}
        answer = state.client("scorer").post("/v1/disputes", json={"request_id": f"open-{number}", **body})
        assert answer.status_code == 200, answer.text
        dispute: dict[str, Any] = answer.json()
        return dispute

    return opening
