"""Background thread that ends disputes past their hard limit while the service runs.

Every worker runs one. A dispute cannot end twice: its events are numbered, and the chain takes one event per number,
whichever process or machine wrote it.
"""

from __future__ import annotations

import threading
from typing import Final

from linerisk.errors import LineriskError
from linerisk.review.dispute_service import DisputeService
from linerisk.web.logs import log, where

EVERY_S: Final = 60.0
"""Seconds between two checks."""


class DisputeExpiry:
    """Ends disputes past their limit, at the start and then periodically; no failure stops it.

    Args:
        disputes: The service that ends them.
        every_s: Seconds between two checks.
    """

    def __init__(self, disputes: DisputeService, *, every_s: float = EVERY_S) -> None:
        self._disputes = disputes
        self._every_s = every_s
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="dispute-expiry", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop after the check that is running."""
        self._closed.set()
        self._thread.join()

    def _run(self) -> None:
        while True:
            self._expire()
            if self._closed.wait(self._every_s):
                return

    def _expire(self) -> None:
        try:
            ended = self._disputes.expire_due()
        except LineriskError as error:
            log().error("disputes could not be ended", reason=error.paragraph())
        except Exception as error:  # noqa: BLE001  # the thread must outlive any fault of our own
            log().error("disputes could not be ended", error=type(error).__name__, where=where(error))
        else:
            if ended:
                log().warning("disputes ended unanswered: their hard limit passed", count=ended)
