"""Exact contributions to the calibrated log-odds, by family and by feature.

LightGBM's tree SHAP splits the margin exactly: raw = base + sum(phi). Calibration c is not linear, so each phi is
scaled by the mean slope of c between base and raw: c(raw) = c(base) + sum(phi_i * (c(raw) - c(base)) / (raw - base)).
These are the integrated gradients of c along the straight line from base to raw; the slope is positive, so signs and
order are those of the margin.

References:
    Lundberg et al. (2020), "From local explanations to global understanding with explainable AI for trees", Nature
    Machine Intelligence 2. Sundararajan, Taly, Yan (2017), "Axiomatic attribution for deep networks", ICML, section 3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from linerisk.model.calibration import Calibration
from linerisk.model.risk_model import RiskModel, Rows

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]

# Below this distance the difference quotient loses digits, so the slope at the midpoint is used. The slope of a spline
# may change within it, but over so short a distance the sum does not change.
_NEAR = 1e-6


@dataclass(frozen=True, slots=True)
class Contributions:
    """Log-odds of n rows, split.

    Attributes:
        base: Margin of the trees' average line.
        calibration: What calibration adds to the base, log-odds.
        by_family: Shape (n, families), families in the model's order.
        strongest: Shape (n, families): index of the column with a value that contributes most in the direction of its
            family; -1 if there is none.
    """

    base: float
    calibration: float
    by_family: Floats
    strongest: Indices


def contributions(model: RiskModel, rows: Rows) -> Contributions:
    """Split the calibrated log-odds of rows of shape (n, features), n >= 1.

    `base + calibration + by_family[i].sum()` is `model.calibration.log_odds` of the i-th margin. A row gives identical
    bits alone and in a batch.
    """
    phi = model.shap_values(rows)
    base = float(phi[0, -1])
    phi[:, -1] = 0.0
    of_family = model.columns_by_family  # short rows are padded with the base column, which is 0 now
    grouped = phi[:, of_family]
    # Sums accumulate column by column, so that they do not depend on the number of rows.
    by_family = np.add.accumulate(grouped, axis=2)[:, :, -1]
    raw = base + np.add.accumulate(by_family, axis=1)[:, -1]
    slope = mean_slope(model.calibration, base, raw)[:, None]
    return Contributions(
        base=base,
        calibration=float(model.calibration.log_odds(np.array(base))) - base,
        by_family=by_family * slope,
        strongest=_strongest(rows, grouped, by_family, of_family),
    )


def feature_contributions(model: RiskModel, rows: Rows) -> Floats:
    """Contributions by feature, shape (n, features); the features of a family sum to the family."""
    phi = model.shap_values(rows)
    base, raw = float(phi[0, -1]), phi.sum(axis=1)
    out: Floats = phi[:, :-1] * mean_slope(model.calibration, base, raw)[:, None]
    return out


def _strongest(rows: Rows, grouped: Floats, by_family: Floats, of_family: Indices) -> Indices:
    """See `Contributions`. A missing value moves the margin too, but it is nothing that was observed."""
    has_value = np.isfinite(np.concatenate([rows, np.zeros((len(rows), 1), rows.dtype)], axis=1))[:, of_family]
    along = np.where(has_value, grouped * np.sign(by_family)[:, :, None], 0.0)
    column = of_family[np.arange(len(of_family)), along.argmax(axis=2)]
    return np.where(along.max(axis=2) > 0, column, -1)


def mean_slope(calibration: Calibration, base: float, raw: Floats) -> Floats:
    """Mean slope of the calibration between the base and each margin; the local slope if they are equal."""
    distance = raw - base
    near = np.abs(distance) < _NEAR
    rise = calibration.log_odds(raw) - calibration.log_odds(np.array(base))
    slope = calibration.slope(base + distance / 2)
    out: Floats = np.where(near, slope, rise / np.where(near, 1.0, distance))
    return out
