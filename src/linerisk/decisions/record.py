"""The decision record: one scored line with everything needed to replay it years later.

Its JSON is canonical: keys sorted, no spaces, instants in UTC with `Z`. Floats are written as the shortest decimal that
reads back to the same double, so `from_json(to_json())` gives back every bit.
"""

from __future__ import annotations

import math
from datetime import datetime
from typing import Annotated, Any

import msgspec
import numpy as np

from linerisk.decisions.recorded_features import RecordedFeatures
from linerisk.errors import DecisionLogError
from linerisk.features.records_summary import RecordsSummary

Instant = Annotated[datetime, msgspec.Meta(tz=True)]
FORMAT = 3
"""Version of the shape of a record."""


class RecordedAction(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The action that the policy in force required.

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
    """One reason in both languages, with its numbers.

    Its fields stand in the order of the canonical JSON, so that an answer holds the bytes of the record.
    """

    code: str
    contribution: float
    direction: str
    en: str
    facts: dict[str, float] = {}
    family: str
    zh: str


class RecordedModel(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The model that scored; the fingerprint is that of its artefact."""

    name: str
    version: str
    fingerprint: str


class ModelName(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The model that scored, as the API answers it."""

    name: str
    version: str


class DecisionAnswer(msgspec.Struct, frozen=True, kw_only=True, gc=False):
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
        as_of: The instant that the features are as of.
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
        cleared_at: When a dispute about the line had last ended in the holder's favour, which it depends on too.
        records: Summary of the records behind a raised tier; unset where none was kept, and before format 3.
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
    cleared_at: Instant | None = None
    records: RecordsSummary | msgspec.UnsetType = msgspec.UNSET
    format: int = FORMAT

    def __post_init__(self) -> None:
        """Refuse non-finite numbers, which JSON would silently turn into null.

        Raises:
            DecisionLogError: A score or contribution is not finite.
        """
        scores = self.margin, self.probability, self.probability_low, self.probability_high, self.base, self.calibration
        if not finite(*scores, *self.contributions.values()):
            raise DecisionLogError(
                "a decision has a score that is not finite",
                expected="finite numbers",
                todo="promote a version of the model whose scores are finite",
            )

    @property
    def policy(self) -> str:
        """Id of the policy in force when it was scored."""
        return self.action.policy

    def to_answer(self) -> DecisionAnswer:
        """The decision as the API answers it."""
        return DecisionAnswer(
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

    def to_answer_json(self) -> dict[str, Any]:
        """`to_answer` as JSON values, for answers with more fields."""
        plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(self.to_answer(), order="deterministic"))
        return plain

    def to_json(self) -> bytes:
        """Canonical bytes: the same record gives the same bytes."""
        return canonical(self)

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


def finite(*scores: float) -> bool:
    """Whether all numbers are finite."""
    return math.isfinite(sum(scores))


def _plain_number(value: object) -> object:
    if isinstance(value, np.generic):
        return value.item()
    raise NotImplementedError(f"{type(value).__name__} has no place in a decision record")


canonical = msgspec.json.Encoder(order="sorted", enc_hook=_plain_number).encode
"""JSON with keys in order, of a record or a part of one."""
_DECODER = msgspec.json.Decoder(DecisionRecord)
