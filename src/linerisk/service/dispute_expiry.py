"""Disputes whose hard limit has passed end by themselves, while the service runs.

Every worker looks. Two that look at once do not end a dispute twice: its events are numbered, and of two with the same
number the chain takes one, in whichever process or on whichever machine they were made.
"""

from __future__ import annotations

import threading
from typing import Final

from linerisk.errors import LineriskError
from linerisk.review.dispute_service import DisputeService
from linerisk.web.logs import log, where

EVERY_S: Final = 60.0
"""How long a dispute may stand open past its limit before somebody looks."""


class Expiring:
    """A thread that ends what is past its limit, at once and then every so often; nothing that fails stops it.

    Args:
        disputes: The state that they are ended at.
        every_s: How often.
    """

    def __init__(self, disputes: DisputeService, *, every_s: float = EVERY_S) -> None:
        self._disputes = disputes
        self._every_s = every_s
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="dispute-clock", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Look no more; what is being ended is ended first."""
        self._closed.set()
        self._thread.join()

    def _run(self) -> None:
        while True:
            self._look()
            if self._closed.wait(self._every_s):
                return

    def _look(self) -> None:
        try:
            ended = self._disputes.expire_due()
        except LineriskError as error:
            log().error("disputes could not be ended", reason=error.paragraph())
        except Exception as error:  # noqa: BLE001  # the thread must outlive any fault of our own
            log().error("disputes could not be ended", error=type(error).__name__, where=where(error))
        else:
            if ended:
                log().warning("disputes ended unanswered: their hard limit passed", count=ended)
