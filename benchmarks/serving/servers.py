"""The servers under test: their start commands, paths, and request and answer formats."""

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
"""Placeholder in commands and files for the port of the server."""
REQUEST_ID, LINE_ID = "@request_id@", "@line_id@"
"""Placeholders in a body for the values that are new in every request."""


class Score(NamedTuple):
    """The score of a line, independent of the answer format of the server."""

    probability: float
    tier: str


@dataclass(frozen=True)
class Server:
    """A process to start, with all its children.

    Attributes:
        key: Name in files.
        command: Start command.
        ready_path: Path that answers 200 once the server can score.
        environment: Variables added to the environment of the benchmark.
    """

    key: str
    command: list[str]
    ready_path: str
    environment: dict[str, str]


@dataclass(frozen=True)
class Case:
    """One row of the table: a server with one request format.

    Attributes:
        key: Name in `results.json`.
        title: Name on the page.
        server: Key of the server.
        path: Path of the call.
        body: Builds the request body from a request id and line ids.
        scores: Reads the scores of an answer, in the order of the request.
    """

    key: str
    title: str
    server: str
    path: str
    body: Callable[[str, list[str]], dict[str, Any]]
    scores: Callable[[Any], list[Score]]

    def template(self) -> str:
        """The body for one line, with placeholders for the ids."""
        return json.dumps(self.body(REQUEST_ID, [LINE_ID]))


def _ours(request_id: str, lines: list[str]) -> dict[str, Any]:
    return {"request_id": request_id, "lines": [{"line_id": line} for line in lines]}


def _inputs(request_id: str, lines: list[str]) -> dict[str, Any]:
    return {"inputs": [{"request_id": request_id, "line_id": line} for line in lines]}


def _split(request_id: str, lines: list[str]) -> dict[str, Any]:
    return {"dataframe_split": {"columns": ["request_id", "line_id"], "data": [[request_id, line] for line in lines]}}


def _v2(request_id: str, lines: list[str]) -> dict[str, Any]:
    inputs = {"name": "line_id", "shape": [len(lines)], "datatype": "BYTES", "data": lines}
    return {"id": request_id, "inputs": [inputs]}


def _decisions(answer: dict[str, Any]) -> list[Score]:
    return [Score(decision["probability"], decision["tier"]) for decision in answer["decisions"]]


def _predictions(answer: dict[str, Any]) -> list[Score]:
    return [Score(decision["probability"], decision["tier"]) for decision in answer["predictions"]]


def _outputs(answer: dict[str, Any]) -> list[Score]:
    probabilities, tiers = (output["data"] for output in answer["outputs"])
    return [Score(probability, tier) for probability, tier in zip(probabilities, tiers, strict=True)]


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
    """The service, started as in operation."""
    command = [sys.executable, "-m", "linerisk", "serve", "--home", str(home), "--port", PORT, "--workers", "1"]
    return Server(OURS, command, "/readyz", {"PYTHONPATH": str(SOURCES)})


def empty_bentoml(scratch: Path) -> Server:
    """BentoML with an empty service."""
    return _bentoml("empty", "empty_bentoml:Empty", scratch, _of_peers(scratch))


def peers(home: Path, scratch: Path, *, mlserver: Path | None) -> list[Server]:
    """All other servers.

    Args:
        home: Home with the model and the snapshot.
        scratch: Folder for their files.
        mlserver: Python of an environment with MLServer; None omits MLServer.
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
    # MLflow finds uvicorn through PATH.
    with_uvicorn = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    serve_mlflow += ["--env-manager", "local", "--host", "127.0.0.1", "--port", PORT]
    found = [
        Server(FLOOR, [*uvicorn, *fast, "floor:app"], "/", environment),
        Server("fastapi", [*uvicorn, "with_fastapi:app"], "/health", environment),
        _bentoml("bentoml", "with_bentoml:Scorer", scratch, environment),
        Server("mlflow", serve_mlflow, "/ping", {**environment, **with_uvicorn}),
    ]
    if mlserver is not None:
        found.append(_mlserver(mlserver, scratch, environment))
    return found


def _of_peers(home: Path) -> dict[str, str]:
    return {"PYTHONPATH": f"{PEERS}{os.pathsep}{SOURCES}", "SERVING_BENCHMARK_HOME": str(home)}


def _bentoml(key: str, service: str, scratch: Path, environment: dict[str, str]) -> Server:
    command = [sys.executable, "-m", "bentoml", "serve", service, "--working-dir", str(PEERS)]
    # BentoML empties its metrics folder at the start, so every service has its own.
    own = {"BENTOML_HOME": str(scratch / f"bentoml-{key}"), "BENTOML_DO_NOT_TRACK": "True"}
    return Server(key, [*command, "--host", "127.0.0.1", "--port", PORT], "/readyz", {**environment, **own})


def _mlserver(python: Path, scratch: Path, environment: dict[str, str]) -> Server:
    folder = scratch / "mlserver"
    folder.mkdir()
    model = {"name": "linerisk", "implementation": "with_mlserver.Scorer"}
    (folder / "model-settings.json").write_text(json.dumps(model), encoding="utf-8")
    # The path as given: a resolved path would leave the virtual environment.
    command = [str(python.absolute()), "-c", "from mlserver.cli import main; main()", "start", str(folder)]
    # Inference in the server process: faster for a small model than its default of a separate process.
    own = {"MLSERVER_HOST": "127.0.0.1", "MLSERVER_HTTP_PORT": PORT, "MLSERVER_PARALLEL_WORKERS": "0"}
    own |= {"MLSERVER_GRPC_PORT": "@port+1@", "MLSERVER_METRICS_PORT": "@port+2@"}
    return Server("mlserver", command, "/v2/health/ready", {**environment, **own})
