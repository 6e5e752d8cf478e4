"""Sessions of the console: a random secret in a cookie, its hash in the database, gone at logout and when it expires.

A session stands only as long as the token that it was opened with: a revocation ends it at once.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import bindparam, delete, insert, select, update

from linerisk.as_of import parse_instant
from linerisk.decisions.log import DecisionLog
from linerisk.decisions.schema import sessions, sortable

LONGEST: Final = timedelta(hours=10)
"""A long shift."""
IDLE: Final = timedelta(hours=1)
_TOUCHED_EVERY: Final = timedelta(minutes=5)
_RANDOM_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Session:
    """A session that stands.

    Attributes:
        key: Hash of its secret.
        token_hash: Hash of the token that it was opened with.
        csrf: What every form of it has to bring back.
        language: `zh` or `en`.
        expires_at: When it ends at the latest.
    """

    key: str
    token_hash: str
    csrf: str
    language: str
    expires_at: datetime


class Sessions:
    """The sessions of every process that shares a decision log.

    Args:
        log: The log, in whose database they are.
    """

    def __init__(self, log: DecisionLog) -> None:
        self._log = log

    def open(self, token_hash: str, *, language: str, now: datetime) -> str:
        """Open a session; those that expired are cleared away.

        Returns:
            Its secret, which is kept nowhere.
        """
        secret = secrets.token_urlsafe(_RANDOM_BYTES)
        row = {
            "secret_hash": _hash(secret),
            "token_hash": token_hash,
            "csrf": secrets.token_urlsafe(_RANDOM_BYTES),
            "language": language,
            "seen_at": sortable(now),
            "expires_at": sortable(now + LONGEST),
        }
        with self._log.writing() as connection:
            connection.execute(delete(sessions).where(sessions.c.expires_at <= sortable(now)))
            connection.execute(insert(sessions), row)
        return secret

    def get(self, secret: str, *, now: datetime) -> Session | None:
        """The session of a secret; None of an unknown, an expired, and one unused for too long.

        The secret is looked up by its hash: how long that takes says nothing about it.
        """
        key = _hash(secret)
        with self._log.reading() as connection:
            row = connection.execute(_BY_KEY, {"key": key}).first()
        if row is None:
            return None
        seen_at, expires_at = parse_instant(row.seen_at), parse_instant(row.expires_at)
        if now >= expires_at or now - seen_at >= IDLE:
            return None
        if now - seen_at >= _TOUCHED_EVERY:
            self._change(key, seen_at=sortable(now))
        return Session(key, row.token_hash, row.csrf, row.language, expires_at)

    def speak(self, session: Session, language: str) -> None:
        """Change its language."""
        self._change(session.key, language=language)

    def close(self, session: Session) -> None:
        """End it."""
        with self._log.writing() as connection:
            connection.execute(delete(sessions).where(sessions.c.secret_hash == session.key))

    def _change(self, key: str, **values: str) -> None:
        with self._log.writing() as connection:
            connection.execute(update(sessions).where(sessions.c.secret_hash == key).values(values))


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


_BY_KEY = select(sessions).where(sessions.c.secret_hash == bindparam("key"))
