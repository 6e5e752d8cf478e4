"""Tiers, their bounds, and the tier of a margin.

`model.cut_points` computes the cut points in training; serving does not need it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


class Tier(StrEnum):
    """The published scale, from no finding to the highest."""

    NORMAL = "normal"
    MEDIUM_LOW = "medium_low"
    MEDIUM_HIGH = "medium_high"
    EXTREMELY_HIGH = "extremely_high"


TIERS: tuple[Tier, ...] = tuple(Tier)
RAISED: tuple[Tier, ...] = TIERS[1:]


@dataclass(frozen=True, slots=True)
class TierPromise:
    """Requested bounds: largest share of legitimate lines at or above each raised tier.

    Attributes:
        alpha: Share wished for per raised tier, lowest tier first.
        delta: Chance that a proven bound does not hold.
        min_ratio: Least factor between the shares of neighbouring tiers when the ladder is widened.
    """

    alpha: tuple[float, float, float] = (1e-3, 1e-4, 1e-5)
    delta: float = 0.05
    min_ratio: float = 3.0


@dataclass(frozen=True, slots=True)
class CutPoint:
    """The margin from which a tier begins, with its evidence.

    Attributes:
        tier: The tier that begins here.
        margin: Least margin of the tier (log-odds, before calibration).
        wished: Share of legitimate lines wished for.
        proven: Share that the evidence carries, at confidence 1 - delta.
        legitimate: Number of legitimate lines that the cut point was taken from.
        legitimate_above: How many of them are at or above the cut point.
        missing: How many more legitimate lines could prove `wished` for this tier alone. With 0 of them missing,
            `proven` may still be more than `wished`, where the ladder was widened to stand clear of the tier above:
            only `proven` says what is proven.
    """

    tier: Tier
    margin: float
    wished: float
    proven: float
    legitimate: int
    legitimate_above: int
    missing: int


def tier_index(margins: Floats, cuts: tuple[CutPoint, ...]) -> npt.NDArray[np.int8]:
    """Index into `TIERS` of each margin."""
    edges = np.array([cut.margin for cut in cuts])
    return np.searchsorted(edges, margins, side="right").astype(np.int8)
