"""Cut points keep their promise, tiers never cross, and missing evidence is reported, not guessed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from linerisk.errors import EvidenceError
from linerisk.model.cut_points import cut_points, lines_needed, order_statistic, widened
from linerisk.model.tiers import TIERS, TierPromise, tier_index


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


def test_the_ladder_is_as_requested_when_lines_suffice() -> None:
    assert widened(TierPromise(), 300_000) == (1e-3, 1e-4, 1e-5)


def test_cut_points_rise_and_count_missing_lines() -> None:
    cuts = cut_points(np.random.default_rng(0).normal(size=5_000), TierPromise())
    assert cuts[0].margin < cuts[1].margin < cuts[2].margin
    assert cuts[2].missing == lines_needed(1e-5, 0.05) - 5_000


def test_ties_never_collapse_tiers() -> None:
    cuts = cut_points(np.zeros(5_000), TierPromise())
    assert cuts[0].margin < cuts[1].margin < cuts[2].margin
    assert tier_index(np.array([0.0]), cuts).tolist() == [0]


@pytest.mark.parametrize("lines", [60, 200, 1_000, 2_995, 8_000, 29_956, 60_000])
def test_no_tier_is_empty_of_the_lines_it_was_cut_from_but_the_highest(lines: int) -> None:
    margins = np.random.default_rng(lines).normal(size=lines)
    cuts = cut_points(margins, TierPromise())
    counts = np.bincount(tier_index(margins, cuts), minlength=len(TIERS))
    assert (counts[:3] > 0).all()
    assert counts[::-1].cumsum()[::-1][1:].tolist() == [cut.legitimate_above for cut in cuts]


@given(st.lists(st.floats(-50, 50).map(lambda x: round(x, 1)), min_size=60, max_size=300))
def test_tiers_are_never_crossed_and_ties_stay_together(margins: list[float]) -> None:
    scores = np.array(margins)
    cuts = cut_points(scores, TierPromise(alpha=(0.3, 0.1, 0.03)))
    assert cuts[0].margin < cuts[1].margin < cuts[2].margin
    # Every raised tier has margins of its own, though with ties there may be no line there.
    assert tier_index(np.array([cut.margin for cut in cuts]), cuts).tolist() == [1, 2, 3]
    for cut in cuts:
        assert cut.legitimate_above == (scores >= cut.margin).sum()
        assert cut.legitimate_above <= len(scores) - order_statistic(len(scores), cut.proven * (1 + 1e-12), 0.05)


@pytest.mark.parametrize(
    ("lines", "missing", "as_wished"),
    [
        (2_994, (1, 26_962, 296_578), (False, False, False)),
        (2_995, (0, 26_961, 296_577), (False, False, False)),
        (29_956, (0, 0, 269_616), (True, False, False)),
        (299_572, (0, 0, 0), (True, True, True)),
    ],
)
def test_every_cut_states_whether_its_bound_is_proven_and_how_many_lines_are_missing(
    lines: int, missing: tuple[int, ...], as_wished: tuple[bool, ...]
) -> None:
    cuts = cut_points(np.random.default_rng(1).random(lines), TierPromise())
    assert tuple(cut.missing for cut in cuts) == missing
    assert tuple(cut.proven == cut.wished for cut in cuts) == as_wished
    assert all(cut.proven >= cut.wished and cut.legitimate == lines for cut in cuts)


def test_tiers_cover_all_margins_in_order() -> None:
    cuts = cut_points(np.arange(5_000.0), TierPromise())
    margins = np.array([-np.inf, *[cut.margin for cut in cuts], np.inf])
    assert tier_index(margins, cuts).tolist() == [0, 1, 2, 3, 3]
