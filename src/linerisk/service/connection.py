"""One client's connection, within bounds of time and size that the server itself does not set.

uvicorn waits for the rest of a head or a body for ever and lets a head grow without end. Here whoever is too slow is
told so and let go. A clock runs only while something is missing, so a request that comes in one piece pays for none. It
rests on uvicorn's internals, so the version is pinned and tests ask a running server.
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

_MOST_BEHIND = 16
"""Requests that wait behind one another on a connection before no more is read of it."""


class Connection(HttpToolsProtocol):
    """A connection of uvicorn's that ends when its client keeps it waiting or sends too much.

    Attributes:
        head_within_s: How long a head may take, from the first byte or the opening of the connection.
        body_within_s: How long a body may take.
        read_within_s: How long a client may leave what it was sent unread.
        most_head_bytes: How long a head may be.
        most_connections: How many clients one process takes on.
    """

    head_within_s: ClassVar[float] = 10.0
    body_within_s: ClassVar[float] = 20.0
    read_within_s: ClassVar[float] = 60.0
    most_head_bytes: ClassVar[int] = 16 * 1024
    most_connections: ClassVar[int] = 1_000

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Take on a client, or turn away one too many."""
        super().connection_made(transport)
        self.flow = _Flow(transport, self.pipeline)
        self._in_head, self._head_bytes, self._whole = True, 0, False
        self._unread: asyncio.TimerHandle | None = None
        self._missing: asyncio.TimerHandle | None = self.loop.call_later(self.head_within_s, self._head_is_late)
        if len(self.connections) > self.most_connections:
            self._refuse(
                BusyError(
                    "too many connections",
                    expected=f"at most {self.most_connections}",
                    todo="use connections again instead of opening more, and try again shortly",
                )
            )

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clocks."""
        self._stop_waiting()
        self.resume_writing()
        super().connection_lost(exc)

    @override
    def data_received(self, data: bytes) -> None:
        """Read on; while a request is not whole, a clock runs."""
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if self.transport.is_closing() or self._whole:
            return
        if self._in_head and self._head_bytes > self.most_head_bytes:
            self._refuse(
                HeadTooLargeError(
                    "the head is too large",
                    expected=f"at most {self.most_head_bytes} bytes",
                    todo="send fewer or shorter headers",
                )
            )
        elif self._missing is None:
            late = self._head_is_late if self._in_head else self._body_is_late
            within = self.head_within_s if self._in_head else self.body_within_s
            self._missing = self.loop.call_later(within, late)

    @override
    def on_message_begin(self) -> None:
        """A request begins."""
        self._whole = False
        super().on_message_begin()

    @override
    def on_headers_complete(self) -> None:
        """A head is whole; its body has a clock of its own."""
        self._in_head = False
        self._stop_waiting()
        super().on_headers_complete()

    @override
    def on_message_complete(self) -> None:
        """A request is whole."""
        self._in_head, self._head_bytes, self._whole = True, 0, True
        self._stop_waiting()
        super().on_message_complete()

    @override
    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, in the one error shape."""
        self._refuse(
            MalformedError(
                "this is no HTTP request",
                found=msg,
                todo="send HTTP/1.1; use https:// where the service was started with TLS, and only there",
            )
        )

    @override
    def pause_writing(self) -> None:
        """The client does not read as fast as it is written to."""
        super().pause_writing()
        self._unread = self.loop.call_later(self.read_within_s, self.transport.abort)

    @override
    def resume_writing(self) -> None:
        """It reads again."""
        super().resume_writing()
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _stop_waiting(self) -> None:
        if self._missing is not None:
            self._missing.cancel()
            self._missing = None

    def _head_is_late(self) -> None:
        if self.flow.read_paused:  # it is not the client who keeps it waiting
            self._missing = self.loop.call_later(self.head_within_s, self._head_is_late)
            return
        self._refuse(
            SlowHeadError(
                "the head did not arrive in time",
                expected=f"within {self.head_within_s:g} s",
                todo="send the whole head at once",
            )
        )

    def _body_is_late(self) -> None:
        self._refuse(
            SlowBodyError(
                "the body did not arrive in time",
                expected=f"within {self.body_within_s:g} s",
                todo="send the body at once, or fewer lines at a time",
            )
        )

    def _refuse(self, error: LineriskError) -> None:
        """Say why, unless that would stand in or behind an answer to the same request, and let go."""
        cycle = self.cycle
        if cycle is None or (cycle.response_complete if self._in_head else not cycle.response_started):
            self.transport.write(_written(error))
            if cycle is not None and not self._in_head:
                cycle.disconnected = True  # what the application may still say goes nowhere
                cycle.message_event.set()
        self.transport.close()


class _Flow(FlowControl):
    """Reads on only while few requests wait; uvicorn's reads on with every answer, and keeps what comes without end.

    Args:
        transport: Of the connection.
        pipeline: The requests that wait.
    """

    def __init__(self, transport: asyncio.Transport, pipeline: Sized) -> None:
        super().__init__(transport)
        self._pipeline = pipeline

    @override
    def resume_reading(self) -> None:
        """Read on, unless too many wait; it is asked again with every answer."""
        if len(self._pipeline) < _MOST_BEHIND:
            super().resume_reading()


def _written(error: LineriskError) -> bytes:
    """A refusal as it goes over the wire."""
    status = status_of(error)
    body = msgspec.json.encode(answer_of(error))
    seconds = retry_after_of(error)
    head = f"HTTP/1.1 {int(status)} {status.phrase}\r\ncontent-type: application/json\r\n"
    head += f"content-length: {len(body)}\r\nconnection: close\r\n"
    head += "" if seconds is None else f"retry-after: {seconds}\r\n"
    return f"{head}\r\n".encode() + body
