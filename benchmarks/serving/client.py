"""A load client for a running service.

    python benchmarks/serving/client.py --url http://127.0.0.1:3000 --token-file TOKEN --lines LINES \
        --rate 200 --seconds 30

TOKEN is a file that holds the token of a scorer, LINES a file with one line id in each row. Each request asks for one
line under a `request_id` of its own. **Every answer is recorded by the service as a decision.**

Requests are sent at times that are drawn before and do not wait for answers, as from independent callers (gaps are
exponential). A request is timed from when it should have been sent: a service that stalls is not spared what would have
been asked meanwhile. `client_late_p99_ms` says how late this client itself was, with a connection free; where that is
not small beside the percentiles, they measure the client, and the rate is too high for it.

Afterwards everything that was answered is asked again under the same `request_id` at the same rate, and must be
answered the same. Exit code 1: something failed or differed. A certificate of one's own: set SSL_CERT_FILE.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import secrets
import selectors
import ssl
import sys
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count, cycle
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httptools
from typing_extensions import override

SCORE = "/v1/score"
PERCENTILES = {"p50_ms": 0.5, "p90_ms": 0.9, "p99_ms": 0.99, "p999_ms": 0.999, "max_ms": 1.0}
_HTTPS = 443


@dataclass(frozen=True)
class Target:
    """Where requests go.

    Args:
        url: Scheme, host and port; a path is put before `path`.
        path: What is called.
        token: For the header; none is sent without it.
    """

    url: str
    path: str = SCORE
    token: str | None = None

    def request(self, body: bytes) -> bytes:
        """A request as it goes over the wire."""
        parts = urlsplit(self.url)
        lines = [
            f"POST {parts.path.rstrip('/')}{self.path} HTTP/1.1",
            f"Host: {parts.netloc}",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
        ]
        if self.token:
            lines.append(f"Authorization: Bearer {self.token}")
        return "\r\n".join([*lines, "", ""]).encode("ascii") + body

    @property
    def address(self) -> dict[str, Any]:
        """As asyncio wants it."""
        parts = urlsplit(self.url)
        secure = parts.scheme == "https"
        port = parts.port or (_HTTPS if secure else 80)
        return {"host": parts.hostname, "port": port, "ssl": ssl.create_default_context() if secure else None}


@dataclass
class Sent:
    """One request and what came of it; times are of the loop's clock."""

    due: float
    body: bytes
    begun: float = 0.0
    late: float | None = None
    done: float = 0.0
    status: int = 0
    answer: bytes = b""


@dataclass
class Run:
    """What was sent and what came of it.

    Attributes:
        answered: Requests answered with 2xx.
        errors: How often what else happened: a status, a lost connection, no answer in time.
        seconds: From when the first request was due to the last answer.
    """

    answered: list[Sent] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    def figures(self) -> dict[str, Any]:
        """Rate, percentiles of the answered in milliseconds, errors by kind."""
        took = sorted(sent.done - sent.due for sent in self.answered)
        late = sorted(sent.late for sent in self.answered if sent.late is not None)
        return {
            "answered": len(took),
            "per_second": round(len(took) / self.seconds, 1) if self.seconds else 0.0,
            **{name: _at(took, share) for name, share in PERCENTILES.items()},
            "client_late_p99_ms": _at(late, 0.99),
            "errors": dict(self.errors),
        }


