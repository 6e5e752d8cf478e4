"""Traces sent to a collector over HTTP: the content of spans, what they never contain, and none lost at shutdown."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
LINE = "13800138000"


class Collector(http.server.ThreadingHTTPServer):
    """Stores every request body."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Receiving)
        self.paths: list[str] = []
        self.bodies: list[bytes] = []

    def spans(self) -> list[tuple[dict[str, Any], Any]]:
        """Every span with its resource."""
        found = []
        for body in self.bodies:
            for group in ExportTraceServiceRequest.FromString(body).resource_spans:
                resource = attributes(group.resource)
                found += [(resource, span) for scope in group.scope_spans for span in scope.spans]
        return found


class _Receiving(http.server.BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        self.server.paths.append(self.path)
        self.server.bodies.append(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


def attributes(of: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in of.attributes}


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_span_describes_the_request_and_contains_no_line_caller_or_token(
    serving: Callable[..., Any], world: Any, collector: Collector
) -> None:
    endpoint = f"http://127.0.0.1:{collector.server_address[1]}"
    with serving(world, OTEL_EXPORTER_OTLP_ENDPOINT=endpoint, OTEL_BSP_SCHEDULE_DELAY="60000") as server:
        client = server.client()
        body = {"request_id": LINE, "lines": [{"line_id": "line-001"}, {"line_id": LINE}]}
        sent = {"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": f"caller={LINE}"}
        assert client.post("/v1/score", json=body, headers=sent).status_code == 200
        assert client.post("/v1/score", json={**body, "lines": []}).status_code == 422
        assert client.get(f"/v1/lines/{LINE}/decisions?before={LINE}").status_code == 200
        assert client.get(f"/v1/nothing/{LINE}").status_code == 404
        assert httpx.get(f"{server.url}/v1/model").status_code == 401
        client.get("/livez")
        assert collector.bodies == []  # spans wait for a full batch or the shutdown
        secrets = [*world.tokens.values(), *(f"a-{role}" for role in world.tokens)]

    assert set(collector.paths) == {"/v1/traces"}
    spans = {(span.name, attributes(span)["http.response.status_code"]): span for _, span in collector.spans()}
    assert set(spans) == {
        ("POST /v1/score", 200),
        ("POST /v1/score", 422),
        ("GET /v1/lines/{line_id}/decisions", 200),
        ("unknown", 404),
        ("GET /v1/model", 401),
    }
    score = spans["POST /v1/score", 200]
    assert (score.trace_id.hex(), score.parent_span_id.hex(), score.trace_state) == (TRACE, PARENT, "")
    assert score.kind == score.SPAN_KIND_SERVER
    assert 0 < score.end_time_unix_nano - score.start_time_unix_nano < 60e9
    assert attributes(score) == {
        "http.request.method": "POST",
        "http.route": "/v1/score",
        "http.response.status_code": 200,
        "linerisk.lines": 2,
        "linerisk.model_version": "1",
    }
    assert spans["GET /v1/model", 401].parent_span_id == b""
    resource, _ = collector.spans()[0]
    assert resource["service.name"] == "linerisk"
    everything = b"".join(collector.bodies)
    for word in (LINE, "line-001", *secrets):
        assert word.encode() not in everything
