"""How many lines a token may have scored a second, counted by each worker process for itself.

A token bucket: it fills at the token's rate and holds one second's worth, so what was not used is not saved up for
longer. A request of more lines than the bucket holds is let through when the bucket is full, and paid off afterwards:
whatever the limit is, a whole request of the contract is possible.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

from linerisk.web.errors import RateLimitedError
from linerisk.web.token_store import Token

_ROUNDING = 1e-6
"""Lines; who waited as long as was asked for must not fail by the last bit of a clock."""


class Bucket:
    """What one token may still have scored.

    Args:
        rate: Lines a second, and how many the bucket holds.
        clock: Seconds that only grow.
    """

    def __init__(self, rate: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.rate = rate
        self._clock = clock
        self._lines = float(rate)
        self._filled_at = clock()
        self._lock = threading.Lock()

    def take(self, lines: int) -> None:
        """Count lines, all or none.

        Raises:
            RateLimitedError: There are not so many left; it says when there will be.
        """
        with self._lock:
            now = self._clock()
            self._lines = min(float(self.rate), self._lines + (now - self._filled_at) * self.rate)
            self._filled_at = now
            missing = min(lines, self.rate) - self._lines
            if missing > _ROUNDING:
                raise RateLimitedError(self.rate, retry_after_s=max(1, math.ceil(missing / self.rate)))
            self._lines -= lines


class Limits:
    """The buckets of one process, one for each token that has a limit."""

    def __init__(self) -> None:
        self._buckets: dict[str, Bucket] = {}

    def of(self, token: Token) -> Bucket | None:
        """The bucket of a token; None if it has no limit."""
        if token.lines_per_second is None:
            return None
        bucket = self._buckets.get(token.sha256)
        if bucket is None:
            bucket = self._buckets[token.sha256] = Bucket(token.lines_per_second)
        return bucket
