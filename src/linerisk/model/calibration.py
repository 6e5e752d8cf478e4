"""Margin to probability: beta calibration on the raw margin, strictly increasing.

With q = sigmoid(margin), the calibrated log-odds are a ln q - b ln(1 - q) + c with a, b >= 0 and a + b > 0: three
numbers, so an artefact can say them, and ranks survive, so cut points do too.

References:
    Kull, Silva Filho, Flach (2017), "Beta calibration", AISTATS, equation 4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from linerisk.errors import EvidenceError

Floats = npt.NDArray[np.float64]

_LEAST_POSITIVES = 10
_LEAST_SLOPE = 1e-3


@dataclass(frozen=True, slots=True)
class BetaCalibration:
    """Three numbers that carry a margin to calibrated log-odds.

    Attributes:
        a: Weight of ln q, >= 0.
        b: Weight of -ln(1 - q), >= 0.
        c: Constant.
    """

    a: float
    b: float
    c: float

    def log_odds(self, margin: Floats) -> Floats:
        """Calibrated log-odds of margins; any shape, strictly increasing."""
        log_q = -np.logaddexp(0.0, -margin)
        minus_log_rest = np.logaddexp(0.0, margin)
        out: Floats = self.a * log_q + self.b * minus_log_rest + self.c
        return out

    def probability(self, margin: Floats) -> Floats:
        """Calibrated probability of margins; any shape."""
        return sigmoid(self.log_odds(margin))


def sigmoid(log_odds: Floats) -> Floats:
    """Probability of log-odds, without overflow."""
    out: Floats = np.exp(-np.logaddexp(0.0, -log_odds))
    return out


def fit_beta(margin: Floats, fraud: npt.NDArray[np.bool_], weight: Floats | None = None) -> BetaCalibration:
    """Fit by weighted maximum likelihood under a, b >= 0.

    Args:
        margin: Shape (n,), of rows that neither fitted the trees nor stopped them.
        fraud: Shape (n,).
        weight: Shape (n,), or None for 1 each.

    Raises:
        EvidenceError: Fewer than ten rows of either kind.
    """
    positives = int(fraud.sum())
    if min(positives, len(fraud) - positives) < _LEAST_POSITIVES:
        raise EvidenceError(
            "the calibration slice is too small",
            expected=f"at least {_LEAST_POSITIVES} fraud and {_LEAST_POSITIVES} legitimate rows",
            found=f"{positives} fraud of {len(fraud)}",
            todo="give more lines or days, or a higher prevalence",
        )
    weights = np.ones(len(fraud)) if weight is None else weight
    x = np.column_stack([-np.logaddexp(0.0, -margin), np.logaddexp(0.0, margin), np.ones_like(margin)])
    sign = np.where(fraud, 1.0, -1.0)

    def loss(beta: Floats) -> tuple[float, Floats]:
        z = sign * (x @ beta)
        slope = -weights * sign * np.exp(-np.logaddexp(0.0, z))
        return float(np.sum(weights * np.logaddexp(0.0, -z)) / weights.sum()), (x.T @ slope) / weights.sum()

    found = minimize(
        loss,
        np.array([1.0, 1.0, 0.0]),
        jac=True,
        method="L-BFGS-B",
        bounds=[(_LEAST_SLOPE, None), (_LEAST_SLOPE, None), (None, None)],
        options={"maxiter": 500, "ftol": 1e-14, "gtol": 1e-10},
    )
    a, b, c = (float(value) for value in found.x)
    return BetaCalibration(a, b, c)
