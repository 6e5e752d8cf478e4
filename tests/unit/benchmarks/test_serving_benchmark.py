"""The load client counts answers, errors and latency; the committed page is generated from the committed results."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).resolve().parents[3] / "benchmarks" / "serving"
Answer = tuple[int, dict[str, Any]]
Decide = Callable[[dict[str, Any]], Answer | None]


def run(*words: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False, **options)


@contextmanager
def service(decide: Decide) -> Iterator[str]:
    """A service that answers what `decide` returns; for None it closes the connection."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            request = self.rfile.read(int(self.headers["Content-Length"]))
            answer = decide({"token": self.headers["Authorization"], **json.loads(request)})
            if answer is None:
                self.close_connection = True
                return
            body = json.dumps(answer[1]).encode()
            self.send_response(answer[0])
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def client(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    (tmp_path / "token").write_text("secret\n")
    (tmp_path / "lines").write_text("a\nb\nc\n")

    def load(url: str, *, rate: int = 100, seconds: float = 0.5) -> subprocess.CompletedProcess[str]:
        words = ["--url", url, "--token-file", tmp_path / "token", "--lines", tmp_path / "lines"]
        words += ["--rate", str(rate), "--seconds", str(seconds), "--connections", "4"]
        return run(FOLDER / "client.py", *words)

    return load


def test_a_service_that_repeats_its_answers_passes(client: Callable[..., Any]) -> None:
    seen: list[dict[str, Any]] = []

    def decide(request: dict[str, Any]) -> Answer:
        seen.append(request)
        return 200, {"request_id": request["request_id"], "decisions": request["lines"]}

    with service(decide) as url:
        done = client(url)
    found = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert found["sent"] == found["answered"] > 10
    assert found["asked_again"] == {"asked": found["sent"], "same": found["sent"], "different": 0, "errors": {}}
    assert found["errors"] == {}
    assert 0 < found["p50_ms"] <= found["p99_ms"] <= found["max_ms"]
    assert {request["token"] for request in seen} == {"Bearer secret"}
    assert {line["line_id"] for request in seen for line in request["lines"]} == {"a", "b", "c"}
    # Each id occurs twice, because the client repeats every request.
    assert len(seen) == 2 * len({request["request_id"] for request in seen}) == 2 * found["sent"]


def test_a_service_that_recomputes_repeated_answers_fails(client: Callable[..., Any]) -> None:
    numbers = iter(range(10_000))
    with service(lambda _: (200, {"decision": next(numbers)})) as url:
        done = client(url)
    found = json.loads(done.stdout)
    assert done.returncode == 1
    assert found["asked_again"]["same"] == 0
    assert found["asked_again"]["different"] == found["answered"] > 0


def test_refusals_are_counted_by_status_and_not_as_answers(client: Callable[..., Any]) -> None:
    def decide(request: dict[str, Any]) -> Answer:
        return (503, {}) if request["lines"] == [{"line_id": "b"}] else (200, {})

    with service(decide) as url:
        done = client(url)
    found = json.loads(done.stdout)
    assert done.returncode == 1
    assert found["errors"] == {"status 503": found["sent"] - found["answered"]}
    assert found["asked_again"]["same"] == found["answered"] > 0


def test_a_cut_connection_is_counted_as_an_error_and_the_load_continues(client: Callable[..., Any]) -> None:
    numbers = iter(range(10_000))
    with service(lambda _: None if next(numbers) == 5 else (200, {})) as url:
        done = client(url)
    found = json.loads(done.stdout)
    assert done.returncode == 1
    assert found["errors"] == {"connection lost": 1}
    assert found["answered"] == found["sent"] - 1


def test_an_unreachable_server_is_reported(client: Callable[..., Any]) -> None:
    with service(lambda _: (200, {})) as url:
        pass
    done = client(url)
    assert done.returncode == 1
    assert done.stderr == f"{url} cannot be reached: Connect call failed ('127.0.0.1', {url.rpartition(':')[2]})\n"


def test_a_stall_delays_every_request_scheduled_during_it(client: Callable[..., Any]) -> None:
    stalls = threading.Lock()
    numbers = iter(range(10_000))

    def decide(_: dict[str, Any]) -> Answer:
        with stalls:
            if next(numbers) == 20:
                time.sleep(0.5)
        return 200, {}

    with service(decide) as url:
        found = json.loads(client(url, rate=200, seconds=1.0).stdout)
    # The service stalls for half of the second. A client that waits for answers would see only four slow ones of 200.
    assert found["p90_ms"] > 200
    assert found["max_ms"] >= 500
    assert found["answered"] == found["sent"]


def page(results: dict[str, Any]) -> tuple[str, dict[str, bool]]:
    """The generated page, and whether each goal is met."""
    code = (
        f"import json, sys; sys.path.insert(0, {str(FOLDER)!r}); import page; results = json.load(sys.stdin);"
        "results['goals'] = page.goals(results); print(json.dumps([page.markdown(results), results['goals']]))"
    )
    done = run("-c", code, input=json.dumps(results))
    assert done.returncode == 0, done.stderr
    text, goals = json.loads(done.stdout)
    return text, {goal["goal"]: goal["met"] for goal in goals}


@pytest.fixture
def committed() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / "results.json").read_text(encoding="utf-8"))
    return found


