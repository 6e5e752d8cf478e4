"""Bearer tokens: shown once, kept only as SHA-256, bound to one role, revoked at once. There is no default token.

A token is 256 random bits, so a plain hash cannot be undone by guessing and no slow hash is needed.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import re
import secrets
import tempfile
from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import filelock
import msgspec

from linerisk import as_of
from linerisk.errors import StoreError, UsageError
from linerisk.tables.durable_files import Stamp, WatchedFile

_PREFIX = "lr_"
_RANDOM_BYTES = 32
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_LOCK_S = 10.0

Instant = Annotated[datetime, msgspec.Meta(tz=True)]


class Role(StrEnum):
    """What a token may be used for."""

    SCORER = "scorer"
    REVIEWER = "reviewer"
    LEAD = "lead"
    AUDITOR = "auditor"


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a token.

    Attributes:
        name: Who it was given to; decisions name it.
        role: What it may be used for.
        sha256: Hash of the secret.
        created_at: When it was made.
        expires_at: From when on it is refused; None is never.
        revoked_at: When it was revoked; None while it stands.
        lines_per_second: How many lines one worker scores for it a second (`web.rate_limit`); None is no limit.
    """

    name: str
    role: Role
    sha256: str
    created_at: Instant
    expires_at: Instant | None = None
    revoked_at: Instant | None = None
    lines_per_second: Annotated[int, msgspec.Meta(ge=1)] | None = None

    def stands(self, now: datetime) -> bool:
        """Whether it is neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


class _Book(msgspec.Struct, frozen=True):
    tokens: tuple[Token, ...] = ()
    format: int = 1


class TokenStore:
    """The tokens of one home, in one file that only its owner may read.

    Args:
        path: `tokens.json` under the home; it is made with the first token.
        look_every_s: For how long one look at the file serves.
    """

    def __init__(self, path: Path, *, look_every_s: float = 0.0) -> None:
        self._path = path
        self._watched = WatchedFile(path, look_every_s=look_every_s)
        self._stamp: Stamp | None = None
        self._book = _Book()

    def create(
        self, name: str, role: Role, *, expires_at: datetime | None = None, lines_per_second: int | None = None
    ) -> str:
        """Make a token. Its secret is returned here and can never be shown again.

        Raises:
            UsageError: The name is unfit or was given before; records of decisions name it, so it stays taken. Or a
                limit of lines is given to a role that has none scored.
        """
        if not _NAME.fullmatch(name):
            raise UsageError(
                "this is no name for a token",
                expected="letters, digits and . _ @ -, at most 64",
                found=repr(name),
                todo="give another name, such as scoring-1",
                field="name",
            )
        if lines_per_second is not None and role is not Role.SCORER:
            raise UsageError(
                "only a scorer has lines scored",
                expected="a limit of lines for the role scorer",
                found=f"role {role}",
                todo="leave the limit out, or make the token for a scorer",
                field="lines_per_second",
            )
        secret = _PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
        with self._changing() as book:
            if any(token.name == name for token in book.tokens):
                raise UsageError(
                    f"there is a token named {name} already",
                    expected="a new name, since decisions name the token that asked for them",
                    todo="take another name; `linerisk tokens list` shows those in use",
                    field="name",
                )
            token = Token(
                name=name,
                role=Role(role),
                sha256=_digest(secret),
                created_at=as_of.now(),
                expires_at=expires_at,
                lines_per_second=lines_per_second,
            )
            self._write(_Book((*book.tokens, token)))
        return secret

    def revoke(self, name: str) -> Token:
        """Refuse a token from now on; revoking twice keeps the first time.

        Raises:
            UsageError: There is no such token.
        """
        with self._changing() as book:
            found = next((token for token in book.tokens if token.name == name), None)
            if found is None:
                raise UsageError(
                    f"there is no token named {name}", todo="`linerisk tokens list` shows them", field="name"
                )
            if found.revoked_at is not None:
                return found
            revoked = msgspec.structs.replace(found, revoked_at=as_of.now())
            self._write(_Book(tuple(revoked if token is found else token for token in book.tokens)))
        return revoked

    def role_of(self, name: str) -> Role | None:
        """Role of the token of a name; None if there is none that stands."""
        now = as_of.now()
        return next((token.role for token in self.tokens() if token.name == name and token.stands(now)), None)

    def tokens(self) -> tuple[Token, ...]:
        """All tokens ever made, oldest first."""
        return self._current().tokens

    def verify(self, secret: str) -> Token | None:
        """The token of a secret if it stands; every comparison takes the same time, and all are made."""
        digest = _digest(secret)
        found: Token | None = None
        for token in self._current().tokens:
            if hmac.compare_digest(token.sha256, digest):
                found = token
        return found if found is not None and found.stands(as_of.now()) else None

    def _current(self) -> _Book:
        """The book as the file has it now, so a revocation counts at once."""
        stamp = self._watched.stamp()
        if stamp != self._stamp:
            self._book = _Book() if stamp is None else _read(self._path)
            self._stamp = stamp
        return self._book

    @contextlib.contextmanager
    def _changing(self) -> Iterator[_Book]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with filelock.FileLock(f"{self._path}.lock", timeout=_LOCK_S, mode=0o600):
                yield _read(self._path) if self._path.exists() else _Book()
        except filelock.Timeout as error:
            raise StoreError("another command is changing the tokens", todo="try again") from error

    def _write(self, book: _Book) -> None:
        descriptor, name = tempfile.mkstemp(dir=self._path.parent, prefix=".tokens-")  # 0600 from the start
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(msgspec.json.format(msgspec.json.encode(book), indent=1))
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self._path)
        finally:
            Path(name).unlink(missing_ok=True)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _read(path: Path) -> _Book:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Book)
    except (OSError, msgspec.MsgspecError) as error:
        # Refuse everybody rather than guess who may come in.
        raise StoreError(
            "the tokens cannot be read",
            expected="the file that `linerisk tokens` writes",
            found=type(error).__name__,
            todo="restore it from a backup, or remove it and make new tokens",
        ) from error
