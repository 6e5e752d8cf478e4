"""Decisions whose larger parts are spelled before anybody asks.

What a model says of a row of a snapshot does not depend on who asks or when: its numbers, its reasons in words, its
contributions and its features are the same bytes in every record and every answer. Here they are made once, when a
snapshot goes live, and put into records as they stand: the record is the same, byte for byte, as one that is made of
its parts (`tests/contract/test_prepared.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from linerisk.decisions.record import canonical, finite
from linerisk.decisions.recorded_features import frozen_features
from linerisk.explanation import Explanation
from linerisk.model.risk_model import Rows
from linerisk.scoring import Scored


class SpelledLine(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a model says of a row: numbers, and as canonical JSON what is larger."""

    margin: float
    probability: float
    probability_low: float
    probability_high: float
    tier: str
    base: float
    calibration: float
    reasons: bytes
    contributions: bytes
    features: bytes


read_line = msgspec.msgpack.Decoder(SpelledLine).decode
_write_line = msgspec.msgpack.Encoder().encode
UNSPELLED = b""
"""Of a row that cannot be recorded: who asks for it is told so then."""


def spelled_lines(names: Sequence[str], rows: Rows, scored: Scored, explained: Sequence[Explanation]) -> list[bytes]:
    """What is said of each row, as `read_line` reads it.

    Args:
        names: Columns of the model, in order.
        rows: Shape (n, len(names)).
        scored: Scores of the rows.
        explained: Their reasons.
    """
    columns: Any = zip(
        explained,
        scored.tiers,
        frozen_features(names, rows),
        *(each.tolist() for each in (scored.margin, scored.probability, scored.low, scored.high)),
        strict=True,
    )
    return [
        _write_line(
            SpelledLine(
                margin=margin,
                probability=probability,
                probability_low=low,
                probability_high=high,
                tier=tier.value,
                base=why.base,
                calibration=why.calibration,
                # A reason and its record have the same fields, so the same JSON.
                reasons=canonical(why.reasons),
                contributions=canonical(why.contributions),
                features=canonical(features),
            )
        )
        if finite(margin, probability, low, high, why.base, why.calibration, *why.contributions.values())
        else UNSPELLED
        for why, tier, features, margin, probability, low, high in columns
    ]
