"""The demo: the whole main job on one machine, from simulated records to answers of the real service over HTTP."""

from __future__ import annotations

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
from linerisk.cli.demo_dispute import object_to, show_objection
from linerisk.cli.output import Tell, err, out, progress, table
from linerisk.cli.training import show_trained
from linerisk.decisions.store import without_password
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
"""The day after the story of July 2024 ran in the news."""
LINES = 40_000
DAYS = 98
SEED = 20240726
ID_KEY = b"the demo's ids are made up: all may know it"
"""Keys the demo's ids, so that every machine's demo splits its lines alike and shows the same figures."""
_START_UP_S = 60.0
_SIMULATED = "Trained on simulated records: the figures show that the machinery works, and say nothing of any operator."


def run_demo(settings: Settings, *, lines: int) -> dict[str, Any]:
    """Walk the main job and print each stage.

    Everything lives under `home/demo`, apart from a real operator's state; records of an earlier walk are made anew,
    and what it made live is withdrawn.

    Args:
        settings: Where state lives.
        lines: Lines to simulate.

    Returns:
        The machine-readable result.
    """
    began = time.monotonic()
    settings = settings.model_copy(update={"home": settings.home / "demo"})
    source, store = settings.home / "source", settings.home / "store"
    for old in (source, store, settings.live):
        shutil.rmtree(old, ignore_errors=True)
    settings.home.mkdir(parents=True, exist_ok=True)
    (settings.home / "id_key").write_bytes(ID_KEY)
    with progress() as tell:
        simulated = simulate(
            source, lines=lines, days=DAYS, seed=SEED, start=_first_day(), on_progress=_prefixed(tell, "simulate")
        )
        story = write_story(source, as_of=AS_OF, seed=SEED)
        _write_faulty(source / "call_records" / "faulty.csv")
        report = ingest(source, store, secret=load_secret(settings), on_progress=_prefixed(tell, "ingest"))
        trained = train_store(
            settings,
            store,
            as_of=AS_OF,
            trained_by="demo-trainer",
            notices=(_SIMULATED,),
            on_progress=_prefixed(tell, "train"),
        )
        live = passed(trained.gates)
        if live:
            promote(settings, trained.version.version, by="demo-trainer", approver="demo-approver", reason="demo")
            publish(settings, store, as_of=AS_OF, on_progress=_prefixed(tell, "publish"))
    out.print(f"\n{simulated.records:,} records of {simulated.lines:,} simulated lines over {DAYS} days")
    show_intake(report)
    show_trained(trained)
    if not live:
        raise LineriskError(
            "the demo's model may not be promoted", found="a failed gate, see above", todo="read the report"
        )
    with err.status("starting the service"):
        answers = _ask_service(settings, story)
    _show_answers(settings, story, answers)
    show_objection(answers["objection"])
    _show_places(settings, trained, time.monotonic() - began)
    return {
        "records": simulated.records,
        "intake": report.as_dict(),
        "model": trained.as_dict(),
        "answers": answers,
        "seconds": round(time.monotonic() - began, 1),
    }


def _first_day() -> date:
    return (AS_OF - timedelta(days=DAYS)).date()


def _prefixed(tell: Tell, verb: str) -> Tell:
    def told(step: str, done: int, total: int, /) -> None:
        tell(step if step.startswith(verb) else f"{verb}: {step}", done, total)

    return told


def _write_faulty(path: Path) -> None:
    """A small file with the faults that real sources have, so that the demo shows what becomes of them."""
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
    """Start the service, ask for the story's three lines as the suspension system would, object to one, stop it."""
    tokens = TokenStore(settings.tokens)
    name, reviewer = f"demo-{ULID()}", f"demo-reviewer-{ULID()}"
    secret, reviews = tokens.create(name, Role.SCORER), tokens.create(reviewer, Role.REVIEWER)
    try:
        with running_service(settings, log=settings.home / "service.log") as client:
            told = client.post(
                "/v1/score",
                headers={"Authorization": f"Bearer {secret}"},
                json={
                    "request_id": name,
                    "as_of": iso(AS_OF),
                    "lines": [{"line_id": line.line_id} for line in (story.young, story.old, story.ordinary)],
                },
            )
            told.raise_for_status()
            answers: dict[str, Any] = told.json()
            old = next(each for each in answers["decisions"] if each["line_id"] == story.old.line_id)
            answers["objection"] = object_to(client, old, scorer=secret, reviewer=reviews, name=reviewer)
            return answers
    finally:
        tokens.revoke(name)
        tokens.revoke(reviewer)


@contextmanager
def running_service(settings: Settings, *, log: Path) -> Iterator[httpx.Client]:
    """The real service as a process of its own, on a free port of this machine, stopped at the end.

    Args:
        settings: Where state lives.
        log: File for what the service writes.
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
        "the service did not come up",
        expected=f"ready within {_START_UP_S:g} s",
        found="an end" if process.poll() is not None else "no answer",
        todo=f"read why in {log}, mend it, and give the command again",
    )


def _show_answers(settings: Settings, story: Story, answers: dict[str, Any]) -> None:
    out.print("\n[bold]Three lines, as the service answered over HTTP[/bold]")
    by_id = {decision["line_id"]: decision for decision in answers["decisions"]}
    out.print(
        f"[dim]Status is stale and actions are held, because the records end on {AS_OF:%Y-%m-%d}: "
        "a measure never starts by itself from a snapshot older than the policy allows.[/dim]"
    )
    for line in (story.young, story.old, story.ordinary):
        decision = by_id[line.line_id]
        action = decision["action"]
        low, high = decision["probability_low"], decision["probability_high"]
        steps = ", ".join(action["steps"]) or "nothing is asked"
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
    """What each tier asked for before and after the change of July 2024: a decision names the one in force."""
    policies = load_policies(settings.policies)
    table(
        "What each tier asks for, by policy",
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
        f"Done in {seconds:.0f} s. How to go on",
        ["with", "for"],
        [
            [f"make serve, or {command} serve --home {home}", "the service, kept up on what the demo made"],
            [f"{command} tokens create me --role scorer --home {home}", "a token to ask it with"],
            [f"{command} models --home {home}", "versions, and what was live when"],
            ["notebooks/01_explore.ipynb", "a look at such records, with the kernel of .venv"],
        ],
    )
