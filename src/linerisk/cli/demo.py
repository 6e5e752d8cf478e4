"""The demo: simulate records, ingest them, train, promote, publish, and ask the real service over HTTP."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import polars as pl
from ulid import ULID

from linerisk.as_of import iso
from linerisk.cli.data import show_intake
from linerisk.cli.demo_dispute import dispute_decision, show_dispute
from linerisk.cli.demo_progress import demo_progress
from linerisk.cli.output import out, table
from linerisk.cli.training import show_trained
from linerisk.decisions.store_url import without_password
from linerisk.errors import LineriskError, NotLiveError
from linerisk.evaluation.gates.run import passed
from linerisk.model.tiers import TIERS
from linerisk.policy import load_policies
from linerisk.records.simulation import simulate
from linerisk.records.simulation.story import Story, write_story
from linerisk.settings import Settings
from linerisk.tables.identity import load_secret
from linerisk.tables.intake import ingest
from linerisk.web.token_store import Role, TokenStore
from linerisk.workflows.release import promote, publish
from linerisk.workflows.train import train_store
from linerisk.workflows.training_result import Trained

AS_OF = datetime(2024, 7, 26, tzinfo=UTC)
"""The day after the news reported the two lines of July 2024."""
LINES = 40_000
DAYS = 98
SEED = 20240726
ID_KEY = b"the demo's ids are made up: all may know it"
"""Keys the demo's ids. It is public: every machine then splits the lines in the same way and shows the same figures."""
_SIMULATORS = min(2, os.cpu_count() or 1)
"""Processes that simulate. The records do not depend on their number."""
_START_UP_S = 60.0
_SIMULATED = "Trained on simulated records: the figures show that the machinery works, and hold for no real operator."


def run_demo(settings: Settings, *, lines: int) -> dict[str, Any]:
    """Run the main job on simulated records and print what each step came to.

    Everything is under `home/demo`, separate from a real operator's state. Records and live files of an earlier demo
    are deleted first.

    Args:
        settings: Where state lives.
        lines: Lines to simulate.

    Returns:
        The machine-readable result.

    Raises:
        LineriskError: The model failed a gate, or the service did not start.
    """
    began = time.monotonic()
    settings = settings.model_copy(update={"home": settings.home / "demo"})
    source, store = settings.home / "source", settings.home / "store"
    for old in (source, store, settings.live):
        shutil.rmtree(old, ignore_errors=True)
    settings.home.mkdir(parents=True, exist_ok=True)
    (settings.home / "id_key").write_bytes(ID_KEY)
    with demo_progress() as shown:
        with shown.step("simulate records", "simulate") as report:
            simulated = simulate(
                source,
                lines=lines,
                days=DAYS,
                seed=SEED,
                start=_first_day(),
                workers=_SIMULATORS,
                on_progress=report,
            )
            story = write_story(source, as_of=AS_OF, seed=SEED)
            _write_faulty(source / "call_records" / "faulty.csv")
        with shown.step("ingest records", "reading") as report:
            intake = ingest(source, store, secret=load_secret(settings), on_progress=report)
        with shown.step("train a model", "features") as report:
            trained = train_store(
                settings, store, as_of=AS_OF, trained_by="demo-trainer", notices=(_SIMULATED,), on_progress=report
            )
        live = passed(trained.gates)
        answers: dict[str, Any] = {}
        if live:
            with shown.step("publish scores", "features") as report:
                promote(settings, trained.version.version, by="demo-trainer", approver="demo-approver", reason="demo")
                publish(settings, store, as_of=AS_OF, on_progress=report)
            with shown.step("ask the service", "answers") as report:
                answers = _ask_service(settings, story)
                report("answers", 1, 1)
    out.print(f"\n{simulated.records:,} records of {simulated.lines:,} simulated lines over {DAYS} days")
    show_intake(intake)
    show_trained(trained)
    if not live:
        raise LineriskError(
            "the demo's model may not be promoted", found="a failed gate, see above", todo="read the report"
        )
    _show_answers(settings, story, answers)
    show_dispute(answers["objection"])
    _show_places(settings, trained, time.monotonic() - began)
    return {
        "records": simulated.records,
        "intake": intake.as_dict(),
        "model": trained.as_dict(),
        "answers": answers,
        "seconds": round(time.monotonic() - began, 1),
    }


def _first_day() -> date:
    return (AS_OF - timedelta(days=DAYS)).date()


def _write_faulty(path: Path) -> None:
    """Write a small file with the faults of real sources: the demo shows which rule rejects which row."""
    good = {
        "line_id": "demo-faulty",
        "peer_id": "demo-peer",
        "record_type": "call_out",
        "started_at": iso(AS_OF - timedelta(days=3)),
        "duration_s": "30",
        "answered": "true",
        "peer_area": "440300",
    }
    faults: list[dict[str, str | None]] = [
        {**good, "line_id": "demo-faulty"},
        {**good, "duration_s": "-5"},
        {**good, "duration_s": "half a minute"},
        {**good, "record_type": "fax"},
        {**good, "peer_area": "Shenzhen"},
        {**good, "peer_id": None},
        {**good, "started_at": "yesterday"},
        {**good, "line_id": "demo-faulty"},
    ]
    pl.DataFrame(faults).write_csv(path)


