"""The evidence behind one decision: all of it, as it was decided then, for who examines it.

Nothing is looked up that may have changed since: the row, the scores and the reasons are the record's own, and what is
recomputed comes from the model of the record, which is known by its fingerprint.
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
from linerisk.explanation import AsUsual, AtAge, at_ages, each_as_usual, together_as_usual
from linerisk.features.catalogue import BY_NAME
from linerisk.features.places import FLOOR_SHARE
from linerisk.features.records_summary import RecordsSummary, calendar
from linerisk.features.segments import COMPARED
from linerisk.model.risk_model import RiskModel
from linerisk.policy import Policy

OWN_PAST: Final[Mapping[str, tuple[str, float]]] = {
    "out_calls_vs_own_past_ratio_24h": ("out_calls_count_24h", 1.0),
    "out_calls_vs_own_past_ratio_7d": ("out_calls_count_7d", 1.0),
    "out_texts_vs_own_past_ratio_7d": ("out_texts_count_7d", 1.0),
    "callees_vs_own_past_ratio_7d": ("distinct_callees_count_7d", 1.0),
    "out_of_town_vs_own_past_ratio_7d": ("out_of_town_share_7d", FLOOR_SHARE),
}
"""Feature, the feature that it compares with the line's own past, and what it adds to both sides."""
NOT_KEPT: Final = "no summary of records was kept with this decision"


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureSeen:
    """One feature of the row that was scored.

    Attributes:
        name: As the model has it.
        label_zh: Plain name, in Chinese.
        label_en: Plain name, in English.
        family: Its family.
        unit: Its unit; empty of a column that the catalogue does not know, as are `window` and `meaning`.
        window: What it looks at.
        meaning: What it says.
        value: As scored; None is missing, and `null_means` of the catalogue says what that means.
        typical: On a typical legitimate line, as the model has it.
        own_usual: On the same line before, where the row says that.
        segment_usual: Among lines of the same kind, where the row says that.
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
class PolicyNamed:
    """The policy of the decision; the fingerprint is of the file as it is now, which is kept under its id."""

    id: str
    title_zh: str
    title_en: str
    in_force_from: str
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordsSeen:
    """The summary of records that was kept; see `features.records_summary.RecordsSummary`.

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
    """The bundle of one decision.

    Attributes:
        decision: The record as it is told, and who asked.
        record_sha256: Of its canonical JSON; the log's chain goes over it.
        record_format: Version of the record's shape.
        log_odds: Of the probability: base, calibration and contributions together.
        features: The row.
        each_family_as_usual: What the model would have said with one family as usual.
        families_that_lower_the_tier: Which families, as usual, would have lowered the tier.
        at_ages: What the model would have said of the line at other ages.
        model: Name, version, fingerprint.
        policy: The policy.
        snapshot_id: The snapshot; it begins with its instant and ends with the hash of its content.
        replay: Whether the record, said again by its model, is the same to the bit, and what is not.
        records: Summary of the line's records; None where none was kept, and `records_note` says so.
        records_note: Why there is none.
    """

    decision: dict[str, Any]
    record_sha256: str
    record_format: int
    log_odds: float
    features: tuple[FeatureSeen, ...]
    each_family_as_usual: tuple[AsUsual, ...]
    families_that_lower_the_tier: AsUsual | None
    at_ages: tuple[AtAge, ...]
    model: RecordedModel
    policy: PolicyNamed
    snapshot_id: str | None
    replay: Replay
    records: RecordsSeen | None
    records_note: str | None


def gather(record: DecisionRecord, model: RiskModel, policy: Policy) -> Evidence:
    """Everything behind a decision.

    Args:
        record: The frozen decision.
        model: The artefact that made it.
        policy: The policy that it names.

    Raises:
        ArtefactError: The model is another one.
        DecisionLogError: The record was made of other columns.
    """
    said_again = replay(record, model)
    row = matrix_row(record.features, model.feature_names)
    return Evidence(
        decision={**record.to_answer_json(), "scored_by": record.scored_by},
        record_sha256=hashlib.sha256(record.to_json()).hexdigest(),
        record_format=record.format,
        log_odds=record.base + record.calibration + math.fsum(record.contributions.values()),
        features=_features(record, model),
        each_family_as_usual=each_as_usual(model, row),
        families_that_lower_the_tier=together_as_usual(model, row),
        at_ages=at_ages(model, row),
        model=record.model,
        policy=PolicyNamed(
            id=policy.id,
            title_zh=policy.title.zh,
            title_en=policy.title.en,
            in_force_from=policy.in_force_from.isoformat(),
            fingerprint=policy.fingerprint,
        ),
        snapshot_id=record.snapshot_id,
        replay=said_again,
        records=None if isinstance(record.records, msgspec.UnsetType) else _records(record.records),
        records_note=NOT_KEPT if isinstance(record.records, msgspec.UnsetType) else None,
    )


def _features(record: DecisionRecord, model: RiskModel) -> tuple[FeatureSeen, ...]:
    values = named_features(record.features, model.feature_names)
    own, segment = usual_of(values, OWN_PAST), usual_of(values, COMPARED)
    seen = []
    for column in model.columns:
        known = BY_NAME.get(column.name)
        seen.append(
            FeatureSeen(
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
    return tuple(seen)


def _records(summary: RecordsSummary) -> RecordsSeen:
    return RecordsSeen(
        until=summary.until,
        out_calls=calendar(summary),
        peers_by_kind=summary.peers_by_kind,
        peers_by_area=summary.peers_by_area,
        devices=summary.devices,
        cells_by_area=summary.cells_by_area,
    )


def usual_of(values: Mapping[str, float | None], compared: Mapping[str, tuple[str, float]]) -> dict[str, float]:
    """What was usual, worked back from ratios to it: (value + floor) / (usual + floor).

    >>> usual_of({"calls": 99.0, "ratio": 10.0}, {"ratio": ("calls", 1.0)})
    {'calls': 9.0}
    """
    usual = {}
    for ratio_name, (name, floor) in compared.items():
        value, ratio = values.get(name), values.get(ratio_name)
        if value is not None and ratio:
            # Single precision: four digits are what the ratio says.
            usual[name] = max(0.0, float(f"{(value + floor) / ratio - floor:.4g}"))
    return usual
