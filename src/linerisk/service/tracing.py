"""Traces of `/v1` for an operator who runs a collector: a span a request, by OpenTelemetry, over OTLP on HTTP.

Off unless the environment names a collector, in OpenTelemetry's own variables; then nothing of it is even imported. A
span says what was asked for and how it went, never for whom or about which line. It has a provider of its own: what
BentoML sets up for its pages is left alone. Spans are sent in batches from a thread; when the collector does not keep
up, spans are lost and no answer waits.
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
"""How long a process that ends waits for the collector. OpenTelemetry itself would wait as long as for its answers."""


def wanted(environment: Mapping[str, str]) -> bool:
    """Whether traces are asked for.

    >>> wanted({}), wanted({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"})
    (False, True)
    """
    off = environment.get("OTEL_SDK_DISABLED", "").lower() == "true"
    return not off and any(environment.get(name) for name in _ENDPOINTS)


class Traces:
    """The spans of one process.

    Where they go, how many are kept and under which name is said by the standard variables (`OTEL_EXPORTER_OTLP_*`,
    `OTEL_TRACES_SAMPLER`, `OTEL_SERVICE_NAME`); the default name is `linerisk`.
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
        """A span that begins now, under the caller's if it sent a `traceparent`.

        Its `tracestate` is left behind: it is free text of the caller's and might name a line.
        """
        parent = request.headers(b"traceparent")
        carrier = {"traceparent": parent[0].decode("latin-1")} if len(parent) == 1 else {}
        return self._tracer.start_span("/v1", context=self._context_of(carrier), kind=self._server)

    def end(self, span: Span, request: Request, *, route: str, status: int, number: str | None) -> None:
        """Say how it went, and hand the span on to be sent.

        Args:
            span: The span that `begin` gave.
            request: What was asked.
            route: The route's path, its variable parts in braces; `unknown` if there is none.
            status: HTTP status of the answer.
            number: What the log knows the refusal by, if it was logged.
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
        """Send what waits, unless the collector takes too long."""
        sending = threading.Thread(target=self._provider.shutdown, name="last-spans", daemon=True)
        sending.start()
        sending.join(_FLUSH_S)
        if sending.is_alive():
            self._exporter.shutdown()  # type: ignore[no-untyped-call]  # the exporter is untyped here
