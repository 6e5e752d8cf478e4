"""OpenTelemetry traces of `/v1`: one span per request, sent over OTLP on HTTP.

Off unless OpenTelemetry's environment variables name a collector; then the library is not even imported. A span names
the route and the outcome, never the caller or a line. The provider is separate from BentoML's own. A thread sends spans
in batches; if the collector cannot keep up, spans are lost and no answer waits.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from linerisk import __version__
from linerisk.web.http import Request

if TYPE_CHECKING:
    from opentelemetry.trace import Span

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")

_FLUSH_S = 5.0
"""How long a process waits for the collector at its end; OpenTelemetry's own limit is its request timeout."""


def tracing_enabled(environment: Mapping[str, str]) -> bool:
    """Whether the environment asks for traces.

    >>> tracing_enabled({}), tracing_enabled({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"})
    (False, True)
    """
    off = environment.get("OTEL_SDK_DISABLED", "").lower() == "true"
    return not off and any(environment.get(name) for name in _ENDPOINTS)


class Traces:
    """The spans of one process.

    The standard variables (`OTEL_EXPORTER_OTLP_*`, `OTEL_TRACES_SAMPLER`, `OTEL_SERVICE_NAME`) set collector, sampling
    and name; the default name is `linerisk`.
    """

    def __init__(self) -> None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.resources import OTELResourceDetector, Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
        from opentelemetry.trace import SpanKind, StatusCode  # noqa: PLC0415
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415

        ours = Resource.create({"service.name": "linerisk", "service.version": __version__})
        self._provider = TracerProvider(resource=ours.merge(OTELResourceDetector().detect()), shutdown_on_exit=False)
        self._exporter = OTLPSpanExporter()
        self._provider.add_span_processor(BatchSpanProcessor(self._exporter))
        self._tracer = self._provider.get_tracer("linerisk", __version__)
        self._server, self._error = SpanKind.SERVER, StatusCode.ERROR
        self._context_of = TraceContextTextMapPropagator().extract

    def begin(self, request: Request) -> Span:
        """Start a span, as a child of the caller's `traceparent` if there is one.

        `tracestate` is ignored: it is free text and might name a line.
        """
        parent = request.headers(b"traceparent")
        carrier = {"traceparent": parent[0].decode("latin-1")} if len(parent) == 1 else {}
        return self._tracer.start_span("/v1", context=self._context_of(carrier), kind=self._server)

    def end(self, span: Span, request: Request, *, route: str, status: int, number: str | None) -> None:
        """End the span with the outcome, and queue it for sending.

        Args:
            span: The span that `begin` gave.
            request: The request.
            route: The route's path, its variable parts in braces; `unknown` if there is none.
            status: HTTP status of the answer.
            number: The log's number of the refusal, if it was logged.
        """
        known = route != "unknown"
        method = request.scope["method"] if known else "_OTHER"
        span.update_name(f"{method} {route}" if known else "unknown")
        facts: dict[str, Any] = {
            "http.request.method": method,
            "http.route": route if known else None,
            "http.response.status_code": int(status),
            "linerisk.lines": request.lines or None,
            "linerisk.model_version": request.model_version,
            "linerisk.request_number": number,
        }
        span.set_attributes({name: value for name, value in facts.items() if value is not None})
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            span.set_status(self._error)
        span.end()

    def close(self) -> None:
        """Send the remaining spans, within a time limit."""
        sending = threading.Thread(target=self._provider.shutdown, name="last-spans", daemon=True)
        sending.start()
        sending.join(_FLUSH_S)
        if sending.is_alive():
            self._exporter.shutdown()  # type: ignore[no-untyped-call]  # the exporter is untyped here
