"""What a worker makes ready of the console once it answers, so that the first visitor need not wait for it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from linerisk.web.logs import log, where

AFTER_S: Final = 1.0
"""How long after its start: a worker that starts has scores to answer first."""


class WarmUp:
    """A thread that makes pages ready, a while after the start; whatever fails in it is logged and stops nothing.

    Args:
        warm_up: Makes them ready.
        after_s: How long to wait.
    """

    def __init__(self, warm_up: Callable[[], None], *, after_s: float = AFTER_S) -> None:
        self._warm_up = warm_up
        self._after_s = after_s
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="console-warm-up", daemon=True)
        self._thread.start()

    def join(self) -> None:
        """Wait until it has ended."""
        self._thread.join()

    def close(self) -> None:
        """Begin nothing any more; what is under way is ended first."""
        self._closed.set()
        self.join()

    def _run(self) -> None:
        if self._closed.wait(self._after_s):
            return
        try:
            self._warm_up()
        except Exception as error:  # noqa: BLE001  # a page that is asked for says what is wrong; scores go on
            log().error("pages could not be made ready", error=type(error).__name__, where=where(error))
