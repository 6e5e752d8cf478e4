"""Cool-downs after disputes: a line whose holder was right is not asked again on the same evidence.

Every process that scores keeps the last lift of each line in memory, and looks for newer ones before it scores: one
look at an index, and a line is known to be cleared everywhere. How long that counts is the policy's business.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, select

from linerisk.as_of import parse_instant
from linerisk.decisions.log import DecisionLog
from linerisk.decisions.schema import lifts


class CoolDowns:
    """When disputes about lines last ended in the holder's favour.

    Args:
        log: The log that holds the lifts.
        look_every_s: For how long one look serves.
    """

    def __init__(self, log: DecisionLog, *, look_every_s: float = 0.0) -> None:
        self._log = log
        self._look_every_s = look_every_s
        self._looked = float("-inf")
        self._last = 0
        self._cleared: dict[str, datetime] = {}
        self._lock = threading.Lock()

    def of(self, line_ids: Sequence[str]) -> list[datetime | None]:
        """When a dispute about each line last ended in the holder's favour; None of most.

        Raises:
            DecisionLogError: The log cannot be read.
        """
        self._look()
        if not self._cleared:
            return [None] * len(line_ids)
        return [self._cleared.get(line_id) for line_id in line_ids]

    def known(self) -> dict[str, datetime]:
        """All that is known, by line.

        Raises:
            DecisionLogError: The log cannot be read.
        """
        self._look()
        return dict(self._cleared)

    def _look(self) -> None:
        if time.monotonic() - self._looked < self._look_every_s:
            return
        with self._lock:
            with self._log.reading() as connection:
                rows = connection.execute(_NEWER, {"after": self._last}).all()
            self._looked = time.monotonic()
            if not rows:
                return
            newer = {row.line_id: parse_instant(row.lifted_at) for row in rows}
            # A new dictionary: others may be reading the one before.
            self._cleared = self._cleared | newer
            self._last = rows[-1].seq


_NEWER = (
    select(lifts.c.seq, lifts.c.line_id, lifts.c.lifted_at)
    .where(lifts.c.seq > bindparam("after"))
    .order_by(lifts.c.seq)
)
