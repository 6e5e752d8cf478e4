"""Fixtures that run the service as a real process over HTTP, with a small real model and no simulator."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import polars as pl
import psutil
import pytest

from linerisk.as_of import iso
from linerisk.batch import score_table
from linerisk.explanation import Wording
from linerisk.features.build import Surveyed, survey_store
from linerisk.features.catalogue import FEATURE_NAMES, FEATURES
from linerisk.live import Live, Promotion, put_challenger, put_model, put_snapshot
from linerisk.model.calibration_fit import fit_beta
from linerisk.model.cut_points import cut_points
from linerisk.model.risk_model import FeatureColumn, RiskModel, ScoreBand
from linerisk.model.tiers import TierPromise
from linerisk.policy import in_force, load_policies
from linerisk.settings import Settings
from linerisk.tables.identity import fingerprint_of, key_of, load_secret
from linerisk.tables.intake import ingest
from linerisk.tables.schemas import Accounts
from linerisk.tables.store import RecordStore
from linerisk.web.token_store import Role, TokenStore
from linerisk.workflows.release import precompute_scores

AS_OF = datetime(2024, 8, 1, tzinfo=UTC)
LINES = 200
KNOWN_LINES = 110
WITHOUT_ACCOUNT = "line-007"
STARTS_WITHIN_S = 120
PORT_TAKEN = ("Address already in use", "cannot listen on")


@dataclass(frozen=True)
class World:
    """A home with a live model and snapshot, and a token per role."""

    settings: Settings
    tokens: dict[str, str]

    def survey(self, *, as_of: datetime) -> Surveyed:
        """Features of `known_lines`, computed through the intake and a store, with their reference."""
        store = self.settings.home / "store"
        if not store.exists():
            source = self.settings.home / "source"
            source.mkdir()
            for name, rows in source_tables().items():
                pl.DataFrame(rows).write_csv(source / f"{name}.csv")
            ingest(source, store, secret=load_secret(self.settings))
        return survey_store(RecordStore.open(store), as_of=as_of, time_zone=self.settings.time_zone)

    def batch(self, *, as_of: datetime) -> pl.DataFrame:
        """Batch scores of `known_lines`, joined with their features."""
        model = Live.open(self.settings.live).model
        names = RecordStore.open(self.settings.home / "store").lines().collect()
        features = self.survey(as_of=as_of).features.join(names, on="line_key")
        scores = score_table(
            model,
            features,
            policy=in_force(load_policies(self.settings.policies), as_of),
            wording=Wording.load(self.settings.policies),
            as_of=as_of,
            reasons=False,
        )
        return scores.join(features, on="line_id")

    def publish(self, *, as_of: datetime, seed: int = 11) -> str:
        """Publish a snapshot of all lines; its id."""
        secret = load_secret(self.settings)
        ids = [f"line-{i:03}" for i in range(LINES)]
        rows, _ = made_up_rows(np.random.default_rng(seed), LINES)
        keys = pl.DataFrame({"line_id": ids}).select(line_key=key_of("line_id", secret=secret))
        meta = put_snapshot(
            self.settings.live,
            keys.hstack(pl.DataFrame(rows, schema=list(FEATURE_NAMES))),
            accounts=accounts([line for line in ids if line != WITHOUT_ACCOUNT], secret=secret),
            reference=self.survey(as_of=as_of).reference,
            keyed_by=fingerprint_of(secret),
            precompute=precompute_scores,
        )
        return meta.id

    def promote(self, *, version: str, seed: int, expires_at: datetime | None = None) -> None:
        """Make a model live."""
        artefact = self.settings.home / f"artefact-{version}"
        fit(seed).save(artefact)
        put_model(
            self.settings.live,
            artefact,
            name="linerisk",
            version=version,
            expires_at=expires_at,
            promotion=Promotion(
                what="promoted", by="li", approver="wang", reason="few frauds this month", overridden=("G001",)
            ),
        )

    def challenge(self, *, version: str, seed: int, column: str = "") -> Path:
        """Add a challenger, with one more feature column if `column` is given; its folder."""
        artefact = self.settings.home / f"artefact-{version}"
        model = fit(seed, *([column] if column else []))
        fingerprint = model.save(artefact)
        put_challenger(self.settings.live, artefact, name="linerisk", version=version, gates="passed")
        return self.settings.live / "challengers" / fingerprint


@dataclass
class Server:
    """A running service."""

    url: str
    world: World
    process: subprocess.Popen[bytes]
    log: Path
    clients: dict[str, httpx.Client] = field(default_factory=dict)
    verify: ssl.SSLContext | bool = True

    def client(self, role: str | None = "scorer") -> httpx.Client:
        """A client with the token of a role, or without one."""
        key = role or ""
        if key not in self.clients:
            headers = {} if role is None else {"authorization": f"Bearer {self.world.tokens[role]}"}
            self.clients[key] = httpx.Client(base_url=self.url, headers=headers, timeout=60, verify=self.verify)
        return self.clients[key]

    def score(self, request_id: str, *lines: str, **more: Any) -> httpx.Response:
        """`POST /v1/score`."""
        body = {"request_id": request_id, "lines": [{"line_id": line} for line in lines], **more}
        return self.client().post("/v1/score", json=body)

    def kill(self) -> None:
        """Kill the service and its children at once, as in a power failure.

        Workers have sessions of their own and would outlive their parent.
        """
        family = [*psutil.Process(self.process.pid).children(recursive=True), psutil.Process(self.process.pid)]
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.wait(30)


def made_up_rows(rng: np.random.Generator, n: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """Random feature rows with some missing values, and which rows are fraud."""
    fraud = rng.random(n) < 0.2
    rows = rng.gamma(2.0, 1.0, (n, len(FEATURE_NAMES))).astype(np.float32)
    rows[:, ::3] += fraud[:, None] * rng.gamma(1.0, 1.0, (n, 1)).astype(np.float32)
    rows[rng.random(rows.shape) < 0.05] = np.nan
    return rows, fraud


def fit(seed: int, *more: str) -> RiskModel:
    """Fit a model of thirty trees on random rows, calibrated and cut on others; `more` columns are noise."""
    rng = np.random.default_rng(seed)
    rows, fraud = made_up_rows(rng, 4_000)
    rows = np.hstack([rows, rng.random((4_000, len(more)), dtype=np.float32)])
    booster = lgb.train(
        {"objective": "binary", "num_leaves": 15, "verbosity": -1, "num_threads": 1, "seed": seed},
        lgb.Dataset(rows[:2_000], fraud[:2_000].astype(float), feature_name=[*FEATURE_NAMES, *more]),
        num_boost_round=30,
    )
    margin = np.asarray(booster.predict(rows[2_000:], raw_score=True, num_threads=1))
    return RiskModel(
        name="linerisk",
        version="",
        columns=(
            *(FeatureColumn(f.name, f.family, 1.0) for f in FEATURES),
            *(FeatureColumn(name, "other") for name in more),
        ),
        trees=booster.model_to_string(),
        calibration=fit_beta(margin, fraud[2_000:]),
        cuts=cut_points(margin[~fraud[2_000:]], TierPromise()),
        bands=(ScoreBand(-np.inf, 1_800, 20, 0.005, 0.02), ScoreBand(0.0, 200, 150, 0.6, 0.9)),
    )


def accounts(ids: list[str], *, secret: bytes) -> pl.DataFrame:
    """Equal accounts, all known for long."""
    rows = pl.DataFrame(
        {
            "line_id": ids,
            "known_at": AS_OF - timedelta(days=90),
            "activated_on": date(2023, 1, 1),
            "home_area": 440300,
            "plan_kind": "prepaid",
            "status": "active",
        }
    ).with_columns(line_key=key_of("line_id", secret=secret))
    schema = Accounts.create_empty().schema
    missing = [pl.lit(None).alias(name) for name in schema if name not in rows.columns]
    return rows.with_columns(missing).select(pl.col(name).cast(dtype) for name, dtype in schema.items())


def known_lines() -> list[dict[str, Any]]:
    """Lines in the request format, enough for a reference; they call the same two hundred numbers."""
    rng = np.random.default_rng(23)
    lines = []
    for line in range(KNOWN_LINES):
        records = [
            {
                "peer_id": str(
                    rng.choice([f"peer-{rng.integers(0, 200)}", f"known-{rng.integers(0, KNOWN_LINES):03}"])
                ),
                "record_type": str(rng.choice(["call_out", "call_out", "call_in", "sms_out"])),
                "started_at": iso(AS_OF - timedelta(seconds=int(rng.integers(3600, 40 * 86_400)))),
                "duration_s": int(rng.integers(1, 400)),
                "peer_area": str(rng.choice(["440300", "510100"])),
                "visited_area": "440300",
                "cell_id": f"cell-{line}",
                "device_id": f"handset-{line}",
            }
            for _ in range(30)
        ]
        account = {
            "known_at": iso(AS_OF - timedelta(days=90)),
            "activated_on": "2023-01-01",
            "home_area": "440300",
            "plan_kind": "prepaid",
            "status": "active",
        }
        lines.append({"line_id": f"known-{line:03}", "account": account, "records": records})
    return lines


def source_tables() -> dict[str, list[dict[str, Any]]]:
    """`known_lines` as source tables of an operator; every tenth has a fraud label."""
    lines = known_lines()
    finding = {
        "label": "fraud",
        "source": "police",
        "occurred_at": iso(AS_OF - timedelta(days=9)),
        "known_at": iso(AS_OF - timedelta(days=2)),
    }
    return {
        "call_records": [{"line_id": line["line_id"], **record} for line in lines for record in line["records"]],
        "accounts": [{"line_id": line["line_id"], **line["account"]} for line in lines],
        "labels": [{"line_id": line["line_id"], **finding} for line in lines[::10]],
    }


def make_world(home: Path) -> World:
    """A home with model version 1, a snapshot at `AS_OF` and a token per role."""
    store = TokenStore(home / "tokens.json")
    world = World(Settings(home=home), {role.value: store.create(f"a-{role.value}", role) for role in Role})
    world.promote(version="1", seed=7)
    world.publish(as_of=AS_OF)
    return world


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start(
    arguments: list[str],
    world: World,
    *,
    port: int,
    cwd: Path,
    environment: dict[str, str],
    authority: Path | None = None,
    attempts: int = 3,
) -> Server:
    """Start a server and wait until it is ready.

    It is started again where a port that was free was taken meanwhile: BentoML looks for one of its own, as other tests
    do at the same time.
    """
    log = world.settings.home / "server.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            arguments,
            cwd=cwd,
            env={**os.environ, "BENTOML_DO_NOT_TRACK": "True", **environment},
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    server = Server(f"http://127.0.0.1:{port}", world, process, log)
    if authority is not None:
        server.url = server.url.replace("http:", "https:")
        server.verify = ssl.create_default_context(cafile=authority)
    deadline = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"{server.url}/readyz", verify=server.verify).status_code == httpx.codes.OK:
                return server
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    if process.poll() is None:
        server.kill()
    text = log.read_text()
    if attempts > 1 and any(words in text for words in PORT_TAKEN):
        more = {"environment": environment, "authority": authority, "attempts": attempts - 1}
        return start(arguments, world, port=port, cwd=cwd, **more)
    pytest.fail(f"the service did not start:\n{text}")


def stop(server: Server) -> None:
    for client in server.clients.values():
        client.close()
    if server.process.poll() is None:
        server.process.terminate()
        try:
            server.process.wait(30)
        except subprocess.TimeoutExpired:
            server.kill()


_SERVE = """
import sys
from pathlib import Path
from linerisk.service.serve import serve
from linerisk.settings import Settings
serve(Settings(home=Path(sys.argv[1])), port=int(sys.argv[2]))
"""


@pytest.fixture(scope="session")
def serving() -> Callable[..., Any]:
    """Runs `linerisk serve` with given options and settings until the block ends."""

    @contextlib.contextmanager
    def serving(world: World, *options: str, authority: Path | None = None, **environment: str) -> Iterator[Server]:
        port = free_port()
        home = world.settings.home
        arguments = [sys.executable, "-m", "linerisk", "serve", "--home", str(home), "--port", str(port), *options]
        server = start(arguments, world, port=port, cwd=home, environment=environment, authority=authority)
        try:
            yield server
        finally:
            stop(server)

    return serving


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A running `linerisk serve`, started outside the project folder."""
    folder = tmp_path_factory.mktemp("served")
    world = make_world(folder / "home")
    port = free_port()
    arguments = [sys.executable, "-c", _SERVE, "home", str(port)]
    server = start(arguments, world, port=port, cwd=folder, environment={})
    yield server
    stop(server)


