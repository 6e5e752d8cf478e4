"""Corrects a model from the prevalence it was fitted under to that of operation.

If fraud and legitimate use look the same under both and only their shares differ, the odds of every line change by one
factor: calibrated log-odds move by a constant, and ranks, cut points and contributions stay.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from linerisk.errors import InputError
from linerisk.model.calibration import logit, prevalence_shift, sigmoid
from linerisk.model.risk_model import RiskModel, ScoreBand
from linerisk.training.examples import Examples


def check_prevalence(prevalence: float) -> float:
    """Check that a prevalence is a share above 0 and below 1.

    Raises:
        InputError: It is not strictly between 0 and 1.
    """
    if not 0 < prevalence < 1:
        raise InputError(
            "this is not a prevalence",
            expected="a share between 0 and 1, such as 0.005 for one line in two hundred",
            found=f"{prevalence:g}",
            todo="give the share of lines in operation that are fraud, or leave out --prevalence",
            field="prevalence",
        )
    return prevalence


def at_prevalence(model: RiskModel, *, fitted: float, operation: float) -> RiskModel:
    """The model for another prevalence: probabilities and score bands change, margins and cut points do not.

    Args:
        model: Calibrated where fraud is a share `fitted` of lines.
        fitted: Prevalence of its calibration slice.
        operation: Prevalence that it will meet.
    """
    shift = prevalence_shift(fitted=fitted, operation=operation)
    return replace(
        model,
        calibration=model.calibration.shifted(shift),
        bands=tuple(_moved(band, shift) for band in model.bands),
        facts={**model.facts, "prevalence": {"fitted": fitted, "operation": operation, "log_odds_shift": shift}},
    )


def _moved(band: ScoreBand, shift: float) -> ScoreBand:
    """The band with its interval at the other prevalence; its counts stay."""
    low, high = (
        end if end in {0.0, 1.0} else float(sigmoid(np.array(logit(end) + shift))) for end in (band.low, band.high)
    )
    return replace(band, low=low, high=high)


def thinned(examples: Examples, prevalence: float, *, seed: int) -> Examples:
    """Rows sampled to another prevalence: the kind in excess is thinned at random.

    Args:
        examples: Rows of both kinds.
        prevalence: Requested share of fraud.
        seed: Seed of the drawing.
    """
    fraud, legitimate = np.flatnonzero(examples.fraud), np.flatnonzero(~examples.fraud)
    odds = prevalence / (1 - prevalence)
    rng = np.random.default_rng(seed)
    if len(fraud) > odds * len(legitimate):
        fraud = rng.choice(fraud, round(odds * len(legitimate)), replace=False)
    else:
        legitimate = rng.choice(legitimate, round(len(fraud) / odds), replace=False)
    kept = np.zeros(len(examples), dtype=np.bool_)
    kept[fraud] = kept[legitimate] = True
    return examples.take(kept)
