"""The scored feature row as a record stores it: Float32 bytes.

A decision is mostly features: by name and in decimals they would be three quarters of the log. Their names are the
artefact's, which a replay needs anyway; a hash of them identifies the right one. The bit pattern of a NaN is not kept;
the model treats every NaN as missing.
"""

from __future__ import annotations

import hashlib
import math
from binascii import a2b_base64, b2a_base64
from collections.abc import Sequence
from functools import lru_cache

import msgspec
import numpy as np
import numpy.typing as npt

from linerisk.errors import DecisionLogError


class RecordedFeatures(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The scored feature row.

    Attributes:
        columns: `columns_id` of the names of its columns, in order.
        values: Its Float32, little-endian, as base64; missing is NaN.
    """

    columns: str
    values: str


def frozen_features(names: Sequence[str], rows: npt.NDArray[np.float32]) -> list[RecordedFeatures]:
    """The features of records from a matrix as scored, shape (n, len(names)).

    Raises:
        DecisionLogError: A feature is infinite.
    """
    if np.isinf(rows).any():
        raise DecisionLogError(
            "a decision has an infinite feature",
            expected="finite or missing",
            todo="score the line without what is infinite in it",
            field="features",
        )
    plain = np.ascontiguousarray(np.where(np.isnan(rows), np.float32(np.nan), rows), dtype="<f4").tobytes()
    columns, size = columns_id(tuple(names)), 4 * len(names)
    return [
        RecordedFeatures(columns=columns, values=b2a_base64(plain[at : at + size], newline=False).decode())
        for at in range(0, len(plain), size)
    ]


@lru_cache(maxsize=64)
def columns_id(names: tuple[str, ...]) -> str:
    """Identity of a list of columns: SHA-256 of it as JSON.

    >>> columns_id(("calls", "share"))[:12]
    'a878eb7fecd2'
    """
    return hashlib.sha256(msgspec.json.encode(names)).hexdigest()


def matrix_row(features: RecordedFeatures, names: Sequence[str]) -> npt.NDArray[np.float32]:
    """The scored row, shape (1, len(names)).

    Args:
        features: Of a record.
        names: Columns of the model that scored it, in order.

    Raises:
        DecisionLogError: Its columns differ from `names`, in names or number.
    """
    try:
        row = np.frombuffer(a2b_base64(features.values, strict_mode=True), dtype="<f4").astype(np.float32)
    except ValueError as error:
        raise DecisionLogError(
            "the features of a record cannot be read",
            found=type(error).__name__,
            todo="check the log with `linerisk audit verify`",
        ) from error
    if features.columns != columns_id(tuple(names)) or len(row) != len(names):
        raise DecisionLogError(
            "the record was made of other columns",
            expected=f"{len(names)} of its model",
            found=f"{len(row)}, known as {features.columns[:12]}",
            todo="load the version of the model that the record names",
        )
    return row[None]


def named_features(features: RecordedFeatures, names: Sequence[str]) -> dict[str, float | None]:
    """Features by name; None is missing. Each Float32 is a double of the same value: 0.1 is 0.10000000149011612.

    Raises:
        DecisionLogError: See `matrix_row`.
    """
    values = matrix_row(features, names)[0].tolist()
    return {name: None if math.isnan(value) else value for name, value in zip(names, values, strict=True)}