def _ask_service(settings: Settings, story: Story) -> dict[str, Any]:
    """Start the service, score the story's three lines as the suspension system would, dispute one, stop it."""
    tokens = TokenStore(settings.tokens)
    name, reviewer_name = f"demo-{ULID()}", f"demo-reviewer-{ULID()}"
    scorer, reviewer = tokens.create(name, Role.SCORER), tokens.create(reviewer_name, Role.REVIEWER)
    try:
        with running_service(settings, log=settings.home / "service.log") as client:
            response = client.post(
                "/v1/score",
                headers={"Authorization": f"Bearer {scorer}"},
                json={
                    "request_id": name,
                    "as_of": iso(AS_OF),
                    "lines": [{"line_id": line.line_id} for line in (story.young, story.old, story.ordinary)],
                },
            )
            response.raise_for_status()
            answers: dict[str, Any] = response.json()
            old = next(each for each in answers["decisions"] if each["line_id"] == story.old.line_id)
            answers["objection"] = dispute_decision(
                client, old, scorer_token=scorer, reviewer_token=reviewer, reviewer=reviewer_name
            )
            return answers
    finally:
        tokens.revoke(name)
        tokens.revoke(reviewer_name)


@contextmanager
def running_service(settings: Settings, *, log: Path) -> Iterator[httpx.Client]:
    """Start the real service as a separate process on a free loopback port; stop it at the end.

    Args:
        settings: Where state lives.
        log: File for the service's output.

    Yields:
        A client of the service, which is ready.

    Raises:
        NotLiveError: The service ended, or was not ready in time.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "linerisk", "serve", "--port", str(port), "--home", str(settings.home)]
    with log.open("wb") as sink:
        process = subprocess.Popen(command, stdout=sink, stderr=sink)  # noqa: S603 - our own command
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False) as client:
                _wait_until_ready(client, process, log)
                yield client
        finally:
            process.terminate()
            process.wait(timeout=30)


def _wait_until_ready(client: httpx.Client, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_UP_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if client.get("/readyz").is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise NotLiveError(
        "the service did not start",
        expected=f"ready within {_START_UP_S:g} s",
        found="it ended" if process.poll() is not None else "no answer",
        todo=f"read the reason in {log}, fix it, and run the command again",
    )


def _show_answers(settings: Settings, story: Story, answers: dict[str, Any]) -> None:
    out.print("\n[bold]Three lines, as the service answered over HTTP[/bold]")
    by_id = {decision["line_id"]: decision for decision in answers["decisions"]}
    out.print(
        f"[dim]Status is stale and actions are held, because the records end on {AS_OF:%Y-%m-%d}: "
        "no measure starts from a snapshot that is older than the policy allows.[/dim]"
    )
    for line in (story.young, story.old, story.ordinary):
        decision = by_id[line.line_id]
        action = decision["action"]
        low, high = decision["probability_low"], decision["probability_high"]
        steps = ", ".join(action["steps"]) or "no verification"
        table(
            f"{line.line_id}: {line.en} · {line.zh}",
            ["tier", "probability, 95 %", "action", "under policy", "decision"],
            [
                [
                    decision["tier"],
                    f"{decision['probability']:.4f} [{low:.4f}, {high:.4f}]",
                    f"{action['kind']}{' (held: ' + action['held_by'] + ')' if action['held_by'] else ''}: {steps}",
                    action["policy"],
                    decision["decision_id"],
                ]
            ],
        )
        for reason in decision["reasons"]:
            out.print(f"  {reason['contribution']:+.2f} {reason['code']} {reason['zh']}\n        {reason['en']}")
    _show_policies(settings)
    for problem in answers["problems"]:
        out.print(f"[yellow]{problem['line_id']}: {problem['message']}[/yellow]")


def _show_policies(settings: Settings) -> None:
    """Print what each tier requires under the policies before and after the change of July 2024."""
    policies = load_policies(settings.policies)
    table(
        "What each tier requires, by policy",
        ["tier", *(f"{policy.id}, from {policy.in_force_from}" for policy in policies)],
        [
            [
                tier,
                *(
                    ", ".join(policy.action(tier, last_verified_at=None, as_of=AS_OF).steps) or "nothing"
                    for policy in policies
                ),
            ]
            for tier in TIERS
        ],
    )


def _show_places(settings: Settings, trained: Trained, seconds: float) -> None:
    table(
        "Where things are",
        ["what", "where"],
        [
            ["model report", str(trained.report)],
            ["MLflow store", settings.mlflow_uri],
            ["decision log", without_password(settings.decision_log_url)],
            ["record store", str(settings.home / "store")],
        ],
    )
    home, command = settings.home, Path(sys.argv[0])
    table(
        f"Done in {seconds:.0f} s. Next",
        ["run", "to"],
        [
            [f"make serve, or {command} serve --home {home}", "start the service on the demo's home"],
            [f"{command} tokens create me --role scorer --home {home}", "create a token for its API"],
            [f"{command} models --home {home}", "list versions, and which was live when"],
            ["make setup-dev, then notebooks/01_explore.ipynb", "explore such records, with the kernel of .venv"],
        ],
    )
