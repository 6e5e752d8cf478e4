"""Bearer tokens: displayed once, stored only as SHA-256, bound to one role, revoked at once. There is no default token.

A token has 256 random bits, so guessing cannot invert a plain hash and no slow hash is needed.
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
    """The role of a token; it decides which calls are allowed."""

    SCORER = "scorer"
    REVIEWER = "reviewer"
    LEAD = "lead"
    AUDITOR = "auditor"


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """The stored part of a token.

    Attributes:
        name: Name of the holder; decisions name it.
        role: Role of the token.
        sha256: Hash of the secret.
        created_at: Time of creation.
        expires_at: Time from which it is refused; None means it does not expire.
        revoked_at: Time of revocation; None if it is not revoked.
        lines_per_second: Lines that one worker scores for it per second (`web.rate_limit`); None means no limit.
    """

    name: str
    role: Role
    sha256: str
    created_at: Instant
    expires_at: Instant | None = None
    revoked_at: Instant | None = None
    lines_per_second: Annotated[int, msgspec.Meta(ge=1)] | None = None

    def is_valid(self, now: datetime) -> bool:
        """Whether the token is neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


class _TokenFile(msgspec.Struct, frozen=True):
    tokens: tuple[Token, ...] = ()
    format: int = 1


class TokenStore:
    """The tokens of one home, in one file that only its owner may read.

    Args:
        path: `tokens.json` under the home; the first `create` writes it.
        look_every_s: Seconds between two checks whether the file changed.
    """

    def __init__(self, path: Path, *, look_every_s: float = 0.0) -> None:
        self._path = path
        self._watched = WatchedFile(path, look_every_s=look_every_s)
        self._stamp: Stamp | None = None
        self._content = _TokenFile()

    def create(
        self, name: str, role: Role, *, expires_at: datetime | None = None, lines_per_second: int | None = None
    ) -> str:
        """Create a token and return its secret, which cannot be retrieved again.

        Raises:
            UsageError: The name is invalid or in use; a name is never free again, because decisions name the token.
                Or a limit of lines is given for a role other than scorer.
        """
        if not _NAME.fullmatch(name):
            raise UsageError(
                "the name of the token is invalid",
                expected="letters, digits and . _ @ -, at most 64",
                found=repr(name),
                todo="choose another name, such as scoring-1",
                field="name",
            )
        if lines_per_second is not None and role is not Role.SCORER:
            raise UsageError(
                "only the role scorer can have a limit of lines per second",
                expected="role scorer",
                found=f"role {role}",
                todo="omit the limit, or create the token with the role scorer",
                field="lines_per_second",
            )
        secret = _PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
        with self._locked() as file:
            if any(token.name == name for token in file.tokens):
                raise UsageError(
                    f"a token named {name} already exists",
                    expected="a new name, because decisions name the token that requested them",
                    todo="choose another name; `linerisk tokens list` lists the names in use",
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
            self._write(_TokenFile((*file.tokens, token)))
        return secret

    def revoke(self, name: str) -> Token:
        """Revoke a token; a second call keeps the time of the first.

        Raises:
            UsageError: No token has this name.
        """
        with self._locked() as file:
            found = next((token for token in file.tokens if token.name == name), None)
            if found is None:
                raise UsageError(
                    f"there is no token named {name}", todo="run `linerisk tokens list` for all names", field="name"
                )
            if found.revoked_at is not None:
                return found
            revoked = msgspec.structs.replace(found, revoked_at=as_of.now())
            self._write(_TokenFile(tuple(revoked if token is found else token for token in file.tokens)))
        return revoked

    def role_of(self, name: str) -> Role | None:
        """Role of the valid token with this name; None if there is none."""
        now = as_of.now()
        return next((token.role for token in self.tokens() if token.name == name and token.is_valid(now)), None)

    def tokens(self) -> tuple[Token, ...]:
        """All tokens, revoked and expired ones included, oldest first."""
        return self._current().tokens

    def verify(self, secret: str) -> Token | None:
        """The valid token of a secret, or None; compares with every token in constant time."""
        digest = _digest(secret)
        found: Token | None = None
        for token in self._current().tokens:
            if hmac.compare_digest(token.sha256, digest):
                found = token
        return found if found is not None and found.is_valid(as_of.now()) else None

    def _current(self) -> _TokenFile:
        """The present content of the file, so a revocation takes effect at once."""
        stamp = self._watched.stamp()
        if stamp != self._stamp:
            self._content = _TokenFile() if stamp is None else _read(self._path)
            self._stamp = stamp
        return self._content

    @contextlib.contextmanager
    def _locked(self) -> Iterator[_TokenFile]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with filelock.FileLock(f"{self._path}.lock", timeout=_LOCK_S, mode=0o600):
                yield _read(self._path) if self._path.exists() else _TokenFile()
        except filelock.Timeout as error:
            raise StoreError("another command is changing the tokens", todo="try again shortly") from error

    def _write(self, content: _TokenFile) -> None:
        descriptor, name = tempfile.mkstemp(dir=self._path.parent, prefix=".tokens-")  # 0600 from the start
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(msgspec.json.format(msgspec.json.encode(content), indent=1))
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self._path)
        finally:
            Path(name).unlink(missing_ok=True)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _read(path: Path) -> _TokenFile:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_TokenFile)
    except (OSError, msgspec.MsgspecError) as error:
        # Without a readable file every token must be refused.
        raise StoreError(
            "the token file cannot be read",
            expected="the file that `linerisk tokens` writes",
            found=type(error).__name__,
            todo="restore it from a backup, or delete it and create new tokens",
        ) from error
