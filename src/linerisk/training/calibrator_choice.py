"""Chooses between beta and spline calibration by cross-fitted log loss on the calibration slice.

The calibration slice is later than training, so its log loss is out of time; folds within it prevent overfitting. The
test slice is not used. Beta has only three numbers, so the spline must be better by more than one standard error of the
difference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from linerisk.model.calibration import Calibration
from linerisk.model.calibration_fit import fit_beta, fit_spline

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

FOLDS = 5
LEAST_FOR_A_CHOICE = 50
"""With fewer rows of the rarer kind nothing is compared: a fold would be fitted on fewer than forty."""


@dataclass(frozen=True, slots=True)
class CalibrationChoice:
    """The choice and its reason.

    Attributes:
        calibration: Fitted on the whole slice.
        beta_log_loss: Cross-fitted mean log loss of beta, nats; None if there were too few rows.
        spline_log_loss: The spline's, on the same rows.
        gain: Mean of beta's less the spline's.
        gain_se: Standard error of that mean over rows.
    """

    calibration: Calibration
    beta_log_loss: float | None = None
    spline_log_loss: float | None = None
    gain: float | None = None
    gain_se: float | None = None

    def describe(self) -> dict[str, Any]:
        """The choice as plain values, for the record."""
        return {
            "chosen": self.calibration.kind,
            "said": self.summary(),
            "beta_log_loss": self.beta_log_loss,
            "spline_log_loss": self.spline_log_loss,
            "gain": self.gain,
            "gain_se": self.gain_se,
            "rule": f"{FOLDS}-fold log loss within the calibration slice; the spline if better by more than one "
            f"standard error, beta otherwise and below {LEAST_FOR_A_CHOICE} rows of either kind",
        }

    def summary(self) -> str:
        """The choice in one line."""
        if self.gain is None or self.gain_se is None:
            return f"{self.calibration.kind}: too few rows to compare"
        return (
            f"{self.calibration.kind}: log loss of beta less that of the spline {self.gain:+.2e} ± {self.gain_se:.1e}, "
            f"{FOLDS} folds within the calibration slice"
        )


def choose_calibration(margin: Floats, fraud: Flags) -> CalibrationChoice:
    """Choose between beta and the monotone spline, and fit the chosen one on all rows.

    Args:
        margin: Shape (n,), of rows that neither fitted the trees nor stopped them.
        fraud: Shape (n,).

    Raises:
        EvidenceError: Fewer than ten rows of either kind.
    """
    if min(int(fraud.sum()), int((~fraud).sum())) < LEAST_FOR_A_CHOICE:
        return CalibrationChoice(fit_beta(margin, fraud))
    beta, spline = np.empty(len(fraud)), np.empty(len(fraud))
    fold = folds(margin, fraud)
    for number in range(FOLDS):
        held = fold == number
        for fit, losses in ((fit_beta, beta), (fit_spline, spline)):
            losses[held] = row_losses(fit(margin[~held], fraud[~held]).log_odds(margin[held]), fraud[held])
    gain = beta - spline
    mean, error = float(gain.mean()), float(gain.std(ddof=1) / np.sqrt(len(gain)))
    fit = fit_spline if mean > error else fit_beta
    return CalibrationChoice(fit(margin, fraud), float(beta.mean()), float(spline.mean()), mean, error)


def folds(margin: Floats, fraud: Flags) -> npt.NDArray[np.int64]:
    """Fold of each row, shape (n,), assigned by rank within its kind, so that every fold covers the scale."""
    fold = np.empty(len(fraud), dtype=np.int64)
    for kind in (fraud, ~fraud):
        rows = np.flatnonzero(kind)
        fold[rows[np.argsort(margin[rows], kind="stable")]] = np.arange(len(rows)) % FOLDS
    return fold


def row_losses(log_odds: Floats, fraud: Flags) -> Floats:
    """Log loss of each row, nats, shape (n,)."""
    out: Floats = np.logaddexp(0.0, np.where(fraud, -log_odds, log_odds))
    return out
