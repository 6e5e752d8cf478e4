"""Endpoints for operators: health, metrics and documentation; and logs without ids."""

from __future__ import annotations

import contextlib
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from linerisk.decisions.record import DecisionAnswer
from linerisk.service.api import ROUTES
from linerisk.service.serve import command
from linerisk.settings import Settings

_LISTENING = "0A"


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/healthz"])
def test_health_needs_no_token(service: Any, path: str) -> None:
    assert service.client(None).get(path).status_code == 200


def test_metrics_count_requests_and_tiers_and_name_the_live_bundle(service: Any) -> None:
    service.score("metrics", "line-001", "nobody")
    service.client(None).get("/v1/model")
    text = service.client(None).get("/metrics").text
    for sample in (
        'linerisk_requests_total{route="/v1/score",status="200"}',
        'linerisk_requests_total{route="/v1/model",status="401"}',
        'linerisk_request_seconds_count{route="/v1/score"}',
        'linerisk_decisions_total{status="stale",tier="',
        'linerisk_problems_total{code="unknown_line"}',
        "linerisk_live 1",
        'linerisk_model_info{name="linerisk",version="1",',
        "linerisk_model_expired 0",
        "linerisk_snapshot_lines 200",
        "linerisk_snapshot_age_seconds ",
        "linerisk_log_waiting 0",
    ):
        assert sample in text, sample


def test_invented_paths_add_no_metric_series(service: Any) -> None:
    for i in range(20):
        service.client(None).get(f"/made-up-{i}")
        service.client(None).get(f"/v1/decisions/made-up-{i}")
    text = service.client(None).get("/metrics").text
    assert "made-up" not in text
    assert 'route="/v1/decisions/{id}"' in text


def test_the_documentation_names_every_call(service: Any) -> None:
    document = service.client(None).get("/docs.json").json()
    for route in ROUTES:
        operation = document["paths"][route.path][route.method.lower()]
        assert operation["security"] == [{"token": []}]
        assert {"200", "401", "403", "500", "503"} <= set(operation["responses"])
        for role in route.roles:
            assert role in operation["description"]
    assert {"/livez", "/readyz", "/healthz", "/metrics"} <= set(document["paths"])
    assert document["info"]["title"] == "linerisk"


def test_before_a_bundle_is_live_the_service_is_alive_and_not_ready_as_documented(
    service: Any, tmp_path: Path, wait_until: Callable[[Callable[[], bool]], None]
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    arguments, environment = command(Settings(home=tmp_path), port=port)
    with subprocess.Popen(arguments, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            answers: list[httpx.Response] = []

            def answered() -> bool:
                with contextlib.suppress(httpx.TransportError):
                    answers.append(httpx.get(f"http://127.0.0.1:{port}/readyz"))
                return bool(answers)

            wait_until(answered)
            assert httpx.get(f"http://127.0.0.1:{port}/livez").status_code == 200
        finally:
            process.terminate()
    documented = service.client(None).get("/docs.json").json()["paths"]["/readyz"]["get"]["responses"]
    assert answers[0].status_code == 503
    assert answers[0].headers["content-type"].split(";")[0] in documented["503"]["content"]


def test_every_reference_in_the_documentation_resolves(service: Any) -> None:
    document = service.client(None).get("/docs.json").json()
    references: list[str] = []

    def check_references(part: Any) -> None:
        if isinstance(part, dict):
            references.extend(value for key, value in part.items() if key == "$ref")
            part = list(part.values())
        if isinstance(part, list):
            for each in part:
                check_references(each)

    check_references(document)
    assert references
    for reference in references:
        place: Any = document
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]


def test_an_answer_has_the_fields_that_the_documentation_names(service: Any) -> None:
    (decision,) = service.score("documented", "line-001").json()["decisions"]
    assert list(decision) == list(DecisionAnswer.__struct_fields__)


def test_pages_of_bentoml_load_nothing_from_elsewhere(service: Any) -> None:
    for path in ("/", "/docs.json", "/schema.json", "/livez", "/metrics", "/static_content/swagger-ui.css"):
        answer = service.client(None).get(path)
        assert answer.status_code == 200
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; ")
        assert "connect-src 'self'" in policy
        assert "http" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/static_content/", "/static_content/nothing.js", "/static_content/../app.py"])
def test_only_files_of_the_page_reach_bentoml(path: str, service: Any) -> None:
    assert service.client(None).get(path).status_code == 404


def test_answers_forbid_caching(service: Any) -> None:
    headers = service.score("cache", "line-001").headers
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"


def test_logs_hold_one_start_line_and_neither_ids_nor_tokens(service: Any) -> None:
    service.score("in-no-log", "line-003", "13800138000")
    service.client().get("/v1/lines/13800138000/decisions")
    service.client().post("/v1/score", content=b'{"13800138000":', headers={"content-type": "application/json"})
    httpx.get(f"{service.url}/v1/lines/13800138000/decisions", headers={"authorization": "Bearer 13800138000"})
    log = service.log.read_text()
    (start,) = (line for line in log.splitlines() if '"ready"' in line)
    assert service.url in start
    assert '"model": "1"' in start
    assert '"snapshot": "20240801T000000Z-' in start
    assert "13800138000" not in log
    assert "line-0" not in log
    assert not any(secret in log for secret in service.world.tokens.values())


def test_it_listens_on_loopback_only(service: Any) -> None:
    sockets = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    addresses = {socket[1] for socket in sockets if socket[3] == _LISTENING}
    port = f"{int(service.url.rpartition(':')[2]):04X}"
    assert {address for address in addresses if address.endswith(f":{port}")} == {f"0100007F:{port}"}
