"""Reliability bins, ranking by tenure band, and the check that age never raises a tier."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from linerisk.evaluation.metrics import Estimate, Flags, Floats, average_precision, bootstrap, share_estimate
from linerisk.features.catalogue import BY_NAME
from linerisk.features.tenure import MAX_TENURE_DAYS
from linerisk.model.cut_points import clopper_pearson
from linerisk.model.risk_model import RiskModel
from linerisk.training.examples import Examples

AGE_BANDS_DAYS = (0, 30, 180, 730, 1825)
"""Lower ends of the tenure bands: 0, a month, half a year, two years, five years."""
TENURE_STEPS_DAYS = (30.0, 365.0, 1825.0)
"""Days added to a line's age in `tenure_check`."""
_LEAST_IN_BIN = 30
_FALSE_ALARM = 0.05
"""Highest probability that any bin of a calibrated model is wrongly found miscalibrated."""


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Predicted and observed fraud rate of lines of similar probability."""

    predicted: float
    observed: Estimate
    lines: int


@dataclass(frozen=True, slots=True)
class AgeBand:
    """Ranking within one tenure band; None where it has too few fraud or legitimate lines."""

    from_days: int
    lines: int
    fraud: int
    average_precision: Estimate | None


def reliability(probability: Floats, fraud: Flags) -> tuple[ReliabilityBin, ...]:
    """Bins by rank that get finer towards the top, where decisions are made; the top bin has 30 lines or more."""
    lines = len(probability)
    starts = [round(lines * quantile) for quantile in (0, 0.25, 0.5, 0.65, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998)]
    kept = [start for start in starts if start == 0 or lines - start >= _LEAST_IN_BIN]
    bins = []
    for part in np.split(np.argsort(probability, kind="stable"), kept[1:]):
        if len(part):
            observed = share_estimate(int(fraud[part].sum()), len(part))
            bins.append(ReliabilityBin(float(probability[part].mean()), observed, len(part)))
    return tuple(bins)


def miscalibrated_bins(bins: Sequence[ReliabilityBin], *, max_odds_ratio: float) -> tuple[ReliabilityBin, ...]:
    """Bins where predicted and observed odds of fraud provably differ by more than a factor.

    Exact intervals with Bonferroni's correction hold for all bins at once, also where probabilities differ within a
    bin: that only makes the count vary less (Hoeffding 1956). A bin whose probability is NaN is miscalibrated.

    Args:
        bins: From `reliability`.
        max_odds_ratio: The factor, above 1. Near 0 it is a ratio of rates, near 1 a ratio of their complements.
    """
    return tuple(b for b in bins if not _compatible(b, max_odds_ratio, comparisons=len(bins)))


def _compatible(b: ReliabilityBin, max_odds_ratio: float, *, comparisons: int) -> bool:
    low, high = clopper_pearson(round(b.observed.value * b.lines), b.lines, confidence=1 - _FALSE_ALARM / comparisons)
    return _odds(low) <= max_odds_ratio * _odds(b.predicted) and _odds(b.predicted) <= max_odds_ratio * _odds(high)


def _odds(share: float) -> float:
    return float("inf") if share == 1 else share / (1 - share)


def age_bands(test: Examples, margin: Floats) -> tuple[AgeBand, ...]:
    """Ranking within each tenure band; empty without a column `tenure_days`."""
    if "tenure_days" not in [column.name for column in test.columns]:
        return ()
    tenure = test.column("tenure_days")
    edges: Sequence[float] = (*AGE_BANDS_DAYS, float("inf"))
    bands = []
    for start, end in itertools.pairwise(edges):
        inside = (tenure >= start) & (tenure < end)
        fraud = test.fraud[inside]
        own = margin[inside]
        enough = fraud.sum() >= 5 and (~fraud).sum() >= 5  # noqa: PLR2004 - fewer give a useless interval
        measured = (
            bootstrap(lambda rows, own=own, fraud=fraud: average_precision(own[rows], fraud[rows]), fraud)  # type: ignore[misc]
            if enough
            else None
        )
        bands.append(AgeBand(int(start), int(inside.sum()), int(fraud.sum()), measured))
    return tuple(bands)


def tenure_check(model: RiskModel, test: Examples) -> tuple[int, int | None]:
    """Make every line older, all else equal, and count the lines whose tier rises.

    Every column that grows with age gets the same number of days added, as an earlier activation would.

    Returns:
        Lines checked, and lines whose tier rose; None where no column measures age.
    """
    ageing = [
        index
        for index, column in enumerate(test.columns)
        if column.name in BY_NAME and BY_NAME[column.name].monotone == -1 and BY_NAME[column.name].unit == "days"
    ]
    if not ageing:
        return 0, None
    before = model.tier(model.margin(test.rows))
    raised = np.zeros(len(test), dtype=np.bool_)
    for days in TENURE_STEPS_DAYS:
        older = test.rows.copy()
        older[:, ageing] = np.minimum(older[:, ageing] + np.float32(days), np.float32(MAX_TENURE_DAYS))
        raised |= model.tier(model.margin(older)) > before
    return len(test), int(raised.sum())
