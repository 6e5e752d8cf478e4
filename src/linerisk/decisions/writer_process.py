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
from linerisk.decisions.appending import Append, stored_answer, write
from linerisk.decisions.promises import UNUSED, Outcome, Waiting
from linerisk.decisions.store import FAILURES, open_engine
from linerisk.decisions.writer import GroupWriter

_AT_ONCE = 1 << 20
_ENDLESS = 1 << 40
"""Records that may wait: the process that serves holds itself to less."""


def main() -> None:
    """Write until the other end is closed."""
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, signal.SIG_IGN)
    with socket.socket(fileno=os.dup(0)) as served:
        frames = wire.Frames()
        messages: list[bytes] = []
        while not messages:
            data = _received(served)
            if not data:
                return
            messages += frames.of(data)
        opening = wire.opening_of(messages.pop(0))
        engine = open_engine(opening.url, create=False, busy_s=opening.busy_s)
        _rehearse(engine)
        writer = GroupWriter(partial(write, engine), most_waiting=_ENDLESS)
        gc.collect()
        gc.freeze()
        served.sendall(wire.framed(wire.encode([])))
        tell = partial(_tell, served)
        while True:
            for message in messages:
                _submit(writer, message, tell)
            data = _received(served)
            if not data:
                break
            messages = list(frames.of(data))
        writer.close()
        engine.dispose()


def _received(served: socket.socket) -> bytes:
    """What has arrived; nothing once the other end is closed, or its process gone."""
    try:
        return served.recv(_AT_ONCE)
    except OSError:
        return b""


def _submit(writer: GroupWriter, message: bytes, tell: Any) -> None:
    asked = wire.to_write_of(message)
    append = _Numbered(
        asked.caller, asked.request_id, asked.body_hash, (), asked.problems, asked.rows, future=UNUSED, told=tell
    )
    append.number = asked.number
    writer.submit(append)


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
