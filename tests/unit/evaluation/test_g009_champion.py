"""G009: a challenger provably worse than the champion on the same lines is not promoted."""

from dataclasses import replace
from typing import Any

import numpy as np

from linerisk.evaluation.evaluate import Evaluation, evaluate
from linerisk.evaluation.gates.run import Outcome, passed, run_gates
from linerisk.model.risk_model import FeatureColumn, RiskModel
from linerisk.training.examples import Slices
from linerisk.training.fit import Recipe


def test_g009_does_not_apply_before_there_is_a_champion(bench: Any, evaluation: Evaluation) -> None:
    answer = bench.answer("G009", evaluation)
    assert (answer.outcome, answer.finding) == (Outcome.NOT_APPLICABLE, "there is no champion yet")


def test_g009_passes_on_a_challenger_as_good_as_the_champion(bench: Any, model: RiskModel, slices: Slices) -> None:
    champion = replace(bench.fit(slices, replace(bench.recipe, seed=2)), version="1")
    answer = bench.answer("G009", bench.measure(model, slices, champion=champion))
    assert answer.outcome is Outcome.PASSED
    assert answer.finding.endswith("against version 1")


def test_g009_passes_on_a_better_challenger(bench: Any, model: RiskModel, slices: Slices) -> None:
    champion = bench.fit(slices, Recipe(trees=1))
    assert bench.answer("G009", bench.measure(model, slices, champion=champion)).outcome is Outcome.PASSED


def test_g009_fails_on_a_crippled_challenger_against_a_champion_of_ten_times_the_lines(
    bench: Any, slices: Slices
) -> None:
    champion = bench.fit(replace(slices, train=bench.plant(40_000, 9)))
    crippled = bench.fit(replace(slices, train=slices.train.take(np.arange(4_000) < 1_000)), Recipe(trees=2, leaves=2))
    answer = bench.answer("G009", bench.measure(crippled, slices, champion=champion))
    assert answer.outcome is Outcome.FAILED


def test_g009_fails_closed_on_a_champion_whose_columns_are_missing(
    bench: Any, model: RiskModel, slices: Slices
) -> None:
    columns = (FeatureColumn("once_known", "activity"), *model.columns[1:])
    found = bench.measure(model, slices, champion=replace(model, columns=columns))
    answer = bench.answer("G009", found)
    assert answer.outcome is Outcome.FAILED
    assert "once_known" in answer.finding


def test_g009_fails_closed_on_a_champion_that_cannot_be_loaded(bench: Any, model: RiskModel, slices: Slices) -> None:
    found = evaluate(
        model, slices, capacity=50, shuffled_average_precision=0.08, champion_problem="the champion is damaged"
    )
    assert bench.answer("G009", found).outcome is Outcome.FAILED
    assert not passed(run_gates(found))
