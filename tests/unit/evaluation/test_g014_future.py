"""G014: a column that knows the future is caught, in each of the ways in which one can know it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from linerisk.evaluation.evaluate import Evaluation
from linerisk.evaluation.gates.gates import Outcome
from linerisk.evaluation.leakage import columns_alone
from linerisk.model.risk_model import FeatureColumn
from linerisk.training.examples import Examples, Slices

Make = Callable[[Examples, np.random.Generator], np.ndarray[Any, Any]]


def planted(slices: Slices, train: Make, later: Make) -> Slices:
    """Add a column `from_the_future`, made by one rule for training and by another for later slices."""
    rng = np.random.default_rng(4)
    column = FeatureColumn("from_the_future", "activity")

    def added(part: Examples, make: Make) -> Examples:
        rows = np.column_stack([part.rows, make(part, rng)]).astype(np.float32)
        return replace(part, columns=(*part.columns, column), rows=rows)

    return replace(
        slices,
        train=added(slices.train, train),
        calibration=added(slices.calibration, later),
        test=added(slices.test, later),
    )


def outcome(part: Examples, rng: np.random.Generator) -> np.ndarray[Any, Any]:
    """What was established in the end, with a little noise: calls that stopped because the line was cut off."""
    return part.fraud + rng.normal(0, 0.1, len(part))


def some_outcomes(part: Examples, rng: np.random.Generator) -> np.ndarray[Any, Any]:
    """Filled for two frauds in three, as a later suspension would be, and for nobody else."""
    return np.where(part.fraud & (rng.random(len(part)) < 0.67), 1.0, np.nan)


def noise(part: Examples, rng: np.random.Generator) -> np.ndarray[Any, Any]:
    return rng.normal(size=len(part))


def weakly(part: Examples, rng: np.random.Generator) -> np.ndarray[Any, Any]:
    """An honest column: frauds have more of it."""
    return part.fraud + rng.normal(0, 1.0, len(part))


def test_g014_passes_on_columns_that_know_the_past_only(bench: Any, evaluation: Evaluation) -> None:
    answer = bench.answer("G014", evaluation)
    assert answer.outcome is Outcome.PASSED
    assert answer.finding.startswith("the best alone: ")


@pytest.mark.parametrize(
    ("train", "later", "said"),
    [
        (outcome, outcome, "from_the_future: AUC "),
        (some_outcomes, some_outcomes, "from_the_future: finds "),
        (outcome, noise, "in training"),
    ],
    ids=["it is the outcome", "it is there only after a suspension", "it is made of the training labels"],
)
def test_g014_fails_on_a_planted_leak(bench: Any, slices: Slices, train: Make, later: Make, said: str) -> None:
    leaking = planted(slices, train, later)
    answer = bench.answer("G014", bench.measure(bench.fit(leaking), leaking))
    assert answer.outcome is Outcome.FAILED
    assert said in answer.finding


def test_g014_lets_a_good_honest_column_pass(bench: Any, slices: Slices) -> None:
    honest = planted(slices, weakly, weakly)
    assert bench.answer("G014", bench.measure(bench.fit(honest), honest)).outcome is Outcome.PASSED


def test_a_column_alone_ranks_as_scikit_learn_says(slices: Slices) -> None:
    alone = {seen.column: seen for seen in columns_alone(slices)}
    calls = slices.test.column("out_calls_count_7d")
    assert alone["out_calls_count_7d"].auc.value == pytest.approx(roc_auc_score(slices.test.fraud, calls))
    tenure = slices.test.column("tenure_days")
    assert alone["tenure_days"].auc.value == pytest.approx(roc_auc_score(slices.test.fraud, -tenure))


def test_the_interval_holds_the_true_value_nineteen_times_in_twenty() -> None:
    """Normal values a standard deviation apart: the true AUC is Phi(1 / sqrt(2))."""
    rng, held = np.random.default_rng(0), []
    for _ in range(300):
        fraud = np.arange(500) < 60
        part = Examples((FeatureColumn("x", "other"),), (fraud + rng.normal(size=500))[:, None], fraud, np.arange(500))
        (seen,) = columns_alone(Slices(part, part, part, "drawn"))
        held.append(seen.auc.low <= 0.76025 <= seen.auc.high)
    assert 0.91 <= np.mean(held) <= 0.98


def test_without_both_kinds_of_lines_nothing_is_measured(slices: Slices) -> None:
    one_sided = replace(slices, test=slices.test.take(~slices.test.fraud))
    assert columns_alone(one_sided) == ()
