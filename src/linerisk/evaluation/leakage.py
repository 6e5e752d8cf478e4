"""Target leakage: measures how well each single column separates fraud, which shows columns that know the future.

A column computed from later information separates fraud almost alone, or finds much of it without false positives. A
column computed from training labels does so in training and loses it on the test slice.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from linerisk.evaluation.metrics import Estimate, Flags, share_estimate
from linerisk.training.examples import Examples, Slices

Floats = npt.NDArray[np.float64]

_Z = 1.959963984540054
_FPR = 1e-3


@dataclass(frozen=True, slots=True)
class SingleColumn:
    """How well one column separates fraud alone, in either direction; missing is a value of its own.

    Attributes:
        column: Its name.
        auc: On the test slice, DeLong's interval.
        auc_in_training: On the training slice, DeLong's interval.
        recall: Share of the test slice's fraud above all but 1 in 1,000 legitimate lines, exact interval.
    """

    column: str
    auc: Estimate
    auc_in_training: Estimate
    recall: Estimate


def measure_single_columns(slices: Slices) -> tuple[SingleColumn, ...]:
    """Every column alone, in table order; empty where the training or test slice lacks fraud or legitimate lines.

    The training slice decides the direction of a column.
    """
    if any(part.fraud.all() or not part.fraud.any() for part in (slices.train, slices.test)):
        return ()
    measured = []
    for index, column in enumerate(slices.test.columns):
        trained, direction, missing_value = _oriented(slices.train, index)
        tested = _filled(slices.test.rows[:, index], missing_value) * direction
        measured.append(
            SingleColumn(
                column.name,
                _auc(tested, slices.test.fraud),
                _auc(trained, slices.train.fraud),
                _recall(tested, slices.test.fraud),
            )
        )
    return tuple(measured)


def _oriented(train: Examples, index: int) -> tuple[Floats, float, float]:
    """Training values turned so that higher is riskier, the direction, and the value for missing ones."""
    values = train.rows[:, index].astype(np.float64)
    missing = np.isnan(values)
    finite = values[np.isfinite(values)]
    reach = float(np.abs(finite).max()) + 1.0 if len(finite) else 1.0
    # Missing values go to the end where they separate best.
    sides = (-reach, reach) if missing.any() else (-reach,)
    best = max((abs(_auc(np.where(missing, side, values), train.fraud).value - 0.5), side) for side in sides)[1]
    filled = np.where(missing, best, values)
    direction = 1.0 if _auc(filled, train.fraud).value >= 0.5 else -1.0  # noqa: PLR2004 - chance
    return filled * direction, direction, best


def _filled(values: npt.NDArray[np.float32], missing_value: float) -> Floats:
    exact = values.astype(np.float64)
    return np.where(np.isnan(exact), missing_value, exact)


def _auc(value: Floats, fraud: Flags) -> Estimate:
    """Probability that fraud has the higher value; a tie counts one half.

    References:
        DeLong, DeLong, Clarke-Pearson (1988), Biometrics 44; by ranks as Sun and Xu (2014), IEEE SPL 21(11).
    """
    positive, negative = int(fraud.sum()), int((~fraud).sum())
    rank = rankdata(value)
    above = (rank[fraud] - rankdata(value[fraud])) / negative
    below = 1 - (rank[~fraud] - rankdata(value[~fraud])) / positive
    spread = np.sqrt(_variance(above) / positive + _variance(below) / negative)
    auc = float(above.mean())
    return Estimate(auc, max(0.0, auc - _Z * float(spread)), min(1.0, auc + _Z * float(spread)))


def _variance(values: Floats) -> float:
    return float(values.var(ddof=1)) if len(values) > 1 else 0.25


def _recall(value: Floats, fraud: Flags) -> Estimate:
    legitimate = np.sort(value[~fraud])[::-1]
    allowed = int(_FPR * len(legitimate))
    return share_estimate(int((value[fraud] > legitimate[allowed]).sum()), int(fraud.sum()))
