"""Sessions of the console: a random secret in a cookie, its hash in the database until logout or expiry.

A session is valid only as long as the token that opened it: revoking the token ends it at once.
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

MAX_SESSION_AGE: Final = timedelta(hours=10)
"""As long as a long shift."""
IDLE_TIMEOUT: Final = timedelta(hours=1)
_TOUCH_EVERY: Final = timedelta(minutes=5)
_RANDOM_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Session:
    """A valid session.

    Attributes:
        key: Hash of its secret.
        token_hash: Hash of the token that opened it.
        csrf: CSRF token that every form of the session must send.
        language: `zh` or `en`.
        expires_at: When it ends at the latest.
    """

    key: str
    token_hash: str
    csrf: str
    language: str
    expires_at: datetime


class Sessions:
    """Sessions of all processes that share a decision log.

    Args:
        log: The log whose database holds the sessions.
    """

    def __init__(self, log: DecisionLog) -> None:
        self._log = log

    def open(self, token_hash: str, *, language: str, now: datetime) -> str:
        """Open a session, and delete expired ones.

        Returns:
            Its secret, which is not stored.
        """
        secret = secrets.token_urlsafe(_RANDOM_BYTES)
        row = {
            "secret_hash": _hash(secret),
            "token_hash": token_hash,
            "csrf": secrets.token_urlsafe(_RANDOM_BYTES),
            "language": language,
            "seen_at": sortable(now),
            "expires_at": sortable(now + MAX_SESSION_AGE),
        }
        with self._log.writing() as connection:
            connection.execute(delete(sessions).where(sessions.c.expires_at <= sortable(now)))
            connection.execute(insert(sessions), row)
        return secret

    def get(self, secret: str, *, now: datetime) -> Session | None:
        """The session of a secret; None if it is unknown, expired, or idle for too long.

        The lookup is by hash, so its duration reveals nothing about the secret.
        """
        key = _hash(secret)
        with self._log.reading() as connection:
            row = connection.execute(_BY_KEY, {"key": key}).first()
        if row is None:
            return None
        seen_at, expires_at = parse_instant(row.seen_at), parse_instant(row.expires_at)
        if now >= expires_at or now - seen_at >= IDLE_TIMEOUT:
            return None
        if now - seen_at >= _TOUCH_EVERY:
            self._change(key, seen_at=sortable(now))
        return Session(key, row.token_hash, row.csrf, row.language, expires_at)

    def set_language(self, session: Session, language: str) -> None:
        """Change the language of a session."""
        self._change(session.key, language=language)

    def close(self, session: Session) -> None:
        """End a session."""
        with self._log.writing() as connection:
            connection.execute(delete(sessions).where(sessions.c.secret_hash == session.key))

    def _change(self, key: str, **values: str) -> None:
        with self._log.writing() as connection:
            connection.execute(update(sessions).where(sessions.c.secret_hash == key).values(values))


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


_BY_KEY = select(sessions).where(sessions.c.secret_hash == bindparam("key"))
