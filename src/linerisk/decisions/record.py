"""The decision record: one scored line, frozen with everything needed to say it again years later.

Its JSON is canonical: keys sorted, no spaces, instants in UTC with `Z`, a missing feature as `null`. Floats are written
as the shortest decimal that reads back to the same double, so `from_json(to_json())` gives back every bit. Features are
Float32: each one is a double with the same value (0.1 becomes 0.10000000149011612), and narrowing that double again is
exact. Which NaN a missing feature was is not kept; the model treats all of them as missing.
"""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import msgspec
import numpy as np
import numpy.typing as npt
from ulid import ULID

from linerisk.errors import DecisionLogError

Instant = Annotated[datetime, msgspec.Meta(tz=True)]

_INFINITE = frozenset({math.inf, -math.inf})
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
        features: By name, exactly as scored; None is missing.
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
    features: dict[str, float | None]
    scored_by: str
    snapshot_id: str | None = None
    last_verified_at: Instant | None = None
    format: int = 1

    def __post_init__(self) -> None:
        """Refuse what JSON would silently turn into null.

        Raises:
            DecisionLogError: A score or contribution is not finite, or a feature is infinite.
        """
        total = self.margin + self.probability + self.probability_low + self.probability_high
        if not math.isfinite(total + self.base + self.calibration + sum(self.contributions.values())):
            raise DecisionLogError("a decision has a score that is not finite", expected="finite numbers")
        if not _INFINITE.isdisjoint(self.features.values()):
            raise DecisionLogError("a decision has an infinite feature", expected="finite or missing", field="features")

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


def frozen_features(names: Sequence[str], rows: npt.NDArray[np.float32]) -> list[dict[str, float | None]]:
    """The features of records from a matrix as scored; NaN becomes None.

    >>> frozen_features(["calls", "share"], np.array([[2.0, np.nan]], dtype=np.float32))
    [{'calls': 2.0, 'share': None}]
    """
    exact = rows.astype(np.float64)
    missing = np.isnan(exact)
    if not missing.any():
        return [dict(zip(names, row, strict=True)) for row in exact.tolist()]
    plain = exact.astype(object)
    plain[missing] = None
    return [dict(zip(names, row, strict=True)) for row in plain.tolist()]


def matrix_row(record: DecisionRecord, names: Sequence[str]) -> npt.NDArray[np.float32]:
    """The features of a record as the one row that was scored, shape (1, len(names)), in the order of `names`.

    Raises:
        KeyError: The record lacks a feature.
    """
    values = (record.features[name] for name in names)
    return np.array([[math.nan if value is None else value for value in values]], dtype=np.float32)


def _plain_number(value: object) -> object:
    if isinstance(value, np.generic):
        return value.item()
    raise NotImplementedError(f"{type(value).__name__} has no place in a decision record")


_ENCODER = msgspec.json.Encoder(order="sorted", enc_hook=_plain_number)
_DECODER = msgspec.json.Decoder(DecisionRecord)
