"""Cool-downs after disputes: a line whose holder was right is not asked again on the same evidence.

Every process that scores keeps the lifts of the last days in memory and looks for newer ones before it scores, so a
line is known to be cleared in the same moment everywhere, at the cost of one look at an index.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import bindparam, select

from linerisk import as_of as clock
from linerisk.as_of import parse_instant
from linerisk.decisions.log import DecisionLog
from linerisk.decisions.schema import lifts, sortable


class CoolDowns:
    """When disputes about lines last ended in the holder's favour.

    Args:
        log: The log that holds the lifts.
        longest: The longest cool-down of any policy; what ended earlier is not kept.
        look_every_s: For how long one look serves.
    """

    def __init__(self, log: DecisionLog, *, longest: timedelta, look_every_s: float = 0.0) -> None:
        self._log = log
        self._longest = longest
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

    def _look(self) -> None:
        if time.monotonic() - self._looked < self._look_every_s:
            return
        with self._lock:
            since = clock.now() - self._longest
            with self._log.reading() as connection:
                rows = connection.execute(_NEWER, {"after": self._last, "since": sortable(since)}).all()
            self._looked = time.monotonic()
            if not rows:
                return
            newer = {row.line_id: parse_instant(row.lifted_at) for row in rows}
            # A new dictionary: others may be reading the one before.
            self._cleared = {line: at for line, at in self._cleared.items() if at >= since} | newer
            self._last = rows[-1].seq


_NEWER = (
    select(lifts.c.seq, lifts.c.line_id, lifts.c.lifted_at)
    .where(lifts.c.seq > bindparam("after"), lifts.c.lifted_at >= bindparam("since"))
    .order_by(lifts.c.seq)
)