def _at(ordered: list[float], share: float) -> float | None:
    """The least value that `share` of all do not exceed, in milliseconds."""
    if not ordered:
        return None
    return round(ordered[max(0, -int(-share * len(ordered) // 1) - 1)] * 1e3, 3)


class _Connection(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self, pool: _Pool) -> None:
        self._pool = pool
        self._sent: Sent | None = None
        self._body: list[bytes] = []

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport
        self._pool.free(self)

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

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        self._complete = True


class _Pool:
    """Connections, and requests that wait for one."""

    def __init__(self, target: Target, run: Run, *, keep_answers: bool) -> None:
        self.target = target
        self._under_way = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._run = run
        self._keep = keep_answers
        self._free: list[_Connection] = []
        self._waiting: deque[Sent] = deque()
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    async def connect(self) -> None:
        await self._loop.create_connection(lambda: _Connection(self), **self.target.address)

    def ask(self, sent: Sent) -> None:
        self._under_way += 1
        self._idle.clear()
        if self._free:
            sent.late = self._loop.time() - sent.due
            self._free.pop().send(sent)
        else:
            self._waiting.append(sent)

    def free(self, connection: _Connection) -> None:
        if self._waiting:
            connection.send(self._waiting.popleft())
        else:
            self._free.append(connection)

    def done(self, sent: Sent) -> None:
        self._left()
        sent.done = self._loop.time()
        if 200 <= sent.status < 300:  # noqa: PLR2004 - what HTTP calls a success
            self._run.answered.append(sent)
            if not self._keep:
                sent.answer = sent.body = b""
        else:
            self._run.errors[f"status {sent.status}"] += 1

    def lost(self, connection: _Connection, sent: Sent | None) -> None:
        if connection in self._free:
            self._free.remove(connection)
        if self._closed:
            return
        if sent is not None:
            self._left()
            self._run.errors["connection lost"] += 1
        task = self._loop.create_task(self._again())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _again(self) -> None:
        while not self._closed:
            try:
                await self.connect()
            except OSError:
                await asyncio.sleep(0.1)
            else:
                return

    def _left(self) -> None:
        self._under_way -= 1
        if not self._under_way:
            self._idle.set()

    async def finish(self, patience: float) -> None:
        """Wait for what is under way; what does not come is an error."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), patience)
        self._closed = True
        if self._under_way:
            self._run.errors["no answer in time"] += self._under_way
        for task in self._tasks:
            task.cancel()


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
        pool.ask(Sent(start + offset, body))
    await pool.finish(patience)
    run.seconds = max((sent.done for sent in run.answered), default=start) - start
    return run


def paced(
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
    """Send bodies at a mean rate, at random times that do not depend on the answers.

    Args:
        target: Where to.
        bodies: What; no more is sent when they end.
        rate: Requests a second.
        seconds: For how long; None is until the bodies end.
        connections: How many may be under way at once; more wait here, and their waiting counts.
        patience: How many seconds after the last one answers are waited for.
        keep_answers: Whether bodies and answers are kept in what is given back.
        seed: Of the times.

    Raises:
        OSError: Nobody listens.
    """
    # Timers of `select` are as fine as the machine's; those of the usual selector are whole milliseconds.
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


def scoring_bodies(line_ids: list[str]) -> Iterator[bytes]:
    """Bodies of `POST /v1/score`, one line each, without end, each under a `request_id` of its own."""
    run = secrets.token_hex(6)
    for number, line_id in zip(count(), cycle(line_ids), strict=False):
        yield json.dumps({"request_id": f"load-{run}-{number}", "lines": [{"line_id": line_id}]}).encode()


def asked_again(target: Target, first: Run, *, rate: float, connections: int) -> dict[str, Any]:
    """Ask again what was answered; how many answers were the same, differed, or did not come."""
    before = {sent.body: sent.answer for sent in first.answered}
    again = paced(target, list(before), rate=rate, connections=connections, keep_answers=True)
    same = sum(json.loads(sent.answer) == json.loads(before[sent.body]) for sent in again.answered)
    return {
        "asked": len(before),
        "same": same,
        "different": len(again.answered) - same,
        "errors": dict(again.errors),
    }


def main() -> int:
    """Load a service, ask again, print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True, help="where the service answers, as http://127.0.0.1:3000")
    parser.add_argument("--token-file", type=Path, required=True, help="holds the token of a scorer")
    parser.add_argument("--lines", type=Path, required=True, help="one line id in each row")
    parser.add_argument("--rate", type=float, required=True, help="requests a second, on the mean")
    parser.add_argument("--seconds", type=float, required=True, help="for how long")
    parser.add_argument("--connections", type=int, default=32)
    given = parser.parse_args()
    lines = [line for line in given.lines.read_text(encoding="utf-8").splitlines() if line]
    if not lines:
        parser.error(f"{given.lines}: no line ids")
    target = Target(given.url, token=given.token_file.read_text(encoding="utf-8").strip())
    pace = {"rate": given.rate, "connections": given.connections}
    try:
        first = paced(target, scoring_bodies(lines), seconds=given.seconds, keep_answers=True, **pace)
        repeats = asked_again(target, first, **pace)
    except OSError as error:
        parser.exit(1, f"{given.url} cannot be reached: {error.strerror or error}\n")
    sys.stdout.write(json.dumps({**first.figures(), "asked_again": repeats}, indent=1) + "\n")
    whole = bool(first.answered) and repeats["same"] == len(first.answered)
    return 0 if whole and not first.errors else 1


if __name__ == "__main__":
    sys.exit(main())
