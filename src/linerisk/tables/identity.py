"""Pseudonymous line keys: HMAC-SHA256 of the id as text, truncated to 63 bits.

Phone numbers have few possible values, so an unkeyed hash can be reversed by trying them all. Keys are stable: the same
id under the same secret has the same key on every machine, in a column and in a single look-up.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
import tempfile
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt
import polars as pl
import polars_hash

from linerisk.errors import InputError
from linerisk.settings import Settings

SECRET_BYTES = 32
_SHORTEST_SECRET = 16
_MIN_REPEATS = 2  # average rows per id from which hashing each distinct id once is faster
_FEW_ROWS = 1_000  # up to so many rows, hashing is faster than counting distinct ids
_HEX_DIGITS = 16  # 64 bits; halved below, so that every key is a non-negative Int64


def key_of(column: str | pl.Expr, *, secret: bytes) -> pl.Expr:
    """The key of every id of a column, in [0, 2^63); null for null.

    The text of an integer is hashed, so "123" and 123 are the same line, and "007" and "7" are two.

    Args:
        column: Strings or integers.
        secret: What `load_secret` gives.
    """
    ids = (pl.col(column) if isinstance(column, str) else column).cast(pl.String)
    digest: pl.Expr = polars_hash.CryptographicHashingNameSpace(ids).hmac_sha256(key=_working_key(secret))
    return (digest.str.slice(0, _HEX_DIGITS).str.to_integer(base=16, dtype=pl.UInt64) // 2).cast(pl.Int64)


def keys_of_frame(frame: pl.DataFrame, names: Mapping[str, str], *, secret: bytes) -> pl.DataFrame:
    """The keys of several columns at once, equal to those of `key_of` but faster where ids recur.

    A look-up of a recurring id costs a fifth of a hash; a look-up of a rare id costs more than a hash.

    Args:
        frame: Has the columns of ids.
        names: Column of ids -> name of its keys.
        secret: What `load_secret` gives.

    Returns:
        The columns of keys only.
    """
    if not names:
        return frame.select()
    recurring: list[str] = []
    if frame.height > _FEW_ROWS:
        distinct = frame.select(pl.col(*names).approx_n_unique()).row(0, named=True)
        recurring = [column for column in names if distinct[column] * _MIN_REPEATS < frame.height]
    # Each column gets its own categories: they number its ids from 0, and are freed with the column.
    numbers = frame.select(
        pl.col(column).cast(pl.String).cast(pl.Categorical(pl.Categories.random())).to_physical()
        for column in recurring
    )
    ids = [frame[each].gather(_first_rows(numbers[each])) if each in recurring else frame[each] for each in names]
    hashed = pl.collect_all([column.to_frame("id").lazy().select(key=key_of("id", secret=secret)) for column in ids])
    keys = [
        (known["key"].gather(numbers[column]) if column in recurring else known["key"]).alias(name)
        for (column, name), known in zip(names.items(), hashed, strict=True)
    ]
    return pl.DataFrame(keys)


def _first_rows(numbers: pl.Series) -> npt.NDArray[np.uint32]:
    """For every category number, a row that has it; 0 if none has."""
    rows = numbers.is_not_null().arg_true()
    found = np.zeros(1 + cast("int", numbers.max() or 0), dtype=np.uint32)
    found[numbers.gather(rows).to_numpy()] = rows.to_numpy()
    return found


def key_of_id(line_id: str | int, *, secret: bytes) -> int:
    """The key of one id, the same as `key_of` gives for a column."""
    digest = _keyed_hmac(secret).copy()
    digest.update(str(line_id).encode())
    return int.from_bytes(digest.digest()[: _HEX_DIGITS // 2], "big") // 2


def fingerprint_of(secret: bytes) -> str:
    """A fingerprint of the secret, to compare secrets without storing them."""
    return hashlib.sha256(b"linerisk: which id key\x00" + secret).hexdigest()[:16]


def load_secret(settings: Settings) -> bytes:
    """The secret that keys ids: the setting, else the file `id_key` under the home, created on first use.

    Raises:
        InputError: The secret is too short.
    """
    if settings.id_key is not None:
        return _check_length(settings.id_key.encode(), where="the setting id_key")
    path = settings.home / "id_key"
    if not path.exists():
        _create(path)
    return _check_length(path.read_bytes(), where=f"the file {path.name} under the home")


@lru_cache(maxsize=8)
def _working_key(secret: bytes) -> str:
    """A key derived for this use, as text, because the plugin takes text only."""
    return hashlib.sha256(b"linerisk: keys of ids\x00" + secret).hexdigest()


@lru_cache(maxsize=8)
def _keyed_hmac(secret: bytes) -> hmac.HMAC:
    """A keyed HMAC to copy from: copying halves the work, and hashing short input does not release the GIL."""
    return hmac.new(_working_key(secret).encode(), digestmod="sha256")


def _create(path: Path) -> None:
    """Create the secret file atomically; if two processes race, both use the same secret."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".id_key-")  # 0600 from the start
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(SECRET_BYTES))
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(name, path)
    finally:
        Path(name).unlink()


def _check_length(secret: bytes, *, where: str) -> bytes:
    if len(secret) < _SHORTEST_SECRET:
        raise InputError(
            "the secret that keys line ids is too short",
            expected=f"at least {_SHORTEST_SECRET} bytes in {where}",
            found=f"{len(secret)} bytes",
            todo="set LINERISK_ID_KEY to a long random text, or remove it and let a file be made",
            field="id_key",
        )
    return secret
