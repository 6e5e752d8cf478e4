"""The servers that are measured: how each is started, where it is asked, and in which envelope."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from target import SCORE

HERE = Path(__file__).resolve().parent
PEERS = HERE / "peers"
SOURCES = HERE.parents[1] / "src"
PORT = "@port@"
"""Stands in commands and files for the port that is free when the server starts."""
REQUEST_ID, LINE_ID = "@request_id@", "@line_id@"
"""Stand in a body for what is new in every request."""


class Said(NamedTuple):
    """What a server says about a line, whatever envelope it comes in."""

    probability: float
    tier: str


@dataclass(frozen=True)
class Server:
    """A process to start, with all its children.

    Attributes:
        key: Its name in files.
        command: Its command.
        ready: Path that answers 200 once it can score.
        environment: What it needs besides the environment of the benchmark.
    """

    key: str
    command: list[str]
    ready: str
    environment: dict[str, str]


@dataclass(frozen=True)
class Case:
    """One row of the table: a server, asked in one way.

    Attributes:
        key: Its name in `results.json`.
        title: Its name on the page.
        server: The server's key.
        path: What is called.
        body: The body that asks for lines under a request id.
        said: What an answer says about each line, in the order asked.
    """

    key: str
    title: str
    server: str
    path: str
    body: Callable[[str, list[str]], dict[str, Any]]
    said: Callable[[Any], list[Said]]

    def template(self) -> str:
        """The body for one line, with marks where ids go."""
        return json.dumps(self.body(REQUEST_ID, [LINE_ID]))


def _ours(request_id: str, lines: list[str]) -> dict[str, Any]:
    return {"request_id": request_id, "lines": [{"line_id": line} for line in lines]}


def _inputs(request_id: str, lines: list[str]) -> dict[str, Any]:
    return {"inputs": [{"request_id": request_id, "line_id": line} for line in lines]}


def _split(request_id: str, lines: list[str]) -> dict[str, Any]:
    return {"dataframe_split": {"columns": ["request_id", "line_id"], "data": [[request_id, line] for line in lines]}}


def _v2(request_id: str, lines: list[str]) -> dict[str, Any]:
    asked = {"name": "line_id", "shape": [len(lines)], "datatype": "BYTES", "data": lines}
    return {"id": request_id, "inputs": [asked]}


def _decisions(answer: dict[str, Any]) -> list[Said]:
    return [Said(decision["probability"], decision["tier"]) for decision in answer["decisions"]]


def _predictions(answer: dict[str, Any]) -> list[Said]:
    return [Said(decision["probability"], decision["tier"]) for decision in answer["predictions"]]


def _outputs(answer: dict[str, Any]) -> list[Said]:
    probabilities, tiers = (output["data"] for output in answer["outputs"])
    return [Said(probability, tier) for probability, tier in zip(probabilities, tiers, strict=True)]


OURS, FLOOR = "ours", "floor"
BENTOML, MLFLOW, MLSERVER = ("bentoml",), ("mlflow", "mlflow_split"), "mlserver"
"""Keys of the cases of each peer; a goal is judged against the fastest of them."""
CASES = (
    Case(OURS, "linerisk, durable recording", "ours", SCORE, _ours, _decisions),
    Case(FLOOR, "the floor: bare ASGI on uvicorn", "floor", "/", _ours, _decisions),
    Case("fastapi", "FastAPI, `def`", "fastapi", "/score", _ours, _decisions),
    Case("fastapi_async", "FastAPI, `async def`", "fastapi", "/async/score", _ours, _decisions),
    Case("bentoml", "BentoML, `@bentoml.api`", "bentoml", "/score", _ours, _decisions),
    Case("mlflow", "MLflow, `inputs`", "mlflow", "/invocations", _inputs, _predictions),
    Case("mlflow_split", "MLflow, `dataframe_split`", "mlflow", "/invocations", _split, _predictions),
    Case(MLSERVER, "MLServer, v2", "mlserver", "/v2/models/linerisk/infer", _v2, _outputs),
)


def linerisk(home: Path) -> Server:
    """The service, as its users start it."""
    command = [sys.executable, "-m", "linerisk", "serve", "--home", str(home), "--port", PORT, "--workers", "1"]
    return Server(OURS, command, "/readyz", {"PYTHONPATH": str(SOURCES)})


def empty_bentoml(scratch: Path) -> Server:
    """BentoML with an empty service."""
    return _bentoml("empty", "empty_bentoml:Empty", scratch, _of_peers(scratch))


def peers(home: Path, scratch: Path, *, mlserver: Path | None) -> list[Server]:
    """All peers, ready to be started.

    Args:
        home: What they answer from.
        scratch: A folder for their files.
        mlserver: The Python of an environment with MLServer; without it that one is left out.
    """
    environment = _of_peers(home)
    uvicorn = [sys.executable, "-m", "uvicorn", "--host", "127.0.0.1", "--port", PORT, "--app-dir", str(PEERS)]
    fast = ["--http", "httptools", "--loop", "uvloop", "--lifespan", "off", "--no-access-log"]
    saved = scratch / "mlflow-model"
    subprocess.run(  # noqa: S603 - ours
        [sys.executable, str(PEERS / "with_mlflow.py"), str(saved)],
        env={**os.environ, **environment},
        cwd=scratch,
        check=True,
        capture_output=True,
    )
    serve_mlflow = [sys.executable, "-m", "mlflow", "models", "serve", "--model-uri", str(saved), "--workers", "1"]
    # It calls uvicorn by its name.
    found_by_name = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    serve_mlflow += ["--env-manager", "local", "--host", "127.0.0.1", "--port", PORT]
    found = [
        Server(FLOOR, [*uvicorn, *fast, "floor:app"], "/", environment),
        Server("fastapi", [*uvicorn, "with_fastapi:app"], "/health", environment),
        _bentoml("bentoml", "with_bentoml:Scorer", scratch, environment),
        Server("mlflow", serve_mlflow, "/ping", {**environment, **found_by_name}),
    ]
    if mlserver is not None:
        found.append(_mlserver(mlserver, scratch, environment))
    return found


def _of_peers(home: Path) -> dict[str, str]:
    return {"PYTHONPATH": f"{PEERS}{os.pathsep}{SOURCES}", "SERVING_BENCHMARK_HOME": str(home)}


def _bentoml(key: str, service: str, scratch: Path, environment: dict[str, str]) -> Server:
    command = [sys.executable, "-m", "bentoml", "serve", service, "--working-dir", str(PEERS)]
    # BentoML empties its folder of figures when it starts: every service has its own.
    own = {"BENTOML_HOME": str(scratch / f"bentoml-{key}"), "BENTOML_DO_NOT_TRACK": "True"}
    return Server(key, [*command, "--host", "127.0.0.1", "--port", PORT], "/readyz", {**environment, **own})


def _mlserver(python: Path, scratch: Path, environment: dict[str, str]) -> Server:
    folder = scratch / "mlserver"
    folder.mkdir()
    model = {"name": "linerisk", "implementation": "with_mlserver.Scorer"}
    (folder / "model-settings.json").write_text(json.dumps(model), encoding="utf-8")
    # The interpreter by its path as given: resolving it would leave its environment.
    command = [str(python.absolute()), "-c", "from mlserver.cli import main; main()", "start", str(folder)]
    # Inference in the server process: faster for a small model than its default of a separate process.
    own = {"MLSERVER_HOST": "127.0.0.1", "MLSERVER_HTTP_PORT": PORT, "MLSERVER_PARALLEL_WORKERS": "0"}
    own |= {"MLSERVER_GRPC_PORT": "@port+1@", "MLSERVER_METRICS_PORT": "@port+2@"}
    return Server("mlserver", command, "/v2/health/ready", {**environment, **own})
