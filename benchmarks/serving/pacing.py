"""Open-loop load over HTTP: requests follow a schedule that does not depend on answers; latency counts from it."""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
import selectors
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httptools
from target import Target
from typing_extensions import override

PERCENTILES = {"p50_ms": 0.5, "p90_ms": 0.9, "p99_ms": 0.99, "p999_ms": 0.999, "max_ms": 1.0}


@dataclass
class Sent:
    """One request and its outcome; times are those of the event loop."""

    due: float
    body: bytes
    late: float | None = None
    done: float = 0.0
    status: int = 0
    answer: bytes = b""


@dataclass
class Run:
    """The requests of one load and their outcomes.

    Attributes:
        answered: Requests answered with 2xx.
        errors: Counts of other outcomes: a status, a lost connection, no answer in time.
        sent: Number of requests sent.
        offered_s: Seconds from the start to the last scheduled request.
        seconds: Seconds from the start to the last answer.
    """

    answered: list[Sent] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    sent: int = 0
    offered_s: float = 0.0
    seconds: float = 0.0

    def statistics(self) -> dict[str, Any]:
        """Rates, latency percentiles of answered requests in milliseconds, errors by kind."""
        took = sorted(sent.done - sent.due for sent in self.answered)
        late = sorted(sent.late for sent in self.answered if sent.late is not None)
        return {
            "sent": self.sent,
            "answered": len(took),
            "offered_per_second": round(self.sent / self.offered_s, 1) if self.offered_s else 0.0,
            "per_second": round(len(took) / self.seconds, 1) if self.seconds else 0.0,
            **{name: _at(took, share) for name, share in PERCENTILES.items()},
            "client_late_p99_ms": _at(late, 0.99),
            "errors": dict(self.errors),
        }


def _at(ordered: list[float], share: float) -> float | None:
    """The nearest-rank percentile, in milliseconds."""
    if not ordered:
        return None
    return round(ordered[math.ceil(share * len(ordered)) - 1] * 1e3, 3)


class _Connection(asyncio.Protocol):
    """One connection with one request at a time."""

    def __init__(self, pool: _Pool) -> None:
        self._pool = pool
        self._sent: Sent | None = None
        self._body: list[bytes] = []

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport
        self._pool.opened(self)

    @override
    def connection_lost(self, error: Exception | None) -> None:
        sent, self._sent = self._sent, None
        self._pool.lost(self, sent)

    def send(self, sent: Sent) -> None:
        self._sent, self._body, self._complete = sent, [], False
        self._parser = httptools.HttpResponseParser(self)
        self._transport.write(self._pool.target.request(sent.body))

    @override
    def data_received(self, data: bytes) -> None:
        if self._sent is None:
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.abort()
            return
        if self._complete:
            sent, self._sent = self._sent, None
            sent.status, sent.answer = self._parser.get_status_code(), b"".join(self._body)
            self._pool.done(sent)
            if self._parser.should_keep_alive():
                self._pool.free(self)
            else:
                self._transport.close()

    def drop(self) -> None:
        self._transport.abort()

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        self._complete = True


class _Pool:
    """Open connections, and the requests that wait for one."""

    def __init__(self, target: Target, run: Run, *, keep_answers: bool) -> None:
        self.target = target
        self._in_flight = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._run = run
        self._keep = keep_answers
        self._open: set[_Connection] = set()
        self._free: list[_Connection] = []
        self._waiting: deque[Sent] = deque()
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    async def connect(self) -> None:
        await self._loop.create_connection(lambda: _Connection(self), **self.target.address)

    def submit(self, sent: Sent) -> None:
        self._in_flight += 1
        self._idle.clear()
        if self._free:
            sent.late = self._loop.time() - sent.due
            self._free.pop().send(sent)
        else:
            self._waiting.append(sent)

    def opened(self, connection: _Connection) -> None:
        self._open.add(connection)
        self.free(connection)

    def free(self, connection: _Connection) -> None:
        if self._waiting:
            connection.send(self._waiting.popleft())
        else:
            self._free.append(connection)

    def done(self, sent: Sent) -> None:
        self._finished_one()
        sent.done = self._loop.time()
        if 200 <= sent.status < 300:  # noqa: PLR2004 - what HTTP calls a success
            self._run.answered.append(sent)
            if not self._keep:
                sent.answer = sent.body = b""
        else:
            self._run.errors[f"status {sent.status}"] += 1

    def lost(self, connection: _Connection, sent: Sent | None) -> None:
        self._open.discard(connection)
        if connection in self._free:
            self._free.remove(connection)
        if self._closed:
            return
        if sent is not None:
            self._finished_one()
            self._run.errors["connection lost"] += 1
        task = self._loop.create_task(self._reconnect())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _reconnect(self) -> None:
        while not self._closed:
            try:
                await self.connect()
            except OSError:
                await asyncio.sleep(0.1)
            else:
                return

    def _finished_one(self) -> None:
        self._in_flight -= 1
        if not self._in_flight:
            self._idle.set()

    async def finish(self, patience: float) -> None:
        """Wait for requests in flight; a missing answer counts as an error."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), patience)
        self._closed = True
        if self._in_flight:
            self._run.errors["no answer in time"] += self._in_flight
        for task in self._tasks:
            task.cancel()
        for connection in self._open:
            connection.drop()
        # Connections report their loss in the next turn of the loop.
        await asyncio.gather(asyncio.sleep(0), *self._tasks, return_exceptions=True)


async def _paced(
    target: Target, due: Iterable[tuple[float, bytes]], *, connections: int, patience: float, keep_answers: bool
) -> Run:
    loop = asyncio.get_running_loop()
    run = Run()
    pool = _Pool(target, run, keep_answers=keep_answers)
    await asyncio.gather(*(pool.connect() for _ in range(connections)))
    start = loop.time()
    for offset, body in due:
        await asyncio.sleep(max(0.0, start + offset - loop.time()))
        pool.submit(Sent(start + offset, body))
        run.sent += 1
        run.offered_s = offset
    await pool.finish(patience)
    run.seconds = max((sent.done for sent in run.answered), default=start) - start
    return run


def send_paced(
    target: Target,
    bodies: Iterable[bytes],
    *,
    rate: float,
    seconds: float | None = None,
    connections: int = 32,
    patience: float = 10.0,
    keep_answers: bool = False,
    seed: int = 0,
) -> Run:
    """Send bodies at a mean rate, at random times that are independent of the answers.

    Args:
        target: The service to load.
        bodies: Request bodies; the load ends with them.
        rate: Mean requests per second.
        seconds: Duration; None means until the bodies end.
        connections: Maximum number of requests in flight; others wait in the client, and that time counts.
        patience: Seconds to wait for answers after the last request.
        keep_answers: Whether the returned run contains bodies and answers.
        seed: Seed of the schedule.

    Raises:
        OSError: The connection is refused.
    """
    # `select` has fine timers; the default selector rounds to whole milliseconds.
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())) as runner:
        due = _schedule(bodies, rate=rate, seconds=seconds, seed=seed)
        return runner.run(_paced(target, due, connections=connections, patience=patience, keep_answers=keep_answers))


def _schedule(
    bodies: Iterable[bytes], *, rate: float, seconds: float | None, seed: int
) -> Iterator[tuple[float, bytes]]:
    gaps = random.Random(seed)  # noqa: S311 - a schedule, no secret
    at = 0.0
    for body in bodies:
        at += gaps.expovariate(rate)
        if seconds is not None and at > seconds:
            return
        yield at, body