def test_the_page_is_generated_from_the_results(committed: dict[str, Any]) -> None:
    text, met = page(committed)
    assert text == (FOLDER / "results.md").read_text(encoding="utf-8")
    assert met == {goal["goal"]: goal["met"] for goal in committed["goals"]}
    assert committed["log"]["recorded"] >= committed["log"]["told"] > 0


def test_goals_are_judged_by_the_results(committed: dict[str, Any]) -> None:
    servers = committed["servers"]
    for key, rps in {
        "floor": 10_000,
        "fastapi": 1_000,
        "fastapi_async": 1_500,
        "mlflow": 700,
        "mlflow_split": 500,
    }.items():
        servers[key]["full"]["rps"] = rps
    servers["bentoml"]["full"]["rps"] = 1_600
    ours = servers["ours"]
    ours["full"] |= {"rps": 6_100, "errors": {}}
    ours["half_of_ours"]["errors"] = {}
    ours["half_of_own"] |= {"rate": 3_050, "held": True, "p50_ms": 1.0, "p99_ms": 9.9, "errors": {}}
    ours["memory_mb"]["worker"] = 399
    committed["starts"] = {"ours_s": 3.3, "empty_bentoml_s": 1.3}
    committed["large"]["by_id"]["ours"]["errors"] = {}
    committed["large"]["records"]["ours"]["errors"] = {}
    committed["bare_predict_per_core_s"] = 100_000
    for kind, lines in {"arrow_by_id": 20_000, "arrow_with_reasons": 1_251, "arrow_dry_run": 70_000}.items():
        committed["large"][kind]["ours"] |= {"lines_per_core_s": lines, "errors": {}}
    goals = page(committed)[1]
    assert {name for name, met in goals.items() if not met} == {"requests/s against BentoML, default"}
    ours["full"] |= {"rps": 5_999, "errors": {"status": 1}}
    ours["half_of_own"]["held"] = False
    ours["memory_mb"]["worker"] = 400
    committed["starts"]["ours_s"] = 3.4
    committed["large"]["arrow_by_id"]["ours"]["lines_per_core_s"] = 19_999
    committed["large"]["arrow_with_reasons"]["ours"]["lines_per_core_s"] = 1_250
    committed["large"]["arrow_dry_run"]["ours"]["lines_per_core_s"] = 69_999
    goals = page(committed)[1]
    assert [name for name, met in goals.items() if met] == ["requests/s against MLflow"]


def test_a_server_that_was_not_measured_is_marked_as_such(committed: dict[str, Any]) -> None:
    committed["servers"].pop("mlserver", None)
    assert "| MLServer, v2 | not measured: no `--mlserver` was given |" in page(committed)[0]


def test_without_wrk_the_benchmark_stops_and_explains_how_to_install_it(tmp_path: Path) -> None:
    environment = {**os.environ, "PATH": str(tmp_path)}
    done = run(FOLDER / "run.py", "--home", tmp_path, "--out", tmp_path, env=environment)
    assert done.returncode == 1
    assert done.stderr.endswith("apt-get install wrk\n")
    assert list(tmp_path.iterdir()) == []
