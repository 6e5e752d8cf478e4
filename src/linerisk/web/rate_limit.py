"""Rate limit of a token in lines per second, counted by each worker process: a token bucket.

The bucket fills at the token's rate and holds one second's worth. A request of more lines than that passes when the
bucket is full, and the debt is paid off afterwards: a request of the largest size is possible under any limit.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

from linerisk.web.errors import RateLimitedError
from linerisk.web.token_store import Token

_ROUNDING = 1e-6
"""Tolerance in lines: a caller that waited exactly as long as told must pass."""


class Bucket:
    """The lines that one token may still have scored.

    Args:
        rate: Lines a second, and how many the bucket holds.
        clock: Monotonic seconds.
    """

    def __init__(self, rate: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.rate = rate
        self._clock = clock
        self._lines = float(rate)
        self._filled_at = clock()
        self._lock = threading.Lock()

    def take(self, lines: int) -> None:
        """Take lines, all or none.

        Raises:
            RateLimitedError: Too few are left; it says when there will be enough.
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
