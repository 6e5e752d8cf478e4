"""The process that writes for one that serves; `decisions.apart` starts it, with its socket as stdin.

It says that it is ready, takes requests, writes them in groups as `GroupWriter` does, and tells what came of them. It
ends when nobody is at the other end any more, once what had arrived is written; signals are for the process that
serves, which closes the socket when it is done.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import socket
from collections.abc import Sequence
from functools import partial
from typing import Any

from linerisk.decisions import wire
from linerisk.decisions.append import Append, stored_answer, write
from linerisk.decisions.errors import FAILURES
from linerisk.decisions.pending import UNUSED, Outcome, Waiting
from linerisk.decisions.store import open_engine
from linerisk.decisions.writer import MOST_REQUESTS, Write, refuse, settle

_AT_ONCE = 1 << 20


def main() -> None:
    """Write until the other end is closed."""
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, signal.SIG_IGN)
    with socket.socket(fileno=os.dup(0)) as served:
        frames = wire.Frames()
        waiting: list[bytes] = []
        while not waiting:
            data = _received(served)
            if not data:
                return
            waiting += frames.of(data)
        opening = wire.opening_of(waiting.pop(0))
        engine = open_engine(opening.url, create=False, busy_s=opening.busy_s)
        _rehearse(engine)
        gc.collect()
        gc.freeze()
        served.sendall(wire.framed(wire.encode([])))
        _write_all(served, frames, waiting, partial(write, engine))
        engine.dispose()


def _write_all(served: socket.socket, frames: wire.Frames, waiting: list[bytes], writes: Write) -> None:
    """Write what waits and what arrives: what arrived during one commit is the group of the next."""
    tell = partial(_tell, served)
    while True:
        if not waiting:
            data = _received(served)
            if not data:
                return
            waiting += frames.of(data)
        group, waiting = waiting[:MOST_REQUESTS], waiting[MOST_REQUESTS:]
        failure = settle(writes, [_numbered(message, tell) for message in group])
        if failure is not None:
            waiting += frames.of(_received(served, socket.MSG_DONTWAIT))
            refuse([_numbered(message, tell) for message in waiting], failure)
            waiting = []


def _received(served: socket.socket, flags: int = 0) -> bytes:
    """What has arrived; nothing once the other end is closed, or its process gone."""
    try:
        return served.recv(_AT_ONCE, flags)
    except OSError:
        return b""


def _numbered(message: bytes, tell: Any) -> _Numbered:
    asked = wire.to_write_of(message)
    append = _Numbered(
        asked.caller, asked.request_id, asked.body_hash, (), asked.problems, asked.rows, future=UNUSED, told=tell
    )
    append.number = asked.number
    return append


class _Numbered(Append):
    """A request under the number by which the other process knows it."""

    number: int = 0


def _tell(served: socket.socket, settled: Sequence[tuple[Waiting, Outcome]]) -> None:
    outcomes = [wire.outcome(waiting.number, came) for waiting, came in settled if isinstance(waiting, _Numbered)]
    # Where nobody listens any more, what was written stays written.
    with contextlib.suppress(OSError):
        served.sendall(wire.framed(wire.encode(outcomes)))


def _rehearse(engine: Any) -> None:
    """Make the statements that every group needs, so that the first need not wait for them."""
    with contextlib.suppress(*FAILURES), engine.connect() as connection:
        stored_answer(connection, "", "")
