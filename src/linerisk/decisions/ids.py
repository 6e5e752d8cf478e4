"""Ids of decisions: ULIDs, whose text order is their order in time."""

from __future__ import annotations

import os
import threading
from datetime import datetime

_RANDOM_BYTES = 10
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [one + other for one in _ALPHABET for other in _ALPHABET]
"""Two characters at a time, ten bits; an id has thirteen of them, and ids of one request share all but the last."""
_BITS = tuple(range(110, -1, -10))
_fetched = threading.local()


def decision_ids(scored_at: datetime, count: int) -> list[str]:
    """New ULIDs for decisions of one instant; they rise, so a request's decisions sort in its own order.

    >>> from datetime import UTC
    >>> first, second = decision_ids(datetime(2024, 7, 1, tzinfo=UTC), 2)
    >>> first[:10], first < second
    ('01J1NSEQ00', True)
    """
    # The top bit of the random part stays clear, so that counting up never runs into the timestamp.
    random = int.from_bytes(_random(_RANDOM_BYTES)) >> 1
    next_one = (int(scored_at.timestamp() * 1000) << (8 * _RANDOM_BYTES)) | random
    ids: list[str] = []
    while len(ids) < count:
        head, tail = divmod(next_one, len(_PAIRS))
        some = _PAIRS[tail : tail + count - len(ids)]
        beginning = _text(head)
        ids += [beginning + end for end in some]
        next_one += len(some)
    return ids


def _text(head: int) -> str:
    """The characters of an id before its tail."""
    return "".join([_PAIRS[head >> bits & 1023] for bits in _BITS])


def _random(count: int) -> bytes:
    """Random bytes of the system, fetched in batches: each call releases Python's lock.

    Unused bytes belong to one thread, so no two ids share bytes.
    """
    rest: bytes = getattr(_fetched, "rest", b"")
    if len(rest) < count:
        rest = os.urandom(256 * _RANDOM_BYTES)
    _fetched.rest = rest[count:]
    return rest[:count]
