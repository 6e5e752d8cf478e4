"""The walk along both chains that the audit page asks for: one at a time, beside the requests, its result kept."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from linerisk import as_of as clock
from linerisk.decisions.log import DecisionLog
from linerisk.decisions.verify import ChainReport
from linerisk.errors import LineriskError
from linerisk.policy.retention import Retention
from linerisk.web.errors import InternalError
from linerisk.web.logs import log, where


@dataclass(frozen=True, slots=True)
class AuditResult:
    """A walk that was made.

    Attributes:
        began_at: When it began.
        ended_at: When it ended.
        report: What it found of decisions; None where it could not be made.
        accesses: What it found of accesses; None likewise.
        problem: Why it could not be made; None where it was.
    """

    began_at: datetime
    ended_at: datetime
    report: ChainReport | None
    accesses: ChainReport | None
    problem: LineriskError | None


class AuditJob:
    """Walks when asked; what was found last is kept by this process, and lost with it.

    Args:
        log: The log.
        retention: Gives the retention rules that erasures are held to.
    """

    def __init__(self, log: DecisionLog, *, retention: Callable[[], Retention]) -> None:
        self._log = log
        self._retention = retention
        self._lock = threading.Lock()
        self.since: datetime | None = None
        self.last: AuditResult | None = None

    def start(self) -> None:
        """Begin a walk, unless one is under way."""
        with self._lock:
            if self.since is not None:
                return
            self.since = clock.now()
        threading.Thread(target=self._verify, name="audit-walk", daemon=True).start()

    def _verify(self) -> None:
        began_at = self.since or clock.now()
        try:
            retention = self._retention()
            report = self._log.verify(days_at=retention.days_at)
            accesses = self._log.verify_accesses(was_due=partial(retention.access_was_due, now=clock.now()))
            verified = AuditResult(began_at, clock.now(), report, accesses, None)
        except LineriskError as error:
            verified = AuditResult(began_at, clock.now(), None, None, error)
        except Exception as error:  # noqa: BLE001  # a walk that fails must end, or no other can begin
            log().error("the chain could not be walked", error=type(error).__name__, where=where(error))
            failed = InternalError("the walk failed", todo="see the log of the service")
            verified = AuditResult(began_at, clock.now(), None, None, failed)
        with self._lock:
            self.last, self.since = verified, None
