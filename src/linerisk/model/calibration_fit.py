"""Fitting the two calibrations by weighted maximum likelihood."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from linerisk.errors import EvidenceError
from linerisk.model.calibration import BetaCalibration, SplineCalibration

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

_LEAST_POSITIVES = 10
_LEAST_SLOPE = 1e-3
_KNOT_QUANTILES = (0.05, 0.275, 0.5, 0.725, 0.95)
"""Of the margins with fraud and legitimate rows weighing half each, so that knots stand where the two meet."""
_ROUGHNESS = 1.0
"""Nats that a slope is charged for differing by 1 from its neighbour's, squared: few frauds make a straight line."""


def fit_beta(margin: Floats, fraud: Flags, weight: Floats | None = None) -> BetaCalibration:
    """Fit by weighted maximum likelihood under a, b > 0.

    Args:
        margin: Shape (n,), of rows that neither fitted the trees nor stopped them.
        fraud: Shape (n,).
        weight: Shape (n,), or None for 1 each.

    Raises:
        EvidenceError: Fewer than ten rows of either kind.
    """
    x = np.column_stack([-np.logaddexp(0.0, -margin), np.logaddexp(0.0, margin), np.ones_like(margin)])
    a, b, c = _most_likely(x, fraud, weight, start=[1.0, 1.0, 0.0], roughness=0.0)
    return BetaCalibration(a, b, c)


def fit_spline(margin: Floats, fraud: Flags, weight: Floats | None = None) -> SplineCalibration:
    """Fit by weighted maximum likelihood under positive slopes, less a charge for slopes that differ.

    Margins that are all alike leave one knot; then the spline is a straight line through it.

    Args:
        margin: Shape (n,), of rows that neither fitted the trees nor stopped them.
        fraud: Shape (n,).
        weight: Shape (n,), or None for 1 each.

    Raises:
        EvidenceError: Fewer than ten rows of either kind.
    """
    _check(fraud)
    half = np.where(fraud, 0.5 / fraud.sum(), 0.5 / (~fraud).sum())
    knots = np.unique(np.quantile(margin, _KNOT_QUANTILES, weights=half, method="inverted_cdf"))
    if len(knots) == 1:
        knots = np.array([knots[0], knots[0] + 1.0])
    x = np.column_stack([*(_risen(margin, knots, index) for index in range(len(knots))), np.ones_like(margin)])
    start = [1.0] * len(knots) + [float(knots[0])]
    *slopes, c = _most_likely(x, fraud, weight, start=start, roughness=_ROUGHNESS)
    return SplineCalibration(tuple(knots.tolist()), tuple(slopes), c)


def _risen(margin: Floats, knots: Floats, index: int) -> Floats:
    """Integral, from the first knot to each margin, of one knot's hat.

    The hat is 1 at its knot, 0 at all others, linear between and constant beyond the outer ones.
    """
    hat = np.zeros(len(knots))
    hat[index] = 1.0
    width = np.diff(knots)
    before = np.concatenate([[0.0], np.cumsum(width * (hat[1:] + hat[:-1]) / 2)])
    inside = np.clip(margin, knots[0], knots[-1])
    left = np.minimum(np.searchsorted(knots, inside, side="right") - 1, len(knots) - 2)
    into = inside - knots[left]
    rise = before[left] + into * hat[left] + into * into * (hat[left + 1] - hat[left]) / (2 * width[left])
    beyond = np.minimum(margin - knots[0], 0.0) * hat[0] + np.maximum(margin - knots[-1], 0.0) * hat[-1]
    out: Floats = rise + beyond
    return out


def _check(fraud: Flags) -> None:
    positives = int(fraud.sum())
    if min(positives, len(fraud) - positives) < _LEAST_POSITIVES:
        raise EvidenceError(
            "the calibration slice is too small",
            expected=f"at least {_LEAST_POSITIVES} fraud and {_LEAST_POSITIVES} legitimate rows",
            found=f"{positives} fraud of {len(fraud)}",
            todo="give more lines or days, or a higher prevalence",
        )


def _most_likely(
    x: Floats, fraud: Flags, weight: Floats | None, *, start: list[float], roughness: float
) -> list[float]:
    """Coefficients of the most likely log-odds `x @ beta`: all but the last, the constant, above the least slope."""
    _check(fraud)
    weights = np.ones(len(fraud)) if weight is None else weight
    sign = np.where(fraud, 1.0, -1.0)
    total = float(weights.sum())

    def loss(beta: Floats) -> tuple[float, Floats]:
        z = sign * (x @ beta)
        slope = x.T @ (-weights * sign * np.exp(-np.logaddexp(0.0, z)))
        step = np.diff(beta[:-1])
        bend = np.zeros_like(beta)
        bend[:-2] -= 2 * roughness * step
        bend[1:-1] += 2 * roughness * step
        value = float(np.sum(weights * np.logaddexp(0.0, -z)) + roughness * np.sum(step**2))
        return value / total, (slope + bend) / total

    found = minimize(
        loss,
        np.array(start),
        jac=True,
        method="L-BFGS-B",
        bounds=[(_LEAST_SLOPE, None)] * (len(start) - 1) + [(None, None)],
        options={"maxiter": 500, "ftol": 1e-14, "gtol": 1e-10},
    )
    return [float(value) for value in found.x]
