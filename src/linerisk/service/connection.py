"""Bounds of one connection: time for head, body and reading, size of the head, connections per process.

uvicorn sets none of them: it waits for a head or a body for ever, and keeps every pipelined request. A timer runs only
while part of a request is missing. This rests on uvicorn's internals, so its version is pinned, and tests run against
the real server.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sized
from typing import ClassVar

import msgspec
from typing_extensions import override
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from linerisk.errors import LineriskError
from linerisk.web.errors import (
    BusyError,
    HeadTooLargeError,
    MalformedError,
    SlowBodyError,
    SlowHeadError,
    answer_of,
    retry_after_of,
    status_of,
)

_MOST_PIPELINED = 16
"""Pipelined requests of a connection; no more is read while so many wait."""


class Connection(HttpToolsProtocol):
    """A uvicorn connection that refuses and closes when its client is too slow or sends too much.

    Attributes:
        head_within_s: Time for a head, from its first byte or from opening the connection.
        body_within_s: Time for a body.
        read_within_s: Time for the client to read an answer.
        most_head_bytes: Size of a head.
        most_connections: Connections of one process.
    """

    head_within_s: ClassVar[float] = 10.0
    body_within_s: ClassVar[float] = 20.0
    read_within_s: ClassVar[float] = 60.0
    most_head_bytes: ClassVar[int] = 16 * 1024
    most_connections: ClassVar[int] = 1_000

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Accept the connection, or refuse it if there are too many."""
        super().connection_made(transport)
        self.flow = _Flow(transport, self.pipeline)
        self._in_head, self._head_bytes, self._complete = True, 0, False
        self._read_timer: asyncio.TimerHandle | None = None
        self._timer: asyncio.TimerHandle | None = self.loop.call_later(self.head_within_s, self._refuse_slow_head)
        if len(self.connections) > self.most_connections:
            self._refuse(
                BusyError(
                    "too many connections",
                    expected=f"at most {self.most_connections}",
                    todo="reuse connections instead of opening more, and try again shortly",
                )
            )

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timers."""
        self._stop_timer()
        self.resume_writing()
        super().connection_lost(exc)

    @override
    def data_received(self, data: bytes) -> None:
        """Read; a timer runs while the request is incomplete."""
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if self.transport.is_closing() or self._complete:
            return
        if self._in_head and self._head_bytes > self.most_head_bytes:
            self._refuse(
                HeadTooLargeError(
                    "the head is too large",
                    expected=f"at most {self.most_head_bytes} bytes",
                    todo="send fewer or shorter headers",
                )
            )
        elif self._timer is None:
            late = self._refuse_slow_head if self._in_head else self._refuse_slow_body
            within = self.head_within_s if self._in_head else self.body_within_s
            self._timer = self.loop.call_later(within, late)

    @override
    def on_message_begin(self) -> None:
        """A request begins."""
        self._complete = False
        super().on_message_begin()

    @override
    def on_headers_complete(self) -> None:
        """The head is complete; the body has its own timer."""
        self._in_head = False
        self._stop_timer()
        super().on_headers_complete()

    @override
    def on_message_complete(self) -> None:
        """The request is complete."""
        self._in_head, self._head_bytes, self._complete = True, 0, True
        self._stop_timer()
        super().on_message_complete()

    @override
    def send_400_response(self, msg: str) -> None:
        """Refuse what is not HTTP, in our error shape."""
        self._refuse(
            MalformedError(
                "this is no HTTP request",
                found=msg,
                todo="send HTTP/1.1; use https:// where the service was started with TLS, and only there",
            )
        )

    @override
    def pause_writing(self) -> None:
        """The client reads too slowly; give it a deadline."""
        super().pause_writing()
        self._read_timer = self.loop.call_later(self.read_within_s, self.transport.abort)

    @override
    def resume_writing(self) -> None:
        """The client reads again."""
        super().resume_writing()
        if self._read_timer is not None:
            self._read_timer.cancel()
            self._read_timer = None

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refuse_slow_head(self) -> None:
        if self.flow.read_paused:  # the server is busy, not the client slow
            self._timer = self.loop.call_later(self.head_within_s, self._refuse_slow_head)
            return
        self._refuse(
            SlowHeadError(
                "the head did not arrive in time",
                expected=f"within {self.head_within_s:g} s",
                todo="send the whole head at once",
            )
        )

    def _refuse_slow_body(self) -> None:
        self._refuse(
            SlowBodyError(
                "the body did not arrive in time",
                expected=f"within {self.body_within_s:g} s",
                todo="send the body at once, or fewer lines at a time",
            )
        )

    def _refuse(self, error: LineriskError) -> None:
        """Close; first send the refusal, unless the answer to the same request has begun or is complete."""
        cycle = self.cycle
        if cycle is None or (cycle.response_complete if self._in_head else not cycle.response_started):
            self.transport.write(_written(error))
            if cycle is not None and not self._in_head:
                cycle.disconnected = True  # discards what the application still sends
                cycle.message_event.set()
        self.transport.close()


class _Flow(FlowControl):
    """Pauses reading while too many pipelined requests wait; uvicorn's own resumes with every answer.

    Args:
        transport: Of the connection.
        pipeline: The pipelined requests.
    """

    def __init__(self, transport: asyncio.Transport, pipeline: Sized) -> None:
        super().__init__(transport)
        self._pipeline = pipeline

    @override
    def resume_reading(self) -> None:
        """Resume, unless too many requests wait; called again with every answer."""
        if len(self._pipeline) < _MOST_PIPELINED:
            super().resume_reading()


def _written(error: LineriskError) -> bytes:
    """A refusal as HTTP bytes."""
    status = status_of(error)
    body = msgspec.json.encode(answer_of(error))
    seconds = retry_after_of(error)
    head = f"HTTP/1.1 {int(status)} {status.phrase}\r\ncontent-type: application/json\r\n"
    head += f"content-length: {len(body)}\r\nconnection: close\r\n"
    head += "" if seconds is None else f"retry-after: {seconds}\r\n"
    return f"{head}\r\n".encode() + body
