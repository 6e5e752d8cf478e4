"""Cut points keep their promise, tiers never cross, and too little evidence is said, not guessed."""

import numpy as np
import pytest
from scipy.stats import binom

from linerisk.errors import EvidenceError
from linerisk.model.tiers import (
    TierPromise,
    clopper_pearson,
    cut_points,
    lines_needed,
    order_statistic,
    tier_index,
    widened,
)


@pytest.mark.parametrize(("alpha", "needed"), [(1e-3, 2_995), (1e-4, 29_956)])
def test_lines_needed_to_prove_a_share(alpha: float, needed: int) -> None:
    assert lines_needed(alpha, 0.05) == needed
    with pytest.raises(EvidenceError, match=str(needed)):
        order_statistic(needed - 1, alpha, 0.05)


@pytest.mark.parametrize(("n", "alpha"), [(2_995, 1e-3), (10_000, 1e-3), (30_000, 1e-4), (700, 0.05)])
def test_rank_is_the_smallest_that_keeps_the_bound(n: int, alpha: float) -> None:
    rank = order_statistic(n, alpha, 0.05)
    assert binom.sf(rank - 1, n, 1 - alpha) <= 0.05 < binom.sf(rank - 2, n, 1 - alpha)


def test_ladder_is_widened_openly_when_lines_are_few() -> None:
    low, middle, high = widened(TierPromise(), 10_000)
    assert high == pytest.approx(3e-4, rel=0.01)
    assert middle == pytest.approx(3 * high)
    assert low == pytest.approx(9 * high)


def test_ladder_is_as_wished_when_lines_suffice() -> None:
    assert widened(TierPromise(), 300_000) == (1e-3, 1e-4, 1e-5)


def test_cut_points_rise_and_say_what_is_missing() -> None:
    cuts = cut_points(np.random.default_rng(0).normal(size=5_000), TierPromise())
    assert cuts[0].margin < cuts[1].margin < cuts[2].margin
    assert cuts[2].missing == lines_needed(1e-5, 0.05) - 5_000


def test_ties_never_collapse_tiers() -> None:
    cuts = cut_points(np.zeros(5_000), TierPromise())
    assert cuts[0].margin < cuts[1].margin < cuts[2].margin
    assert tier_index(np.array([0.0]), cuts).tolist() == [0]


def test_violation_rate_of_the_bound_is_at_most_delta() -> None:
    rng = np.random.default_rng(1)
    violated = 0
    for _ in range(400):
        scores = rng.random(3_000)
        cuts = cut_points(scores, TierPromise(alpha=(2e-2, 5e-3, 1e-3)))
        violated += 1 - cuts[0].margin > 2e-2
    low, _ = clopper_pearson(violated, 400)
    assert low <= 0.05


def test_tiers_cover_all_margins_in_order() -> None:
    cuts = cut_points(np.arange(5_000.0), TierPromise())
    margins = np.array([-np.inf, *[cut.margin for cut in cuts], np.inf])
    assert tier_index(margins, cuts).tolist() == [0, 1, 2, 3, 3]
