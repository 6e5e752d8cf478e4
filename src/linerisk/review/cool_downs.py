"""Cool-downs after disputes: a line whose holder was right is not asked again on the same evidence.

Every scoring process keeps the last lift of each line in memory. Before it scores, it reads newer lifts by one index
lookup, so that a lift applies in every process at once. The policy says how long a cool-down lasts.
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
        refresh_every_s: Minimum time between two lookups, seconds.
    """

    def __init__(self, log: DecisionLog, *, refresh_every_s: float = 0.0) -> None:
        self._log = log
        self._refresh_every_s = refresh_every_s
        self._refreshed_at = float("-inf")
        self._last_seq = 0
        self._cleared: dict[str, datetime] = {}
        self._lock = threading.Lock()

    def of(self, line_ids: Sequence[str]) -> list[datetime | None]:
        """When a dispute about each line last ended in the holder's favour; None if none did.

        Raises:
            DecisionLogError: The log cannot be read.
        """
        self._refresh()
        if not self._cleared:
            return [None] * len(line_ids)
        return [self._cleared.get(line_id) for line_id in line_ids]

    def by_line(self) -> dict[str, datetime]:
        """When a dispute last ended in the holder's favour, for every line where one did.

        Raises:
            DecisionLogError: The log cannot be read.
        """
        self._refresh()
        return dict(self._cleared)

    def _refresh(self) -> None:
        if time.monotonic() - self._refreshed_at < self._refresh_every_s:
            return
        with self._lock:
            with self._log.reading() as connection:
                rows = connection.execute(_NEWER, {"after": self._last_seq}).all()
            self._refreshed_at = time.monotonic()
            if not rows:
                return
            newer = {row.line_id: parse_instant(row.lifted_at) for row in rows}
            # A new dictionary: other threads may be reading the old one.
            self._cleared = self._cleared | newer
            self._last_seq = rows[-1].seq


_NEWER = (
    select(lifts.c.seq, lifts.c.line_id, lifts.c.lifted_at)
    .where(lifts.c.seq > bindparam("after"))
    .order_by(lifts.c.seq)
)
