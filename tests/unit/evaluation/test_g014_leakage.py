"""G014: leaking columns are found, whatever their kind of leakage."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from linerisk.evaluation.evaluate import Evaluation
from linerisk.evaluation.gates.run import Outcome
from linerisk.evaluation.leakage import measure_single_columns
from linerisk.model.risk_model import FeatureColumn
from linerisk.training.examples import Examples, Slices

Make = Callable[[Examples, np.random.Generator], np.ndarray[Any, Any]]


def planted(slices: Slices, train: Make, later: Make) -> Slices:
    """Add a column `from_the_future`, computed by one rule for training and another for the later slices."""
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
    """The label with a little noise, such as calls that stop because the line is suspended."""
    return part.fraud + rng.normal(0, 0.1, len(part))


def some_outcomes(part: Examples, rng: np.random.Generator) -> np.ndarray[Any, Any]:
    """Set for two of three fraud lines and missing for all others, as a later suspension would be."""
    return np.where(part.fraud & (rng.random(len(part)) < 0.67), 1.0, np.nan)


def noise(part: Examples, rng: np.random.Generator) -> np.ndarray[Any, Any]:
    return rng.normal(size=len(part))


def weakly(part: Examples, rng: np.random.Generator) -> np.ndarray[Any, Any]:
    """An honest column with higher values for fraud."""
    return part.fraud + rng.normal(0, 1.0, len(part))


def test_g014_passes_on_columns_from_the_past(bench: Any, evaluation: Evaluation) -> None:
    answer = bench.answer("G014", evaluation)
    assert answer.outcome is Outcome.PASSED
    assert answer.finding.startswith("best single column: ")


@pytest.mark.parametrize(
    ("train", "later", "finding"),
    [
        (outcome, outcome, "from_the_future: AUC "),
        (some_outcomes, some_outcomes, "from_the_future: finds "),
        (outcome, noise, "in training"),
    ],
    ids=["the outcome", "set only after a suspension", "computed from the training labels"],
)
def test_g014_fails_on_a_planted_leak(bench: Any, slices: Slices, train: Make, later: Make, finding: str) -> None:
    leaking = planted(slices, train, later)
    answer = bench.answer("G014", bench.measure(bench.fit(leaking), leaking))
    assert answer.outcome is Outcome.FAILED
    assert finding in answer.finding


def test_g014_passes_on_a_strong_honest_column(bench: Any, slices: Slices) -> None:
    honest = planted(slices, weakly, weakly)
    assert bench.answer("G014", bench.measure(bench.fit(honest), honest)).outcome is Outcome.PASSED


def test_the_auc_of_a_single_column_equals_scikit_learn(slices: Slices) -> None:
    columns = {seen.column: seen for seen in measure_single_columns(slices)}
    calls = slices.test.column("out_calls_count_7d")
    assert columns["out_calls_count_7d"].auc.value == pytest.approx(roc_auc_score(slices.test.fraud, calls))
    tenure = slices.test.column("tenure_days")
    assert columns["tenure_days"].auc.value == pytest.approx(roc_auc_score(slices.test.fraud, -tenure))


def test_the_auc_interval_has_about_its_nominal_coverage() -> None:
    """Normal values a standard deviation apart: the true AUC is Phi(1 / sqrt(2))."""
    rng, covered = np.random.default_rng(0), []
    for _ in range(300):
        fraud = np.arange(500) < 60
        part = Examples((FeatureColumn("x", "other"),), (fraud + rng.normal(size=500))[:, None], fraud, np.arange(500))
        (seen,) = measure_single_columns(Slices(part, part, part, "drawn"))
        covered.append(seen.auc.low <= 0.76025 <= seen.auc.high)
    assert 0.91 <= np.mean(covered) <= 0.98


def test_single_columns_are_not_measured_without_both_kinds_of_lines(slices: Slices) -> None:
    one_sided = replace(slices, test=slices.test.take(~slices.test.fraud))
    assert measure_single_columns(one_sided) == ()
