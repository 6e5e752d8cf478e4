"""Fixtures of fault tests: clients that send requests without pause, and a check of the log against their answers."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import psutil
import pytest

from linerisk.decisions.append import StoredAnswer
from linerisk.decisions.log import DecisionLog

CALLER = "a-scorer"
UNKNOWN = "nobody"
_PAUSE_S = 0.02


@dataclass(frozen=True)
class SentRequest:
    """A request and its answer.

    Attributes:
        request_id: The request id.
        lines: The requested lines.
        sent: When it was sent, seconds of the monotonic clock.
        received: When its answer was complete or its connection was lost.
        answer: The answer; None if the connection was lost.
    """

    request_id: str
    lines: tuple[str, ...]
    sent: float
    received: float
    answer: httpx.Response | None

    @property
    def status(self) -> int | None:
        return None if self.answer is None else self.answer.status_code


def body_of(request_id: str, lines: tuple[str, ...]) -> dict[str, Any]:
    return {"request_id": request_id, "lines": [{"line_id": line} for line in lines]}


def new_client(server: Any, role: str = "scorer") -> httpx.Client:
    """A client with its own connections."""
    headers = {"authorization": f"Bearer {server.world.tokens[role]}"}
    return httpx.Client(base_url=server.url, headers=headers, timeout=60)


@dataclass
class LoadClients:
    """Clients of one service; each sends one request after the other until `stop`."""

    server: Any
    name: str
    many: int
    most_lines: int
    requests: list[SentRequest] = field(default_factory=list)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        for number in range(self.many):
            self._threads.append(threading.Thread(target=self._send_requests, args=(number,)))
            self._threads[-1].start()

    def stop(self) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def wait_for(self, answers: int, *, within_s: float = 30) -> None:
        """Wait until so many more requests are answered."""
        goal = len(self.answered()) + answers
        deadline = time.monotonic() + within_s
        while len(self.answered()) < goal:
            assert time.monotonic() < deadline, f"{len(self.requests)} sent; {self.status_counts()}"
            time.sleep(0.01)

    def status_counts(self) -> str:
        """Counts by status, with the last text of each refusal, for a failure message."""
        last = {
            each.status: each.answer.text if each.answer else ""
            for each in self.requests
            if each.status != httpx.codes.OK
        }
        counts = Counter(each.status for each in self.requests)
        return ", ".join(f"{count} x {status} {last.get(status, '')}" for status, count in counts.items())

    def answered(self) -> list[SentRequest]:
        return [each for each in self.requests if each.status == httpx.codes.OK]

    def unanswered(self) -> list[SentRequest]:
        return [each for each in self.requests if each.status != httpx.codes.OK]

    def _send_requests(self, number: int) -> None:
        rng = random.Random(f"{self.name}-{number}")  # noqa: S311  # the choice of lines is no secret
        with new_client(self.server) as client:
            i = 0
            while not self._stopping.is_set():
                i += 1
                few = rng.random() < 0.7  # small requests skip the queue of large ones
                count = rng.randint(1, min(4, self.most_lines)) if few else rng.randint(1, self.most_lines)
                lines = tuple(f"line-{n:03}" for n in rng.sample(range(200), count))
                lines += (UNKNOWN,) if rng.random() < 0.2 else ()
                request_id = f"{self.name}-{number}-{i}"
                sent = time.monotonic()
                try:
                    answer = client.post("/v1/score", json=body_of(request_id, lines))
                except httpx.TransportError:
                    answer = None
                self.requests.append(SentRequest(request_id, lines, sent, time.monotonic(), answer))
                if answer is None or answer.status_code != httpx.codes.OK:
                    time.sleep(_PAUSE_S)


@pytest.fixture
def load_clients() -> Callable[..., Any]:
    """Runs load clients against a server until the end of the block."""

    @contextmanager
    def running(server: Any, name: str, *, many: int = 4, most_lines: int = 40) -> Iterator[LoadClients]:
        clients = LoadClients(server, name, many, most_lines)
        clients.start()
        try:
            yield clients
        finally:
            clients.stop()

    return running


def answer_body(stored: StoredAnswer, request_id: str) -> Any:
    """The answer that a repeated request gets from the log."""
    decisions = [record.to_answer_json() for record in stored.records]
    return {"request_id": request_id, "decisions": decisions, "problems": list(stored.problems)}


@pytest.fixture
def check_log() -> Callable[..., int]:
    """Checks a decision log against the answers that clients received; returns how many of their requests it holds.

    The log holds every received answer unchanged, each request completely or not at all, and no other decisions; its
    chain verifies.
    """

    def checking(url: str, sent: list[SentRequest], *, decisions_before: int = 0) -> int:
        recorded, rows = 0, decisions_before
        with DecisionLog(url, create=False) as log:
            for each in sent:
                stored = log.find(CALLER, each.request_id)
                if each.status == httpx.codes.OK:
                    assert stored is not None, f"{each.request_id} was answered, but is not in the log"
                    assert answer_body(stored, each.request_id) == each.answer.json()
                if stored is not None:
                    known = [line for line in each.lines if line != UNKNOWN]
                    assert [record.line_id for record in stored.records] == known, "a request is recorded only in part"
                    unknown = [problem for problem in stored.problems if problem["code"] == "unknown_line"]
                    assert len(unknown) == each.lines.count(UNKNOWN)
                    recorded, rows = recorded + 1, rows + len(known)
            report = log.verify()
            assert report.ok, report
            assert report.rows == rows, "the log holds decisions without a request"
        return recorded

    return checking


@pytest.fixture
def repeat_requests() -> Callable[..., list[SentRequest]]:
    """Repeats each request three times at once; all answers are equal, and equal to the stored one if there is one."""

    def repeating(server: Any, url: str, sent: list[SentRequest]) -> list[SentRequest]:
        with DecisionLog(url, create=False) as log:
            before = {each.request_id: log.find(CALLER, each.request_id) for each in sent}
        repeated: list[SentRequest] = []
        with new_client(server) as client, ThreadPoolExecutor(6) as pool:
            answers = list(
                pool.map(
                    lambda each: client.post("/v1/score", json=body_of(each.request_id, each.lines)),
                    [each for each in sent for _ in range(3)],
                )
            )
        for i, each in enumerate(sent):
            three = answers[3 * i : 3 * i + 3]
            assert [answer.status_code for answer in three] == [200] * 3, three[0].text
            assert len({answer.content for answer in three}) == 1, "one request, two answers"
            stored = before[each.request_id]
            assert stored is None or answer_body(stored, each.request_id) == three[0].json()
            repeated.append(SentRequest(each.request_id, each.lines, each.sent, each.received, three[0]))
        return repeated

    return repeating


@pytest.fixture
def worker_processes() -> Callable[[Any], list[psutil.Process]]:
    """The live worker processes of a server."""

    def finding(server: Any) -> list[psutil.Process]:
        children = psutil.Process(server.process.pid).children()
        return [each for each in children if each.status() != psutil.STATUS_ZOMBIE]

    return finding


@pytest.fixture
def metric() -> Callable[[Any, str], float]:
    """Reads a value of `/metrics` by name and labels."""

    def reading(server: Any, name: str) -> float:
        # A new connection each time, so that any worker may answer.
        text = httpx.get(f"{server.url}/metrics", verify=server.verify, timeout=60).text
        values = [line.rsplit(" ", 1)[1] for line in text.splitlines() if line.rsplit(" ", 1)[0] == name]
        assert len(values) == 1, f"{name}: {values}"
        return float(values[0])

    return reading
