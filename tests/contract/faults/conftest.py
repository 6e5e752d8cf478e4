"""What breaking the service takes: callers who ask without pause, and a log that is held to what they heard."""

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
class Asked:
    """A request and what its caller heard.

    Attributes:
        request_id: Its key.
        lines: The lines asked for.
        sent: When it was sent, seconds of the monotonic clock.
        heard: When its answer was whole or its connection was lost.
        answer: The answer; None where the connection was lost.
    """

    request_id: str
    lines: tuple[str, ...]
    sent: float
    heard: float
    answer: httpx.Response | None

    @property
    def status(self) -> int | None:
        return None if self.answer is None else self.answer.status_code


def body_of(request_id: str, lines: tuple[str, ...]) -> dict[str, Any]:
    return {"request_id": request_id, "lines": [{"line_id": line} for line in lines]}


def new_client(server: Any, role: str = "scorer") -> httpx.Client:
    """A client with connections of its own."""
    headers = {"authorization": f"Bearer {server.world.tokens[role]}"}
    return httpx.Client(base_url=server.url, headers=headers, timeout=60)


@dataclass
class Callers:
    """Clients of one service, each asking for one answer after the other until told to stop."""

    server: Any
    name: str
    many: int
    most_lines: int
    asked: list[Asked] = field(default_factory=list)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        for number in range(self.many):
            self._threads.append(threading.Thread(target=self._ask, args=(number,)))
            self._threads[-1].start()

    def stop(self) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def wait_for(self, answers: int, *, within_s: float = 30) -> None:
        """Until so many more were answered."""
        goal = len(self.answered()) + answers
        deadline = time.monotonic() + within_s
        while len(self.answered()) < goal:
            assert time.monotonic() < deadline, f"{len(self.asked)} asked; {self.heard()}"
            time.sleep(0.01)

    def heard(self) -> str:
        """How many of which status were heard, and the last words of each refusal: what a reader of a failure needs."""
        last = {
            each.status: each.answer.text if each.answer else "" for each in self.asked if each.status != httpx.codes.OK
        }
        counts = Counter(each.status for each in self.asked)
        return ", ".join(f"{count} x {status} {last.get(status, '')}" for status, count in counts.items())

    def answered(self) -> list[Asked]:
        return [each for each in self.asked if each.status == httpx.codes.OK]

    def unanswered(self) -> list[Asked]:
        return [each for each in self.asked if each.status != httpx.codes.OK]

    def _ask(self, number: int) -> None:
        rng = random.Random(f"{self.name}-{number}")  # noqa: S311  # which lines are asked for is no secret
        with new_client(self.server) as client:
            i = 0
            while not self._stopping.is_set():
                i += 1
                few = rng.random() < 0.7  # those are worked on at once, the others take turns
                count = rng.randint(1, min(4, self.most_lines)) if few else rng.randint(1, self.most_lines)
                lines = tuple(f"line-{n:03}" for n in rng.sample(range(200), count))
                lines += (UNKNOWN,) if rng.random() < 0.2 else ()
                request_id = f"{self.name}-{number}-{i}"
                sent = time.monotonic()
                try:
                    answer = client.post("/v1/score", json=body_of(request_id, lines))
                except httpx.TransportError:
                    answer = None
                self.asked.append(Asked(request_id, lines, sent, time.monotonic(), answer))
                if answer is None or answer.status_code != httpx.codes.OK:
                    time.sleep(_PAUSE_S)


@pytest.fixture
def callers() -> Callable[..., Any]:
    """Callers of a server, from here to the end of the block."""

    @contextmanager
    def calling(server: Any, name: str, *, many: int = 4, most_lines: int = 40) -> Iterator[Callers]:
        all_of_them = Callers(server, name, many, most_lines)
        all_of_them.start()
        try:
            yield all_of_them
        finally:
            all_of_them.stop()

    return calling


def told_by(stored: StoredAnswer, request_id: str) -> Any:
    """An answer as the log would give it again."""
    decisions = [record.to_answer_json() for record in stored.records]
    return {"request_id": request_id, "decisions": decisions, "problems": list(stored.problems)}


@pytest.fixture
def held_to() -> Callable[..., int]:
    """Holds a decision log to what callers heard; gives how many of their requests it has.

    Every answer that was heard is in it word for word, a request is in it whole or not at all, nothing that nobody
    asked for is in it, and the chain stands.
    """

    def holding(url: str, asked: list[Asked], *, decisions_before: int = 0) -> int:
        recorded, rows = 0, decisions_before
        with DecisionLog(url, create=False) as log:
            for each in asked:
                stored = log.find(CALLER, each.request_id)
                if each.status == httpx.codes.OK:
                    assert stored is not None, f"{each.request_id} was answered, and is not in the log"
                    assert told_by(stored, each.request_id) == each.answer.json()
                if stored is not None:
                    known = [line for line in each.lines if line != UNKNOWN]
                    assert [record.line_id for record in stored.records] == known, "a request is half there"
                    unknown = [problem for problem in stored.problems if problem["code"] == "unknown_line"]
                    assert len(unknown) == each.lines.count(UNKNOWN)
                    recorded, rows = recorded + 1, rows + len(known)
            report = log.verify()
            assert report.ok, report
            assert report.rows == rows, "the log has decisions that nobody asked for"
        return recorded

    return holding


@pytest.fixture
def asked_again() -> Callable[..., list[Asked]]:
    """Repeats requests, each three times at once: one and the same answer, and that of the log if it has one."""

    def asking(server: Any, url: str, asked: list[Asked]) -> list[Asked]:
        with DecisionLog(url, create=False) as log:
            before = {each.request_id: log.find(CALLER, each.request_id) for each in asked}
        repeated: list[Asked] = []
        with new_client(server) as client, ThreadPoolExecutor(6) as pool:
            answers = list(
                pool.map(
                    lambda each: client.post("/v1/score", json=body_of(each.request_id, each.lines)),
                    [each for each in asked for _ in range(3)],
                )
            )
        for i, each in enumerate(asked):
            three = answers[3 * i : 3 * i + 3]
            assert [answer.status_code for answer in three] == [200] * 3, three[0].text
            assert len({answer.content for answer in three}) == 1, "one request, two answers"
            stored = before[each.request_id]
            assert stored is None or told_by(stored, each.request_id) == three[0].json()
            repeated.append(Asked(each.request_id, each.lines, each.sent, each.heard, three[0]))
        return repeated

    return asking


@pytest.fixture
def workers_of() -> Callable[[Any], list[psutil.Process]]:
    """The worker processes of a server that are alive."""

    def finding(server: Any) -> list[psutil.Process]:
        # What a worker starts itself is no worker: the process that writes for it.
        children = psutil.Process(server.process.pid).children()
        return [each for each in children if each.status() != psutil.STATUS_ZOMBIE]

    return finding


@pytest.fixture
def writers_of(workers_of: Any) -> Callable[[Any], list[psutil.Process]]:
    """The processes that write for the workers of a server."""

    def finding(server: Any) -> list[psutil.Process]:
        return [child for worker in workers_of(server) for child in worker.children()]

    return finding


@pytest.fixture
def figure() -> Callable[[Any, str], float]:
    """A figure of `/metrics`, by its name and labels."""

    def reading(server: Any, name: str) -> float:
        # On a connection of its own, so that each worker has its turn.
        text = httpx.get(f"{server.url}/metrics", verify=server.verify, timeout=60).text
        values = [line.rsplit(" ", 1)[1] for line in text.splitlines() if line.rsplit(" ", 1)[0] == name]
        assert len(values) == 1, f"{name}: {values}"
        return float(values[0])

    return reading
