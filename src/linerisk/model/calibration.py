"""Margin to probability: two calibrations on the raw margin, both strictly increasing, both plain numbers.

With q = sigmoid(margin), the calibrated log-odds of beta calibration are a ln q - b ln(1 - q) + c with a, b > 0. Those
of the monotone spline are a constant plus the integral of a slope that is positive, linear between knots and constant
beyond the outer ones. Ranks survive either, so cut points do too; and either has an exact slope, so contributions can
be carried through it. How they are fitted is in `model.calibration_fit`: serving needs none of it.

References:
    Kull, Silva Filho, Flach (2017), "Beta calibration", AISTATS, equation 4. Ramsay (1988), "Monotone regression
    splines in action", Statistical Science 3(4): the spline's basis is the integral of hat functions, his I-splines of
    order 2.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from linerisk.errors import ArtefactError

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class BetaCalibration:
    """Three coefficients that map a margin to calibrated log-odds.

    Attributes:
        a: Weight of ln q, > 0.
        b: Weight of -ln(1 - q), > 0.
        c: Constant.
    """

    kind: ClassVar[str] = "beta"
    a: float
    b: float
    c: float

    def log_odds(self, margin: Floats) -> Floats:
        """Calibrated log-odds of margins; any shape, strictly increasing."""
        log_q = -np.logaddexp(0.0, -margin)
        minus_log_rest = np.logaddexp(0.0, margin)
        out: Floats = self.a * log_q + self.b * minus_log_rest + self.c
        return out

    def slope(self, margin: Floats) -> Floats:
        """Derivative of the log-odds, a (1 - q) + b q; any shape, positive."""
        return self.a * sigmoid(-margin) + self.b * sigmoid(margin)

    def probability(self, margin: Floats) -> Floats:
        """Calibrated probability of margins; any shape."""
        return sigmoid(self.log_odds(margin))

    def shifted(self, log_odds: float) -> BetaCalibration:
        """The same with every log-odds raised by this much."""
        return replace(self, c=self.c + log_odds)


@dataclass(frozen=True, slots=True)
class SplineCalibration:
    """A positive slope that is linear between knots, and where its integral begins.

    Attributes:
        knots: Margins, strictly increasing, at least two.
        slopes: Slope of the log-odds at each knot, > 0; beyond the outer knots it stays as it is there.
        c: Calibrated log-odds of the first knot.
    """

    kind: ClassVar[str] = "spline"
    knots: tuple[float, ...]
    slopes: tuple[float, ...]
    c: float

    def log_odds(self, margin: Floats) -> Floats:
        """Calibrated log-odds of margins; any shape, strictly increasing."""
        knots, slopes, bends, at_knots = _pieces(self.knots, self.slopes, self.c)
        inside = np.minimum(np.maximum(margin, knots[0]), knots[-1])
        left = np.minimum(knots.searchsorted(inside, side="right") - 1, len(bends) - 1)
        into = inside - knots[left]
        rise = at_knots[left] + into * (slopes[left] + into * bends[left])
        before, beyond = np.minimum(margin - knots[0], 0.0), np.maximum(margin - knots[-1], 0.0)
        out: Floats = rise + (before * slopes[0] + beyond * slopes[-1])
        return out

    def slope(self, margin: Floats) -> Floats:
        """Derivative of the log-odds; any shape, positive."""
        out: Floats = np.interp(margin, self.knots, self.slopes)
        return out

    def probability(self, margin: Floats) -> Floats:
        """Calibrated probability of margins; any shape."""
        return sigmoid(self.log_odds(margin))

    def shifted(self, log_odds: float) -> SplineCalibration:
        """The same with every log-odds raised by this much."""
        return replace(self, c=self.c + log_odds)


Calibration = BetaCalibration | SplineCalibration


def as_plain(calibration: Calibration) -> dict[str, Any]:
    """The calibration as JSON holds it: its kind and its numbers."""
    return {"kind": calibration.kind, **asdict(calibration)}


def from_plain(plain: dict[str, Any]) -> Calibration:
    """Read what `as_plain` wrote; a calibration without a kind is beta (older artefacts).

    Raises:
        ArtefactError: It is of a kind that this version does not know.
    """
    numbers = {key: value for key, value in plain.items() if key != "kind"}
    kind = plain.get("kind", BetaCalibration.kind)
    if kind == BetaCalibration.kind:
        return BetaCalibration(**numbers)
    if kind == SplineCalibration.kind:
        return SplineCalibration(tuple(numbers["knots"]), tuple(numbers["slopes"]), numbers["c"])
    known = f"{BetaCalibration.kind} or {SplineCalibration.kind}"
    raise ArtefactError("the calibration is of another kind", expected=known, found=str(kind))


def sigmoid(log_odds: Floats) -> Floats:
    """Probability of log-odds, without overflow."""
    out: Floats = np.exp(-np.logaddexp(0.0, -log_odds))
    return out


def logit(probability: float) -> float:
    """Log-odds of a probability strictly between 0 and 1."""
    return float(np.log(probability) - np.log1p(-probability))


def prevalence_shift(*, fitted: float, operation: float) -> float:
    """Shift of calibrated log-odds from one prevalence to another, if only the prevalence differs.

    References:
        Elkan (2001), "The foundations of cost-sensitive learning", IJCAI, theorem 2; Saerens, Latinne, Decaestecker
        (2002), "Adjusting the outputs of a classifier to new a priori probabilities", Neural Computation 14(1).

    >>> round(prevalence_shift(fitted=0.5, operation=0.01), 3)
    -4.595
    """
    return logit(operation) - logit(fitted)


@lru_cache(maxsize=32)
def _pieces(knots: tuple[float, ...], slopes: tuple[float, ...], c: float) -> tuple[Floats, Floats, Floats, Floats]:
    """Knots, slopes, half the change of slope per unit between knots, and log-odds at each knot: asked for each row."""
    at, slope = np.array(knots), np.array(slopes)
    width = np.diff(at)
    log_odds = c + np.concatenate([[0.0], np.cumsum(width * (slope[1:] + slope[:-1]) / 2)])
    return at, slope, np.diff(slope) / (2 * width), log_odds
