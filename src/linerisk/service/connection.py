"""One client's connection, within bounds of time and size that the server itself does not set.

uvicorn waits for the rest of a head or a body for ever and lets a head grow without end. Here whoever is too slow is
told so and let go. A clock runs only while something is missing, so a request that comes in one piece pays for none. It
rests on uvicorn's internals, so the version is pinned and tests ask a running server.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sized
from functools import partial
from typing import Any, ClassVar, cast

import msgspec
from typing_extensions import override
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from linerisk.errors import DecisionLogError, LineriskError
from linerisk.service.quick import Held, Quick
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
from linerisk.web.http import ALWAYS, REFUSED, Scope

_OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n" + b"".join(
    [name + b": " + value + b"\r\n" for name, value in ALWAYS]
)
_LAST = b"connection: close\r\n"
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
        quick: Answers plain requests without a task of their own, once it is there.
    """

    head_within_s: ClassVar[float] = 10.0
    body_within_s: ClassVar[float] = 20.0
    read_within_s: ClassVar[float] = 60.0
    most_head_bytes: ClassVar[int] = 16 * 1024
    most_connections: ClassVar[int] = 1_000
    quick: ClassVar[Quick | None] = None

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Take on a client, or turn away one too many."""
        super().connection_made(transport)
        self.flow = _Flow(transport, self.pipeline)
        self._in_head, self._head_bytes, self._whole = True, 0, False
        self._held: tuple[RequestResponseCycle, Held] | None = None
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
        if self._held is not None:
            (cycle, _), self._held = self._held, None
            _let_go(cycle)
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
        if self._held is not None and self._held[0] is self.cycle:
            self._take()

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

    @override
    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        """Begin to answer a request whose head has arrived; a plain one is held until it is whole."""
        held = None if self.quick is None or app is not self.app else self.quick.held(cast(Scope, cycle.scope))
        if held is None:
            super()._start_asgi_task(cycle, app)
            return
        self._held = cycle, held
        if not cycle.more_body:
            self._take()

    def _take(self) -> None:
        """Have the request that is held answered the quick way, or else as any other."""
        if self._held is None or self.quick is None:
            return
        (cycle, held), self._held = self._held, None
        # Whoever does not read is waited for, which only a task can.
        if self.flow.write_paused or not self.quick.take(held, bytes(cycle.body), partial(self._answer, cycle)):
            super()._start_asgi_task(cycle, self.app)

    def _answer(self, cycle: RequestResponseCycle, body: bytes | DecisionLogError | None) -> None:
        """Write an answer; without one the request goes the way of the others."""
        if cycle.disconnected or self.transport.is_closing():
            _let_go(cycle)
            return
        if not isinstance(body, bytes):
            cast(Scope, cycle.scope)[REFUSED] = body
            super()._start_asgi_task(cycle, self.app)
            return
        cycle.response_started = cycle.response_complete = True
        _let_go(cycle)
        own = b"".join([name + b": " + value + b"\r\n" for name, value in self.server_state.default_headers])
        last = b"" if cycle.keep_alive else _LAST
        self.transport.write(b"%b%b%bcontent-length: %d\r\n\r\n%b" % (_OK, own, last, len(body), body))
        if not cycle.keep_alive:
            self.transport.close()
        self.on_response_complete()

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


def _let_go(cycle: RequestResponseCycle) -> None:
    """Have it hold its connection no longer, as uvicorn does after a task: both would wait for the collector."""
    cycle.on_response = _nothing


def _nothing() -> None:
    """Nobody is told."""


def _written(error: LineriskError) -> bytes:
    """A refusal as it goes over the wire."""
    status = status_of(error)
    body = msgspec.json.encode(answer_of(error))
    seconds = retry_after_of(error)
    head = f"HTTP/1.1 {int(status)} {status.phrase}\r\ncontent-type: application/json\r\n"
    head += f"content-length: {len(body)}\r\nconnection: close\r\n"
    head += "" if seconds is None else f"retry-after: {seconds}\r\n"
    return f"{head}\r\n".encode() + body
