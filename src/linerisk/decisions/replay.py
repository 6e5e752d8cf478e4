"""Replay: score a record's features with its model again, and compare bit for bit.

On the same processor and library versions nothing differs. Elsewhere the last bit of an exponential may, and is named.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from linerisk.decisions.record import DecisionRecord
from linerisk.decisions.recorded_features import matrix_row
from linerisk.errors import ArtefactError
from linerisk.explanation import contributions
from linerisk.model.risk_model import RiskModel, Rows
from linerisk.model.tiers import TIERS

Said = float | str | None


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that differs; None where a side lacks it."""

    field: str
    recorded: Said
    recomputed: Said


@dataclass(frozen=True, slots=True)
class Replay:
    """The result of a replay.

    Attributes:
        identical: Whether every compared field has the same bits.
        differences: The fields that differ.
    """

    identical: bool
    differences: tuple[Difference, ...]


def replay(record: DecisionRecord, model: RiskModel) -> Replay:
    """Recompute margin, probability, interval, tier and contributions.

    Args:
        record: The frozen decision.
        model: The artefact whose fingerprint the record names.

    Raises:
        ArtefactError: The model is another one.
        DecisionLogError: The record was made of other columns.
    """
    if model.fingerprint != record.model.fingerprint:
        raise ArtefactError(
            "the decision was made by another model",
            expected=f"fingerprint {record.model.fingerprint}",
            found=model.fingerprint or "none",
            todo=f"load version {record.model.version} of {record.model.name}",
        )
    rows = matrix_row(record.features, model.feature_names)
    pairs = [*_scores(record, model, rows), *_parts(record, model, rows)]
    differences = tuple(Difference(*pair) for pair in pairs if not _same(pair[1], pair[2]))
    return Replay(not differences, differences)


def _scores(record: DecisionRecord, model: RiskModel, rows: Rows) -> Iterator[tuple[str, Said, Said]]:
    margin = model.margin(rows)
    probability = model.probability(margin)
    low, high = model.interval(margin, probability)
    yield "margin", record.margin, float(margin[0])
    yield "probability", record.probability, float(probability[0])
    yield "probability_low", record.probability_low, float(low[0])
    yield "probability_high", record.probability_high, float(high[0])
    yield "tier", record.tier, TIERS[int(model.tier(margin)[0])].value


def _parts(record: DecisionRecord, model: RiskModel, rows: Rows) -> Iterator[tuple[str, Said, Said]]:
    parts = contributions(model, rows)
    recomputed: dict[str, float] = dict(zip(model.families, parts.by_family[0].tolist(), strict=True))
    yield "base", record.base, parts.base
    yield "calibration", record.calibration, parts.calibration
    for family in dict.fromkeys([*record.contributions, *recomputed]):
        yield f"contributions.{family}", record.contributions.get(family), recomputed.get(family)


def _same(recorded: Said, recomputed: Said) -> bool:
    if isinstance(recorded, float) and isinstance(recomputed, float):
        return np.float64(recorded).tobytes() == np.float64(recomputed).tobytes()
    return recorded == recomputed
