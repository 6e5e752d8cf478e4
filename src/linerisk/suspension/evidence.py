"""The complete evidence behind one decision, for reviewers and auditors.

Nothing is looked up that may have changed since. Row, scores and reasons come from the record, and recomputed values
from the model with the fingerprint in the record.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from linerisk.decisions.record import DecisionRecord, RecordedModel
from linerisk.decisions.recorded_features import matrix_row, named_features
from linerisk.decisions.replay import Replay, replay
from linerisk.explanation import AsUsual, AtAge, at_ages, each_family_as_usual, families_that_lower_the_tier
from linerisk.features.catalogue import BY_NAME
from linerisk.features.places import FLOOR_SHARE
from linerisk.features.records_summary import RecordsSummary, calendar
from linerisk.features.segments import COMPARED
from linerisk.model.risk_model import RiskModel
from linerisk.policy import Policy

OWN_PAST_RATIOS: Final[Mapping[str, tuple[str, float]]] = {
    "out_calls_vs_own_past_ratio_24h": ("out_calls_count_24h", 1.0),
    "out_calls_vs_own_past_ratio_7d": ("out_calls_count_7d", 1.0),
    "out_texts_vs_own_past_ratio_7d": ("out_texts_count_7d", 1.0),
    "callees_vs_own_past_ratio_7d": ("distinct_callees_count_7d", 1.0),
    "out_of_town_vs_own_past_ratio_7d": ("out_of_town_share_7d", FLOOR_SHARE),
}
"""Ratio feature: the feature that it compares with the line's own past, and the floor that it adds to both sides."""
NO_RECORDS_NOTE: Final = "no summary of records was kept with this decision"


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureEvidence:
    """One feature of the scored row.

    Attributes:
        name: Column name in the model.
        label_zh: Plain name, in Chinese.
        label_en: Plain name, in English.
        family: Its family.
        unit: Its unit; empty for a column outside the catalogue, as are `window` and `meaning`.
        window: Its window of time.
        meaning: What it measures.
        value: As scored; None is missing, with the meaning that `null_means` of the catalogue gives.
        typical: Value on a typical legitimate line, from the model.
        own_usual: Earlier value of the same line, if the row has the ratio to it.
        segment_usual: Value of lines of the same kind, if the row has the ratio to it.
    """

    name: str
    label_zh: str
    label_en: str
    family: str
    unit: str
    window: str
    meaning: str
    value: float | None
    typical: float | None
    own_usual: float | None
    segment_usual: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyReference:
    """The policy of the decision; the fingerprint is of the current file with its id."""

    id: str
    title_zh: str
    title_en: str
    in_force_from: str
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordsEvidence:
    """The stored summary of the line's records; see `features.records_summary.RecordsSummary`.

    Attributes:
        until: The instant at which the 28 days end.
        out_calls: Outgoing calls by day, the oldest first, and local hour.
        peers_by_kind: Different parties by kind.
        peers_by_area: Different parties by prefecture.
        devices: Different handsets.
        cells_by_area: Different cells by prefecture.
    """

    until: datetime
    out_calls: list[list[int]]
    peers_by_kind: Mapping[str, int]
    peers_by_area: Mapping[str, int]
    devices: int
    cells_by_area: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The evidence of one decision.

    Attributes:
        decision: The record as in the API answer, with the caller in `scored_by`.
        record_sha256: SHA-256 of its canonical JSON, which the hash chain covers.
        record_format: Version of the record format.
        log_odds: Log-odds of the probability: the sum of base, calibration and contributions.
        features: The scored row.
        each_family_as_usual: Scores with one family as usual.
        families_that_lower_the_tier: Families that, as usual, would have lowered the tier.
        at_ages: Scores of the line at other ages.
        model: Name, version, fingerprint.
        policy: The policy.
        snapshot_id: The snapshot: its instant and the hash of its content.
        replay: Whether its model recomputes the record bit for bit, and which fields differ.
        records: Summary of the line's records; None if none was stored, as `records_note` says.
        records_note: Why there is no summary.
    """

    decision: dict[str, Any]
    record_sha256: str
    record_format: int
    log_odds: float
    features: tuple[FeatureEvidence, ...]
    each_family_as_usual: tuple[AsUsual, ...]
    families_that_lower_the_tier: AsUsual | None
    at_ages: tuple[AtAge, ...]
    model: RecordedModel
    policy: PolicyReference
    snapshot_id: str | None
    replay: Replay
    records: RecordsEvidence | None
    records_note: str | None


def gather_evidence(record: DecisionRecord, model: RiskModel, policy: Policy) -> Evidence:
    """Gather the evidence behind a decision.

    Args:
        record: The recorded decision.
        model: The artefact that scored it.
        policy: The policy that it names.

    Raises:
        ArtefactError: The model has another fingerprint.
        DecisionLogError: The record has other columns than the model.
    """
    replayed = replay(record, model)
    row = matrix_row(record.features, model.feature_names)
    return Evidence(
        decision={**record.to_answer_json(), "scored_by": record.scored_by},
        record_sha256=hashlib.sha256(record.to_json()).hexdigest(),
        record_format=record.format,
        log_odds=record.base + record.calibration + math.fsum(record.contributions.values()),
        features=_features(record, model),
        each_family_as_usual=each_family_as_usual(model, row),
        families_that_lower_the_tier=families_that_lower_the_tier(model, row),
        at_ages=at_ages(model, row),
        model=record.model,
        policy=PolicyReference(
            id=policy.id,
            title_zh=policy.title.zh,
            title_en=policy.title.en,
            in_force_from=policy.in_force_from.isoformat(),
            fingerprint=policy.fingerprint,
        ),
        snapshot_id=record.snapshot_id,
        replay=replayed,
        records=None if isinstance(record.records, msgspec.UnsetType) else _records(record.records),
        records_note=NO_RECORDS_NOTE if isinstance(record.records, msgspec.UnsetType) else None,
    )


def _features(record: DecisionRecord, model: RiskModel) -> tuple[FeatureEvidence, ...]:
    values = named_features(record.features, model.feature_names)
    own, segment = usual_values(values, OWN_PAST_RATIOS), usual_values(values, COMPARED)
    features = []
    for column in model.columns:
        known = BY_NAME.get(column.name)
        features.append(
            FeatureEvidence(
                name=column.name,
                label_zh=column.name if known is None else known.label_zh,
                label_en=column.name if known is None else known.label_en,
                family=column.family,
                unit="" if known is None else known.unit,
                window="" if known is None else known.window,
                meaning="" if known is None else known.meaning,
                value=values[column.name],
                typical=column.typical,
                own_usual=own.get(column.name),
                segment_usual=segment.get(column.name),
            )
        )
    return tuple(features)


def _records(summary: RecordsSummary) -> RecordsEvidence:
    return RecordsEvidence(
        until=summary.until,
        out_calls=calendar(summary),
        peers_by_kind=summary.peers_by_kind,
        peers_by_area=summary.peers_by_area,
        devices=summary.devices,
        cells_by_area=summary.cells_by_area,
    )


def usual_values(values: Mapping[str, float | None], compared: Mapping[str, tuple[str, float]]) -> dict[str, float]:
    """Derive usual values from ratios: ratio = (value + floor) / (usual + floor).

    >>> usual_values({"calls": 99.0, "ratio": 10.0}, {"ratio": ("calls", 1.0)})
    {'calls': 9.0}
    """
    usual = {}
    for ratio_name, (name, floor) in compared.items():
        value, ratio = values.get(name), values.get(ratio_name)
        if value is not None and ratio:
            # Four digits: the ratio has single precision.
            usual[name] = max(0.0, float(f"{(value + floor) / ratio - floor:.4g}"))
    return usual
