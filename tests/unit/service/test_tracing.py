"""Tracing is off by default, and an unreachable collector delays no answer."""

from __future__ import annotations

import socket
import subprocess
import sys
import time

import pytest

from linerisk.service.tracing import Traces, tracing_enabled
from linerisk.web.http import Request

OTLP = "OTEL_EXPORTER_OTLP_ENDPOINT"


@pytest.mark.parametrize(
    ("environment", "enabled"),
    [
        ({}, False),
        ({OTLP: ""}, False),
        ({OTLP: "http://127.0.0.1:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"}, True),
        ({OTLP: "http://127.0.0.1:4318", "OTEL_SDK_DISABLED": "true"}, False),
    ],
)
def test_traces_are_made_only_where_a_collector_is_named(environment: dict[str, str], *, enabled: bool) -> None:
    assert tracing_enabled(environment) is enabled


def test_the_api_does_not_import_opentelemetry() -> None:
    code = "import sys, linerisk.service.api; print([name for name in sys.modules if name.startswith('opentelemetry')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout == "[]\n"


def test_an_unreachable_collector_delays_no_answer_and_shutdown_only_briefly(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free_port = probe.getsockname()[1]
    monkeypatch.setenv(OTLP, f"http://127.0.0.1:{free_port}")
    traces = Traces()
    request = Request({"headers": [(b"traceparent", b"no such thing")], "method": "POST"}, _never)
    began = time.perf_counter()
    for _ in range(5_000):  # more than the queue of spans holds
        traces.end(traces.begin(request), request, route="/v1/score", status=200, number=None)
    assert time.perf_counter() - began < 5
    began = time.perf_counter()
    traces.close()
    assert time.perf_counter() - began < 8


async def _never() -> dict[str, str]:
    raise AssertionError