@pytest.fixture(scope="session")
def bento(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bento built from the project without a network; its version shows that the code of the bento runs."""
    bentos = tmp_path_factory.mktemp("bentoml")
    project = Path(__file__).resolve().parents[2]
    source = tmp_path_factory.mktemp("project")
    for name in ("src", "policies"):
        shutil.copytree(project / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    package = source / "src" / "linerisk" / "__init__.py"
    package.write_text(package.read_text().replace('__version__ = "', '__version__ = "bento-'))
    for name in ("bentofile.yaml", "requirements.lock"):
        shutil.copy(project / name, source / name)
    environment = {**os.environ, "BENTOML_HOME": str(bentos), "BENTOML_DO_NOT_TRACK": "True"}
    command = [sys.executable, "-m", "bentoml", "build", "--output", "tag"]
    built = subprocess.run(command, cwd=source, env=environment, capture_output=True, check=False, text=True)
    assert built.returncode == 0, built.stdout + built.stderr
    (found,) = (path for path in (bentos / "bentos" / "linerisk").iterdir() if path.is_dir())
    return found


@pytest.fixture
def bento_service(bento: Path, tmp_path: Path) -> Iterator[Server]:
    """A running `bentoml serve <bento>` with its own home."""
    world = make_world(tmp_path / "home")
    port = free_port()
    arguments = [sys.executable, "-m", "bentoml", "serve", str(bento), "--host", "127.0.0.1", "--port", str(port)]
    environment = {"LINERISK_HOME": str(world.settings.home), "BENTOML_HOME": str(tmp_path / "bentoml")}
    server = start(arguments, world, port=port, cwd=tmp_path, environment=environment)
    yield server
    stop(server)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A new home without a running service."""
    return make_world(tmp_path / "home")


@pytest.fixture(scope="module")
def world_of_module(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A home that the tests of one module share."""
    return make_world(tmp_path_factory.mktemp("world") / "home")


@pytest.fixture(scope="session")
def known() -> list[dict[str, Any]]:
    """Lines of the record store of the service, in the request format."""
    return known_lines()


@pytest.fixture
def read_pages() -> Callable[..., dict[str, httpx.Response]]:
    """Logs in to a console in this process and requests its pages."""

    async def asking(console: Any, token: str, paths: list[str], language: str) -> dict[str, httpx.Response]:
        origin = "http://console.invalid"
        transport = httpx.ASGITransport(console)
        async with httpx.AsyncClient(transport=transport, base_url=origin, headers={"origin": origin}) as client:
            await client.post("/review/login", data={"token": token, "language": language})
            return {path: await client.get(f"/review{path}") for path in paths}

    def reading(console: Any, token: str, *paths: str, language: str = "en") -> dict[str, httpx.Response]:
        return asyncio.run(asking(console, token, list(paths), language))

    return reading


@pytest.fixture
def wait_until() -> Callable[[Callable[[], bool]], None]:
    """Waits until a condition holds; fails after a deadline."""

    def waiting(happened: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 20
        while not happened():
            assert time.monotonic() < deadline, "the condition did not become true"
            time.sleep(0.05)

    return waiting
