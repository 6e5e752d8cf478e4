"""G001: enough test lines. G002: fraud ranks above legitimate lines."""

from dataclasses import replace
from typing import Any

import numpy as np

from linerisk.evaluation.evaluate import Evaluation
from linerisk.evaluation.gates.run import Outcome
from linerisk.model.risk_model import RiskModel
from linerisk.training.examples import Slices


def test_g001_passes_on_enough_lines(bench: Any, evaluation: Evaluation) -> None:
    answer = bench.answer("G001", evaluation)
    assert (answer.outcome, answer.finding) == (Outcome.PASSED, "337 fraud, 5,663 legitimate")


def test_g001_fails_on_too_few_frauds(bench: Any, model: RiskModel, slices: Slices) -> None:
    twenty = np.flatnonzero(slices.test.fraud)[:20]
    chosen = ~slices.test.fraud
    chosen[twenty] = True
    answer = bench.answer("G001", bench.measure(model, replace(slices, test=slices.test.take(chosen))))
    assert (answer.outcome, answer.finding) == (Outcome.FAILED, "20 fraud, 5,663 legitimate")


def test_g001_fails_on_too_few_legitimate_lines(bench: Any, model: RiskModel, slices: Slices) -> None:
    chosen = slices.test.fraud | (np.arange(len(slices.test)) < 300)
    answer = bench.answer("G001", bench.measure(model, replace(slices, test=slices.test.take(chosen))))
    assert answer.outcome is Outcome.FAILED


def test_g002_passes_on_a_model_that_ranks(bench: Any, evaluation: Evaluation) -> None:
    assert bench.answer("G002", evaluation).outcome is Outcome.PASSED


def test_g002_fails_on_a_model_of_shuffled_labels(bench: Any, slices: Slices) -> None:
    fraud = np.random.default_rng(0).permutation(slices.train.fraud)
    clueless = bench.fit(replace(slices, train=replace(slices.train, fraud=fraud)))
    assert bench.answer("G002", bench.measure(clueless, slices)).outcome is Outcome.FAILED


def test_g002_fails_where_only_the_value_and_not_the_lower_bound_reaches_the_limit(
    bench: Any, model: RiskModel, slices: Slices
) -> None:
    few = replace(slices, test=slices.test.take(np.arange(len(slices.test)) < 220))
    found = bench.measure(model, few)
    least = found.prevalence + 0.2 * (1 - found.prevalence)
    assert found.average_precision.low < least < found.average_precision.value
    assert bench.answer("G002", found).outcome is Outcome.FAILED
