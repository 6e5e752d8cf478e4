"""G004: proven bounds on legitimate lines hold. G005: higher tiers hold more fraud."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from linerisk.evaluation.evaluate import Evaluation
from linerisk.evaluation.gates.run import Outcome
from linerisk.evaluation.metrics import tier_rows
from linerisk.model.cut_points import cut_points
from linerisk.model.risk_model import RiskModel
from linerisk.training.examples import Slices
from linerisk.training.fit import Recipe


def test_g004_passes_on_cut_points_from_exchangeable_lines(bench: Any, evaluation: Evaluation) -> None:
    assert bench.answer("G004", evaluation).outcome is Outcome.PASSED


def test_g004_fails_on_cut_points_from_shifted_margins(bench: Any, model: RiskModel, slices: Slices) -> None:
    legitimate = slices.calibration.rows[~slices.calibration.fraud]
    shifted = replace(model, cuts=cut_points(model.margin(legitimate) - 1.5, bench.promise))
    answer = bench.answer("G004", bench.measure(shifted, slices))
    assert answer.outcome is Outcome.FAILED


def test_g004_fails_on_cut_points_from_training_rows(bench: Any, slices: Slices) -> None:
    eager = Recipe(trees=200, learning_rate=0.3, least_rows_in_leaf=5, least_hessian_in_leaf=1e-3)
    memorised = replace(slices, calibration=slices.train)
    assert bench.answer("G004", bench.measure(bench.fit(memorised, eager), slices)).outcome is Outcome.FAILED


@pytest.mark.parametrize("tier", [1, 2, 3])
@pytest.mark.parametrize("figure", ["legitimate_at_or_above", "proven"])
def test_g004_fails_where_a_tier_was_not_measured(bench: Any, evaluation: Evaluation, tier: int, figure: str) -> None:
    rows = list(evaluation.tiers)
    rows[tier] = replace(rows[tier], **{figure: None})
    answer = bench.answer("G004", replace(evaluation, tiers=tuple(rows)))
    assert (answer.outcome, answer.finding) == (Outcome.FAILED, f"{rows[tier].tier}: not measured")


@pytest.mark.parametrize("tier", [0, 1, 2, 3])
def test_g004_fails_where_a_tier_is_missing(bench: Any, evaluation: Evaluation, tier: int) -> None:
    rows = tuple(row for index, row in enumerate(evaluation.tiers) if index != tier)
    assert bench.answer("G004", replace(evaluation, tiers=rows)).outcome is Outcome.FAILED


def test_g005_passes_where_raised_tiers_hold_more_fraud(bench: Any, evaluation: Evaluation) -> None:
    assert bench.answer("G005", evaluation).outcome is Outcome.PASSED


def test_g005_fails_on_a_model_that_is_upside_down(bench: Any, slices: Slices) -> None:
    train = replace(slices.train, fraud=~slices.train.fraud)
    inverted = bench.fit(replace(slices, train=train))
    answer = bench.answer("G005", bench.measure(inverted, slices))
    assert answer.outcome is Outcome.FAILED


def test_g005_fails_where_no_line_reaches_a_raised_tier(bench: Any, model: RiskModel, slices: Slices) -> None:
    unreachable = tuple(replace(cut, margin=cut.margin + 100) for cut in model.cuts)
    answer = bench.answer("G005", bench.measure(replace(model, cuts=unreachable), slices))
    assert (answer.outcome, answer.finding) == (Outcome.FAILED, "no test line in a raised tier")


@pytest.mark.parametrize(
    ("frauds_of_100", "outcome"),
    [
        ((5, 20, 50, 90), Outcome.PASSED),
        ((5, 50, 40, 60), Outcome.PASSED),  # not provably less
        ((5, 80, 20, 90), Outcome.FAILED),
        ((5, 50, 60, 10), Outcome.FAILED),
        ((60, 20, 90, 95), Outcome.FAILED),  # normal lines hold more than the tier above
        ((20, 20, 20, 20), Outcome.FAILED),  # tiers that say nothing
    ],
)
def test_g005_fails_where_a_tier_has_a_provably_lower_fraud_rate_than_the_one_below(
    bench: Any, evaluation: Evaluation, model: RiskModel, frauds_of_100: tuple[int, ...], outcome: Outcome
) -> None:
    tier = np.repeat(np.arange(4, dtype=np.int8), 100)
    fraud = np.concatenate([np.arange(100) < n for n in frauds_of_100])
    rows = tier_rows(tier, fraud, model.cuts)
    found = replace(evaluation, tiers=rows, lines=400, fraud=int(fraud.sum()))
    assert bench.answer("G005", found).outcome is outcome
