"""Cut points with a proven bound on legitimate lines, and exact intervals.

The bound of a tier: at most a share `alpha` of legitimate lines is at or above it, at confidence 1 - delta, for lines
exchangeable with those that the cut point was taken from.

References:
    Tong, Feng, Li (2018), "Neyman-Pearson classification algorithms and NP receiver operating characteristics",
    Science Advances 4(2), Proposition 1: the smallest k with P(Binomial(n, 1 - alpha) >= k) <= delta makes the k-th
    smallest score of n legitimate lines a threshold that violates alpha with probability at most delta.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.stats import beta, binom

from linerisk.errors import EvidenceError
from linerisk.model.tiers import RAISED, CutPoint, TierPromise

Floats = npt.NDArray[np.float64]


def lines_needed(alpha: float, delta: float) -> int:
    """The least number of legitimate lines that can prove a bound `alpha`.

    >>> lines_needed(1e-3, 0.05)
    2995
    """
    return math.ceil(math.log(delta) / math.log1p(-alpha))


def strictest_provable(lines: int, delta: float) -> float:
    """The smallest share that `lines` legitimate lines can prove.

    >>> round(strictest_provable(2995, 0.05), 6)
    0.001
    """
    return -math.expm1(math.log(delta) / lines)


def order_statistic(lines: int, alpha: float, delta: float) -> int:
    """The rank k (1 = smallest) whose score bounds the share above it by `alpha`, at confidence 1 - delta.

    Raises:
        EvidenceError: Fewer lines than `lines_needed`.
    """
    needed = lines_needed(alpha, delta)
    if lines < needed:
        raise EvidenceError(
            f"a share of {alpha:g} cannot be proven",
            expected=f"at least {needed} legitimate lines at confidence {1 - delta:g}",
            found=f"{lines}",
            todo="calibrate on more lines, or promise less",
        )
    ranks = np.arange(max(1, int(lines * (1 - 2 * alpha)) - 50), lines + 1)
    return int(ranks[np.argmax(binom.sf(ranks - 1, lines, 1 - alpha) <= delta)])


def widened(promise: TierPromise, lines: int) -> tuple[float, float, float]:
    """The bounds that `lines` legitimate lines can prove, lowest tier first.

    Where the wish cannot be proven, the highest tier takes the strictest provable share and the tiers below keep at
    least `min_ratio` to the tier above, so that tiers never collapse into one.
    """
    low, middle, high = promise.alpha
    high = max(high, strictest_provable(lines, promise.delta))
    middle = max(middle, high * promise.min_ratio)
    low = max(low, middle * promise.min_ratio)
    return low, middle, high


def cut_points(margins: Floats, promise: TierPromise) -> tuple[CutPoint, ...]:
    """Cut points of the three raised tiers from margins of legitimate lines.

    Args:
        margins: Shape (n,). One per line (not per row of a line seen twice), legitimate lines only, never used to fit
            trees. They may have fitted the calibrator, because ranks survive a strictly increasing map.
        promise: What is wished for.

    Returns:
        Three cut points, lowest tier first, with strictly rising margins.

    Raises:
        EvidenceError: Too few lines to tell three tiers apart.
    """
    ordered = np.sort(margins)
    n = len(ordered)
    least = lines_needed(1 / (2 * promise.min_ratio**2), promise.delta)
    if n < least:
        raise EvidenceError(
            "three tiers cannot be told apart",
            expected=f"at least {least} legitimate lines",
            found=str(n),
            todo="calibrate on more lines",
        )
    cuts: list[CutPoint] = []
    floor = -math.inf
    for tier, wished, share in zip(RAISED, promise.alpha, widened(promise, n), strict=True):
        rank = order_statistic(n, min(share * (1 + 1e-12), 1 - 1e-12), promise.delta)
        # At or above a tier means strictly above the order statistic.
        margin = max(math.nextafter(float(ordered[rank - 1]), math.inf), math.nextafter(floor, math.inf))
        floor = margin
        cuts.append(
            CutPoint(
                tier=tier,
                margin=margin,
                wished=wished,
                proven=share,
                legitimate=n,
                legitimate_above=int(np.sum(ordered >= margin)),
                missing=max(0, lines_needed(wished, promise.delta) - n),
            )
        )
    return tuple(cuts)


def clopper_pearson(hits: int, rows: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """Exact interval of a share.

    References:
        Clopper and Pearson (1934), Biometrika 26(4).

    >>> tuple(round(x, 4) for x in clopper_pearson(0, 100))
    (0.0, 0.0362)
    """
    tail = (1 - confidence) / 2
    low = 0.0 if hits == 0 else float(beta.ppf(tail, hits, rows - hits + 1))
    high = 1.0 if hits == rows else float(beta.ppf(1 - tail, hits + 1, rows - hits))
    return low, high
