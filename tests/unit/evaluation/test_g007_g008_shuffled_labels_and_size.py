"""G007: training on shuffled labels finds nothing. G008: the model is small enough for exact reasons."""

from dataclasses import replace
from typing import Any

import numpy as np

from linerisk.evaluation.evaluate import Evaluation, evaluate
from linerisk.evaluation.gates.run import GateLimits, Outcome
from linerisk.evaluation.metrics import average_precision
from linerisk.model.risk_model import RiskModel
from linerisk.training.examples import Slices
from linerisk.training.fit import Recipe, fit_trees, margins


def measured_with(bench: Any, model: RiskModel, slices: Slices, *, shuffle: bool) -> Evaluation:
    """Evaluate with trees fitted on shuffled or, as a planted mistake, unshuffled labels."""
    fraud = slices.train.fraud
    labels = np.random.default_rng(0).permutation(fraud) if shuffle else fraud
    margin = margins(fit_trees(replace(slices.train, fraud=labels), bench.recipe), slices.test)
    found = average_precision(margin, slices.test.fraud)
    return evaluate(model, slices, capacity=50, shuffled_average_precision=found)


def test_g007_passes_where_shuffled_labels_lose(bench: Any, model: RiskModel, slices: Slices) -> None:
    assert bench.answer("G007", measured_with(bench, model, slices, shuffle=True)).outcome is Outcome.PASSED


def test_g007_fails_where_labels_were_not_shuffled(bench: Any, model: RiskModel, slices: Slices) -> None:
    assert bench.answer("G007", measured_with(bench, model, slices, shuffle=False)).outcome is Outcome.FAILED


def test_findings_name_the_measure(bench: Any, evaluation: Evaluation) -> None:
    seen = replace(evaluation, shuffled_average_precision=0.0834, leaves=4_812)
    assert bench.answer("G007", seen).finding == "average precision 0.083"
    assert bench.answer("G008", seen).finding == "4,812 leaves"
    assert bench.answer("G002", seen).finding.startswith("average precision 0.")


def test_g008_passes_on_a_compact_model(bench: Any, evaluation: Evaluation) -> None:
    assert bench.answer("G008", evaluation).outcome is Outcome.PASSED


def test_g008_passes_on_the_largest_model_of_the_default_recipe(bench: Any, evaluation: Evaluation) -> None:
    largest = Recipe().trees * Recipe().leaves
    assert bench.answer("G008", replace(evaluation, leaves=largest)).outcome is Outcome.PASSED


def test_g008_fails_on_one_leaf_too_many(bench: Any, evaluation: Evaluation) -> None:
    most = GateLimits().most_leaves
    assert bench.answer("G008", replace(evaluation, leaves=most)).outcome is Outcome.PASSED
    assert bench.answer("G008", replace(evaluation, leaves=most + 1)).outcome is Outcome.FAILED


def test_g008_fails_on_500_trees_of_63_leaves(bench: Any, slices: Slices) -> None:
    large = Recipe(trees=500, leaves=63, depth=8, least_rows_in_leaf=5, least_hessian_in_leaf=1e-3)
    few = replace(slices, test=slices.test.take(np.arange(len(slices.test)) < 600))
    found = bench.measure(bench.fit(slices, large), few)
    assert found.leaves > 20_000
    assert bench.answer("G008", found).outcome is Outcome.FAILED
