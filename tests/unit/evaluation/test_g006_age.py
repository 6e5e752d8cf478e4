"""G006: all else equal, an older line never gets a higher tier."""

from dataclasses import replace
from typing import Any

import lightgbm as lgb
import numpy as np

from linerisk.evaluation.evaluate import Evaluation
from linerisk.evaluation.gates.run import Outcome
from linerisk.training.examples import Slices


def unconstrained(bench: Any, slices: Slices) -> lgb.Booster:
    """Trees without monotone constraints on age."""
    return lgb.train(
        {"objective": "binary", "num_leaves": 15, "verbosity": -1, "num_threads": 1, "min_data_in_leaf": 50},
        lgb.Dataset(slices.train.rows, slices.train.fraud.astype(float), feature_name=list(bench.names)),
        40,
    )


def test_g006_passes_on_trees_with_monotone_constraints(bench: Any, evaluation: Evaluation) -> None:
    answer = bench.answer("G006", evaluation)
    assert (answer.outcome, answer.finding) == (Outcome.PASSED, "0 of 6,000 lines rose")


def test_g006_fails_on_unconstrained_trees_where_older_lines_are_riskier(bench: Any) -> None:
    ageing = bench.slices(older_is_riskier=True, only=True)
    found = bench.measure(bench.wrap(unconstrained(bench, ageing), ageing), ageing)
    assert found.tenure_raised > 0
    assert bench.answer("G006", found).outcome is Outcome.FAILED


def test_g006_passes_on_constrained_trees_where_older_lines_are_riskier(bench: Any) -> None:
    ageing = bench.slices(older_is_riskier=True)
    assert bench.answer("G006", bench.measure(bench.fit(ageing), ageing)).outcome is Outcome.PASSED


def test_g006_does_not_apply_without_a_column_of_age(bench: Any, slices: Slices) -> None:
    dropped = np.array(["days" in name for name in bench.names])
    ageless = Slices(*(part.without(dropped) for part in (slices.train, slices.calibration, slices.test)), how="x")
    answer = bench.answer("G006", bench.measure(bench.fit(ageless), ageless))
    assert (answer.outcome, answer.finding) == (Outcome.NOT_APPLICABLE, "the table has no tenure column")


def test_g006_fails_if_a_single_line_rises(bench: Any, evaluation: Evaluation) -> None:
    assert bench.answer("G006", replace(evaluation, tenure_raised=1)).outcome is Outcome.FAILED
