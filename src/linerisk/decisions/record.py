"""The decision record: one scored line, frozen with everything needed to say it again years later.

Its JSON is canonical: keys sorted, no spaces, instants in UTC with `Z`. Floats are written as the shortest decimal that
reads back to the same double, so `from_json(to_json())` gives back every bit. Features are kept as the bytes of the
Float32 row that was scored, because a decision is mostly features: by name and in decimals they would be three quarters
of the log. Their names are the artefact's, which a record needs for a replay anyway; a hash of them says that it is the
right one. Which NaN a missing feature was is not kept; the model treats all of them as missing.
"""

from __future__ import annotations

import hashlib
import math
import os
import threading
from binascii import a2b_base64, b2a_base64
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any

import msgspec
import numpy as np
import numpy.typing as npt
from ulid import ULID

from linerisk.errors import DecisionLogError

Instant = Annotated[datetime, msgspec.Meta(tz=True)]

_RANDOM_BYTES = 10
_fetched = threading.local()


class RecordedAction(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the policy in force asked for.

    Attributes:
        kind: Name of the action, such as `verify`.
        policy: Id of the policy.
        steps: Steps asked for, in order.
        held_by: Why a harder action was held back; None where none was.
    """

    kind: str
    policy: str
    steps: tuple[str, ...] = ()
    held_by: str | None = None


class RecordedReason(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One reason as it was said, in both languages, with the numbers it speaks of."""

    code: str
    family: str
    direction: str
    zh: str
    en: str
    contribution: float
    facts: dict[str, float] = {}


class RecordedModel(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The model that scored; the fingerprint is that of its artefact."""

    name: str
    version: str
    fingerprint: str


class RecordedFeatures(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The row that was scored.

    Attributes:
        columns: `columns_id` of the names of its columns, in order.
        values: Its Float32, little-endian, as base64; missing is NaN.
    """

    columns: str
    values: str


class ModelName(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The model that scored, as it is told."""

    name: str
    version: str


class ToldDecision(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One decision, as it was recorded. `base + calibration + sum(contributions)` is the log-odds of `probability`."""

    decision_id: str
    request_id: str
    line_id: str
    as_of: Instant
    scored_at: Instant
    status: str
    margin: float
    probability: float
    probability_low: float
    probability_high: float
    tier: str
    action: RecordedAction
    reasons: tuple[RecordedReason, ...]
    base: float
    calibration: float
    contributions: dict[str, float]
    model: ModelName
    features_from: str
    snapshot_id: str | None


class DecisionRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One decision, frozen.

    Attributes:
        decision_id: ULID: text order is time order, to the millisecond.
        request_id: The caller's idempotency key.
        line_id: The line, as the caller names it.
        as_of: The instant stood at.
        scored_at: When it was scored.
        status: `fresh`, `stale` or `degraded`.
        margin: Log-odds of the trees.
        probability: Calibrated P(fraud).
        probability_low: Lower end of its interval.
        probability_high: Upper end of its interval.
        tier: Tier of the margin.
        action: What the policy asked for.
        reasons: At most four, largest contribution first.
        base: Log-odds of an average line; `base + calibration + sum(contributions)` is the log-odds of `probability`.
        calibration: What calibration adds to the base.
        contributions: Log-odds by family.
        model: The model that scored.
        features_from: `snapshot`, `records` or `table`.
        snapshot_id: The snapshot; None where the features came otherwise.
        features: The row, exactly as scored.
        scored_by: Name of the token that asked, never its secret.
        last_verified_at: What the account said about verification, which the action depends on.
        format: Version of this shape.
    """

    decision_id: str
    request_id: str
    line_id: str
    as_of: Instant
    scored_at: Instant
    status: str
    margin: float
    probability: float
    probability_low: float
    probability_high: float
    tier: str
    action: RecordedAction
    reasons: tuple[RecordedReason, ...]
    base: float
    calibration: float
    contributions: dict[str, float]
    model: RecordedModel
    features_from: str
    features: RecordedFeatures
    scored_by: str
    snapshot_id: str | None = None
    last_verified_at: Instant | None = None
    format: int = 2

    def __post_init__(self) -> None:
        """Refuse what JSON would silently turn into null.

        Raises:
            DecisionLogError: A score or contribution is not finite.
        """
        total = self.margin + self.probability + self.probability_low + self.probability_high
        if not math.isfinite(total + self.base + self.calibration + sum(self.contributions.values())):
            raise DecisionLogError("a decision has a score that is not finite", expected="finite numbers")

    @property
    def policy(self) -> str:
        """Id of the policy in force when it was scored."""
        return self.action.policy

    def told(self) -> ToldDecision:
        """The decision as it is told to who asked."""
        return ToldDecision(
            decision_id=self.decision_id,
            request_id=self.request_id,
            line_id=self.line_id,
            as_of=self.as_of,
            scored_at=self.scored_at,
            status=self.status,
            margin=self.margin,
            probability=self.probability,
            probability_low=self.probability_low,
            probability_high=self.probability_high,
            tier=self.tier,
            action=self.action,
            reasons=self.reasons,
            base=self.base,
            calibration=self.calibration,
            contributions=self.contributions,
            model=ModelName(name=self.model.name, version=self.model.version),
            features_from=self.features_from,
            snapshot_id=self.snapshot_id,
        )

    def answer(self) -> dict[str, Any]:
        """The same as JSON values, to be told with more beside."""
        plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(self.told(), order="deterministic"))
        return plain

    def to_json(self) -> bytes:
        """Canonical bytes: the same record gives the same bytes."""
        return _ENCODER.encode(self)

    @classmethod
    def from_json(cls, text: bytes | str) -> DecisionRecord:
        """Read a record back.

        Raises:
            DecisionLogError: This is not the JSON of a record.
        """
        try:
            return _DECODER.decode(text)
        except msgspec.MsgspecError as error:
            raise DecisionLogError(
                "this is not a decision record", found=str(error), todo="check the log with `linerisk audit verify`"
            ) from error


def decision_ids(scored_at: datetime, count: int) -> list[str]:
    """New ULIDs for decisions of one instant; they rise, so a request's decisions sort in its own order.

    >>> from datetime import UTC
    >>> first, second = decision_ids(datetime(2024, 7, 1, tzinfo=UTC), 2)
    >>> first[:10], first < second
    ('01J1NSEQ00', True)
    """
    # The top bit of the random part stays clear, so that counting up never runs into the timestamp.
    random = int.from_bytes(_random(_RANDOM_BYTES)) >> 1
    first = (int(scored_at.timestamp() * 1000) << (8 * _RANDOM_BYTES)) | random
    return [str(ULID.from_int(first + i)) for i in range(count)]


def _random(count: int) -> bytes:
    """Random bytes of the system, fetched many at a time: each call of it lets go of Python's lock.

    What is fetched and not used is each thread's own, so no two ids are made of the same bytes.
    """
    rest: bytes = getattr(_fetched, "rest", b"")
    if len(rest) < count:
        rest = os.urandom(256 * _RANDOM_BYTES)
    _fetched.rest = rest[count:]
    return rest[:count]


def frozen_features(names: Sequence[str], rows: npt.NDArray[np.float32]) -> list[RecordedFeatures]:
    """The features of records from a matrix as scored, shape (n, len(names)).

    Raises:
        DecisionLogError: A feature is infinite.
    """
    if np.isinf(rows).any():
        raise DecisionLogError("a decision has an infinite feature", expected="finite or missing", field="features")
    plain = np.ascontiguousarray(np.where(np.isnan(rows), np.float32(np.nan), rows), dtype="<f4").tobytes()
    columns, size = columns_id(tuple(names)), 4 * len(names)
    return [
        RecordedFeatures(columns=columns, values=b2a_base64(plain[at : at + size], newline=False).decode())
        for at in range(0, len(plain), size)
    ]


@lru_cache(maxsize=64)
def columns_id(names: tuple[str, ...]) -> str:
    """Tells one list of columns from another: SHA-256 of it as JSON.

    >>> columns_id(("calls", "share"))[:12]
    'a878eb7fecd2'
    """
    return hashlib.sha256(msgspec.json.encode(names)).hexdigest()


def matrix_row(record: DecisionRecord, names: Sequence[str]) -> npt.NDArray[np.float32]:
    """The one row that was scored, shape (1, len(names)).

    Args:
        record: The record.
        names: Columns of the model that scored it, in order.

    Raises:
        DecisionLogError: It was made of other columns, or of so many values of no columns.
    """
    try:
        row = np.frombuffer(a2b_base64(record.features.values, strict_mode=True), dtype="<f4").astype(np.float32)
    except ValueError as error:
        raise DecisionLogError("the features of a record cannot be read", found=type(error).__name__) from error
    if record.features.columns != columns_id(tuple(names)) or len(row) != len(names):
        raise DecisionLogError(
            "the record was made of other columns",
            expected=f"{len(names)} of its model",
            found=f"{len(row)}, known as {record.features.columns[:12]}",
        )
    return row[None]


def named_features(record: DecisionRecord, names: Sequence[str]) -> dict[str, float | None]:
    """Features by name; None is missing. Each Float32 is a double of the same value: 0.1 is 0.10000000149011612.

    Raises:
        DecisionLogError: See `matrix_row`.
    """
    values = matrix_row(record, names)[0].tolist()
    return {name: None if math.isnan(value) else value for name, value in zip(names, values, strict=True)}


def _plain_number(value: object) -> object:
    if isinstance(value, np.generic):
        return value.item()
    raise NotImplementedError(f"{type(value).__name__} has no place in a decision record")


_ENCODER = msgspec.json.Encoder(order="sorted", enc_hook=_plain_number)
_DECODER = msgspec.json.Decoder(DecisionRecord)
