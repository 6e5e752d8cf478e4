"""Lines in bands: predicted against observed by rank, ranking by age, and whether age ever raises a tier."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from linerisk.evaluation.metrics import Estimate, Flags, Floats, average_precision, bootstrap, share
from linerisk.features.catalogue import BY_NAME
from linerisk.features.tenure import MAX_TENURE_DAYS
from linerisk.model.cut_points import clopper_pearson
from linerisk.model.risk_model import RiskModel
from linerisk.training.examples import Examples

AGE_BANDS_DAYS = (0, 30, 180, 730, 1825)
"""Where bands of tenure begin: a month, half a year, two years, five years."""
TENURE_STEPS_DAYS = (30.0, 365.0, 1825.0)
"""How much older the same line is made when asking whether age ever raises a tier."""
_LEAST_IN_BIN = 30
_FAILING = 0.05
"""Chance that a calibrated model has a bin that is called off."""


@dataclass(frozen=True, slots=True)
class Bin:
    """Predicted and observed rate of one bin of equally many lines."""

    predicted: float
    observed: Estimate
    lines: int


@dataclass(frozen=True, slots=True)
class AgeBand:
    """Ranking within one band of tenure; None where the band has too few of either kind."""

    from_days: int
    lines: int
    fraud: int
    average_precision: Estimate | None


def reliability(probability: Floats, fraud: Flags) -> tuple[Bin, ...]:
    """Bins by rank that grow finer towards the top, where decisions are made; each of enough lines to say something."""
    lines = len(probability)
    starts = [round(lines * quantile) for quantile in (0, 0.25, 0.5, 0.65, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998)]
    kept = [start for start in starts if start == 0 or lines - start >= _LEAST_IN_BIN]
    bins = []
    for part in np.split(np.argsort(probability, kind="stable"), kept[1:]):
        if len(part):
            observed = share(int(fraud[part].sum()), len(part))
            bins.append(Bin(float(probability[part].mean()), observed, len(part)))
    return tuple(bins)


def bins_off(bins: Sequence[Bin], *, most: float) -> tuple[Bin, ...]:
    """Bins whose mean probability has provably over `most` times the odds of fraud observed, or under 1 / `most` of it.

    Exact intervals with Bonferroni's correction hold for all bins at once, also where probabilities differ within a
    bin: that only makes the count vary less (Hoeffding 1956). A bin whose probability is not a number is off.

    Args:
        bins: Of `reliability`.
        most: Factor between odds, above 1: near 0 that of the rates, near 1 that of what is left to 1.
    """
    return tuple(b for b in bins if not _compatible(b, most=most, looks=len(bins)))


def _compatible(b: Bin, *, most: float, looks: int) -> bool:
    low, high = clopper_pearson(round(b.observed.value * b.lines), b.lines, confidence=1 - _FAILING / looks)
    return _odds(low) <= most * _odds(b.predicted) and _odds(b.predicted) <= most * _odds(high)


def _odds(share: float) -> float:
    return float("inf") if share == 1 else share / (1 - share)


def ages(test: Examples, margin: Floats) -> tuple[AgeBand, ...]:
    """Ranking within each band of tenure; none where no column says how old a line is."""
    if "tenure_days" not in [column.name for column in test.columns]:
        return ()
    tenure = test.column("tenure_days")
    edges: Sequence[float] = (*AGE_BANDS_DAYS, float("inf"))
    bands = []
    for start, end in itertools.pairwise(edges):
        inside = (tenure >= start) & (tenure < end)
        fraud = test.fraud[inside]
        own = margin[inside]
        enough = fraud.sum() >= 5 and (~fraud).sum() >= 5  # noqa: PLR2004 - below that an interval says nothing
        measured = (
            bootstrap(lambda rows, own=own, fraud=fraud: average_precision(own[rows], fraud[rows]), fraud)  # type: ignore[misc]
            if enough
            else None
        )
        bands.append(AgeBand(int(start), int(inside.sum()), int(fraud.sum()), measured))
    return tuple(bands)


def tenure_check(model: RiskModel, test: Examples) -> tuple[int, int | None]:
    """Make every line older, other things equal, and count how often its tier rises.

    Every column that grows with age is raised by the same number of days, as an earlier activation would.

    Returns:
        Lines checked, and how many rose; None where no column speaks of tenure.
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
