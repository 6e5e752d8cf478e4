"""Start servers as processes, wait until they are ready, measure them with their children, stop them."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import psutil
from servers import Server

STARTS_WITHIN_S = 120
_STOPS_WITHIN_S = 20
_PORTS = 3
"""Consecutive ports; MLServer listens on three."""
MEGABYTE = 1e6


class ServerError(Exception):
    """A server did not start, or its answers are wrong."""


class Memory(NamedTuple):
    """Proportional set sizes, in MB: shared pages are divided among those that share them."""

    worker: float
    all: float


@dataclass
class Running:
    """A running server.

    Attributes:
        url: URL of the server.
        start_s: Seconds from the start until it was ready.
    """

    server: Server
    process: subprocess.Popen[bytes]
    url: str
    start_s: float = 0.0

    def cpu_s(self) -> float:
        """CPU seconds of the server and its children so far."""
        return sum(sum(process.cpu_times()[:2]) for process in self._family())

    def memory(self) -> Memory:
        """Memory in use; the worker is the largest process."""
        sizes = [process.memory_full_info().pss / MEGABYTE for process in self._family()]
        return Memory(round(max(sizes)), round(sum(sizes)))

    def stop(self) -> None:
        """Terminate the server, then kill the remaining processes."""
        family = self._family()
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(_STOPS_WITHIN_S)
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.wait()

    def _family(self) -> list[psutil.Process]:
        """The server process and its children; empty if it ended."""
        try:
            first = psutil.Process(self.process.pid)
            return [first, *first.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []


@contextmanager
def running(server: Server, scratch: Path) -> Iterator[Running]:
    """Run a server for the duration of a block; its log is in `scratch`.

    Raises:
        ServerError: The server did not become ready; the error contains the end of its log.
    """
    port = free_port()
    log = scratch / f"{server.key}.log"
    began = time.monotonic()
    with log.open("wb") as file:
        process = subprocess.Popen(  # noqa: S603 - ours
            [_with_port(word, port) for word in server.command],
            cwd=scratch,
            env={**os.environ, **{name: _with_port(value, port) for name, value in server.environment.items()}},
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    found = Running(server, process, f"http://127.0.0.1:{port}")
    try:
        if not _wait_until_ready(found):
            end = log.read_text(encoding="utf-8", errors="replace")[-4_000:]
            raise ServerError(f"{server.key} did not start:\n{end}")
        found.start_s = round(time.monotonic() - began, 2)
        yield found
    finally:
        found.stop()


def _wait_until_ready(found: Running) -> bool:
    until = time.monotonic() + STARTS_WITHIN_S
    with httpx.Client(base_url=found.url, trust_env=False) as client:
        while time.monotonic() < until and found.process.poll() is None:
            with contextlib.suppress(httpx.TransportError):
                if client.get(found.server.ready_path).is_success:
                    return True
            time.sleep(0.02)
    return False


def _with_port(text: str, port: int) -> str:
    for offset, mark in enumerate(("@port@", "@port+1@", "@port+2@")):
        text = text.replace(mark, str(port + offset))
    return text


def free_port() -> int:
    """A free port whose next two ports are free as well."""
    while True:
        with contextlib.ExitStack() as probes, contextlib.suppress(OSError):
            first = 0
            for _ in range(_PORTS):
                probe: Any = probes.enter_context(socket.socket())
                probe.bind(("127.0.0.1", first and first + 1))
                first = probe.getsockname()[1]
            return first - _PORTS + 1
