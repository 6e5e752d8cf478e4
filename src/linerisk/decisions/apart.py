"""Writing apart: a process of its own writes the decisions of small requests.

Deciding and writing in one process pass Python's lock to and fro with every statement, and the objects under it between
two cores: together they took twice what they take apart (ADR 0028). Nothing depends on the process: until it is ready,
and whenever it is not there, the thread of `GroupWriter` writes, and what it had not told the outcome of is handed to
that thread again. A request that it had written after all is then found answered, so none is written twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import linerisk
from linerisk.decisions import wire
from linerisk.decisions.append import Append
from linerisk.decisions.errors import overloaded
from linerisk.decisions.pending import Waiting, keep, tell
from linerisk.errors import LineriskError

_RUN = "import sys; sys.path.insert(0, sys.argv[1]); from linerisk.decisions.writer_process import main; main()"
_AT_ONCE = 1 << 20
_FEW = 16
"""Records of a request that is written apart; larger ones are not worth the way."""
_AGAIN_AFTER_S = 1.0
_SILENT_S = 10.0
"""Beyond what it may wait for another that writes: then it is held to be stuck."""
_ENDS_WITHIN_S = 30


class WriterProcess:
    """A process that writes for the event loop of this one.

    Args:
        url: SQLAlchemy URL of the store, which is there and at its newest revision.
        busy_s: How long it waits for another process that writes.
        most_waiting: How many records may wait.
        otherwise: Takes what it had not told the outcome of when it ended.

    Attributes:
        ready: Whether it is there and takes requests.
        waiting: How many records it was given and has not told the outcome of.
    """

    def __init__(self, url: str, *, busy_s: float, most_waiting: int, otherwise: Callable[[Append], None]) -> None:
        self._opening = wire.framed(wire.encode(wire.Opening(url, busy_s)))
        self._most_waiting = most_waiting
        self._otherwise = otherwise
        self._silent_s = busy_s + _SILENT_S
        self._heard_at = 0.0
        self._watching = False
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._frames = wire.Frames()
        self.ready = False
        self._number = 0
        self._pending: dict[int, Append] = {}
        self._unsent = bytearray()
        self._started_at = -float("inf")
        self.waiting = 0

    def start(self) -> None:
        """Have it started, as the first request would; it says itself when it is ready.

        Where the machine has no room for it, the thread goes on writing, and a later request tries again.
        """
        if self._socket is not None:
            return
        self._started_at = time.monotonic()
        with contextlib.suppress(OSError), contextlib.ExitStack() as opened:
            ours, its = map(opened.enter_context, socket.socketpair())
            self._process = subprocess.Popen(  # noqa: S603 - ours
                [sys.executable, "-c", _RUN, str(Path(linerisk.__file__).parents[1])], stdin=its.fileno()
            )
            self._socket = ours.dup()
            self._socket.settimeout(0)
            self._socket.send(self._opening)

    def take(self, append: Append) -> bool:
        """Have a small request written, if the process is ready; called by the event loop that awaits its outcome.

        Raises:
            OverloadedError: Too many records wait; nothing was written.
            DecisionLogError: It cannot be written as JSON.
        """
        if len(append.records) > _FEW:
            return False
        if not self.ready:
            self._listen()
            return False
        if self._pending and self.waiting + append.weight > self._most_waiting:
            raise overloaded(self.waiting, most=self._most_waiting)
        append.encode()
        if not self._watching and self._loop is not None:
            self._watching, self._heard_at = True, time.monotonic()
            self._loop.call_later(self._silent_s, self._watch)
        self._number += 1
        self._pending[self._number] = append
        self.waiting += append.weight
        message = wire.ToWrite(
            self._number, append.caller, append.request_id, append.body_hash, append.problems, append.rows
        )
        # Sent at once: it writes while the next request is decided.
        self._send(wire.framed(wire.encode(message)))
        return True

    def close(self) -> None:
        """Let it write what it has, and end."""
        if self._socket is None:
            return
        if self._loop is not None and not self._loop.is_closed():
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
        self._socket.settimeout(_ENDS_WITHIN_S)
        # Beside: it reads no further while what it says is not read.
        sending = threading.Thread(target=_send_last, args=(self._socket, bytes(self._unsent)), daemon=True)
        sending.start()
        with contextlib.suppress(OSError):
            while data := self._socket.recv(_AT_ONCE):
                self._hear(data)
        sending.join()
        self._let_go(patience_s=_ENDS_WITHIN_S)

    def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        if self._socket is None:
            if time.monotonic() - self._started_at < _AGAIN_AFTER_S:
                return
            self.start()
        if self._loop is not loop and self._socket is not None:
            self._loop = loop
            loop.add_reader(self._socket, self._read)

    def _send(self, data: bytes) -> None:
        """Send it, or have it sent when the other end has room again."""
        if self._socket is None or self._loop is None:
            return
        if not self._unsent:
            data = data[self._sent(data) :]
            if data:
                self._loop.add_writer(self._socket, self._send_rest)
        self._unsent += data

    def _send_rest(self) -> None:
        if self._socket is None or self._loop is None:
            return
        del self._unsent[: self._sent(self._unsent)]
        if not self._unsent:
            self._loop.remove_writer(self._socket)

    def _sent(self, data: bytes | bytearray) -> int:
        """How much of it could be sent."""
        with contextlib.suppress(OSError):  # there is no room, or it has ended, and that is read
            return 0 if self._socket is None else self._socket.send(data)
        return 0

    def _read(self) -> None:
        if self._socket is None:
            return
        try:
            data = self._socket.recv(_AT_ONCE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._hear(data)
        else:
            self._lost()

    def _hear(self, data: bytes) -> None:
        self._heard_at = time.monotonic()
        promises: list[tuple[asyncio.Future[Any], Any]] = []
        others: list[tuple[Waiting, Any]] = []
        for message in self._frames.of(data):
            self.ready = True
            for said in wire.outcomes_of(message):
                append = self._pending.pop(said.number)
                self.waiting -= append.weight
                came = wire.told(said, append.records, append.problems, append.body_hash)
                if append.awaited is not None:
                    promises.append((append.awaited, came))
                else:
                    others.append((append, came))
        # Not before all is read: whatever fails in who is told, no message is left in the frames to be read again.
        keep(promises)
        tell(others)

    def _watch(self) -> None:
        """Nobody waits for a process that is stuck, as one that was stopped by a signal."""
        if self._pending and self._loop is not None:
            left_s = self._heard_at + self._silent_s - time.monotonic()
            if left_s > 0:
                self._loop.call_later(left_s, self._watch)
                return
            self._lost()
        self._watching = False

    def _lost(self) -> None:
        """It has ended: what it said nothing of is written by others, and another is started when one is needed."""
        if self._loop is not None and self._socket is not None:
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
        self._let_go(patience_s=0.0)  # the event loop waits for nobody

    def _let_go(self, *, patience_s: float) -> None:
        if self._socket is not None:
            self._socket.close()
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(patience_s)
            if self._process.poll() is None:
                self._process.kill()  # what it had not committed is written by others
                threading.Thread(target=self._process.wait, name="writer-ended", daemon=True).start()
        left = list(self._pending.values())
        self._pending.clear()
        self._unsent, self._frames, self.waiting = bytearray(), wire.Frames(), 0
        self._socket = self._process = self._loop = None
        self.ready = False
        for append in left:
            try:
                self._otherwise(append)
            except LineriskError as error:
                tell([(append, error)])


def _send_last(to: socket.socket, data: bytes) -> None:
    """Send what is left, and say that it was the last."""
    with contextlib.suppress(OSError):
        to.sendall(data)
        to.shutdown(socket.SHUT_WR)
