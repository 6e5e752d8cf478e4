"""Rows in, scores out: the same calls for a batch, a snapshot and a request."""

from __future__ import annotations

import msgspec
import numpy as np
import numpy.typing as npt

from linerisk.model.risk_model import RiskModel
from linerisk.model.tiers import TIERS, Tier

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.float32]


class Scored(msgspec.Struct, frozen=True, eq=False):
    """Scores of n rows, in their order.

    Attributes:
        margin: Shape (n,). Log-odds of the trees.
        probability: Shape (n,). Calibrated P(fraud).
        low: Shape (n,). Lower end of its interval.
        high: Shape (n,). Upper end of its interval.
        tier_index: Shape (n,). Index into `TIERS`.
    """

    margin: Floats
    probability: Floats
    low: Floats
    high: Floats
    tier_index: npt.NDArray[np.int8]

    @property
    def tiers(self) -> list[Tier]:
        """The tier of each row."""
        return [TIERS[index] for index in self.tier_index.tolist()]


def score(model: RiskModel, rows: Rows) -> Scored:
    """Score rows whose columns are those of the model, in its order; a row's scores do not depend on its neighbours."""
    if len(rows) == 0:
        nothing = np.empty(0)
        return Scored(nothing, nothing, nothing, nothing, np.empty(0, dtype=np.int8))
    margin = model.margin(rows)
    probability = model.probability(margin)
    low, high = model.interval(margin, probability)
    return Scored(margin, probability, low, high, model.tier(margin))
