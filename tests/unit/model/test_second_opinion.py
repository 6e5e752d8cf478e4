"""MAPIE chooses the cut points that we choose, when it may choose among all scores."""

import numpy as np
import numpy.typing as npt
import pytest
from mapie.risk_control import BinaryClassificationController

from linerisk.model.cut_points import cut_points
from linerisk.model.tiers import RAISED, TierPromise

Floats = npt.NDArray[np.float64]
PROMISE = TierPromise(alpha=(1e-2, 3e-3, 1e-3))
TAIL = 80
"""Candidates: cut points just above each of this many highest scores."""


def chosen_by_mapie(scores: Floats, share: float, *, grid: Floats) -> float:
    """The least threshold of a grid that controls the false positive rate, by fixed sequence testing."""
    controller = BinaryClassificationController(
        predict_function=lambda rows: np.column_stack([1 - rows[:, 0], rows[:, 0]]),
        risk="fpr",
        target_level=share,
        confidence_level=1 - PROMISE.delta,
        best_predict_param_choice="recall",
        list_predict_params=grid,
        fwer_method="fixed_sequence",
    )
    # A few frauds at the top of the scale, because MAPIE wants both kinds; the rate is of legitimate lines alone.
    rows = np.append(scores, np.ones(20))[:, None]
    labels = np.append(np.zeros(len(scores), dtype=int), np.ones(20, dtype=int))
    controller.calibrate(rows, labels)
    return float(np.min(controller.valid_predict_params))


@pytest.mark.parametrize("lines", [3_000, 4_000, 5_555])
@pytest.mark.parametrize("decimals", [16, 3])
def test_mapie_chooses_our_cut_points(lines: int, decimals: int) -> None:
    scores = np.round(np.random.default_rng(lines).beta(1, 8, lines), decimals)
    grid = np.unique(np.nextafter(np.sort(scores)[-TAIL:], np.inf))
    cuts = cut_points(scores, PROMISE)
    assert [cut.tier for cut in cuts] == list(RAISED)
    for cut in cuts:
        assert cut.proven == cut.wished
        assert chosen_by_mapie(scores, cut.proven, grid=grid) == cut.margin


def test_mapie_on_its_own_grid_never_chooses_a_lower_cut_point() -> None:
    scores = np.random.default_rng(6).beta(1, 8, 10_000)
    grid = np.linspace(np.quantile(scores, 0.98), 1, 200)
    for cut in cut_points(scores, PROMISE):
        assert chosen_by_mapie(scores, cut.proven, grid=grid) >= cut.margin


def test_a_cut_point_one_rank_too_low_is_refused_by_mapie() -> None:
    scores = np.sort(np.random.default_rng(7).beta(1, 8, 5_000))
    for cut in cut_points(scores, PROMISE):
        lower = np.nextafter(scores[scores < cut.margin][-2], np.inf)
        grid = np.unique(np.append(np.nextafter(scores[scores >= lower], np.inf), lower))
        assert chosen_by_mapie(scores, cut.proven, grid=grid) > lower
