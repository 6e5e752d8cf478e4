"""G010: a model raises no more lines than people can handle."""

from dataclasses import replace
from typing import Any

import numpy as np

from linerisk.evaluation.evaluate import Evaluation
from linerisk.evaluation.gates.run import Outcome
from linerisk.model.risk_model import RiskModel
from linerisk.model.tiers import Tier
from linerisk.training.examples import Slices


def test_g010_passes_and_reports_the_shares(bench: Any, evaluation: Evaluation) -> None:
    answer = bench.answer("G010", evaluation)
    assert answer.outcome is Outcome.PASSED
    assert answer.finding.startswith("medium_high ")
    assert "limit 6.00%" in answer.finding


def test_budget_shares_count_fraud_and_legitimate(evaluation: Evaluation, model: RiskModel, slices: Slices) -> None:
    tier = model.tier(model.margin(slices.test.rows))
    assert evaluation.budget is not None
    assert [row.lines for row in evaluation.budget] == [(tier >= 2).sum(), (tier >= 3).sum()]
    assert evaluation.budget[0].share.value == (tier >= 2).mean()


def test_g010_fails_on_a_model_that_raises_every_tenth_line(bench: Any, model: RiskModel, slices: Slices) -> None:
    tenth = float(np.quantile(model.margin(slices.test.rows), 0.9))
    eager = replace(model, cuts=tuple(replace(cut, margin=min(cut.margin, tenth)) for cut in model.cuts))
    answer = bench.answer("G010", bench.measure(eager, slices))
    assert answer.outcome is Outcome.FAILED
    assert "extremely_high 10.00%, limit 4.00%" in answer.finding


def test_g010_fails_where_no_share_is_set_for_a_tier(bench: Any, model: RiskModel, slices: Slices) -> None:
    for budget in (None, {}, {Tier.MEDIUM_HIGH: 0.06}):
        assert bench.answer("G010", bench.measure(model, slices, budget=budget)).outcome is Outcome.FAILED


def test_g010_does_not_apply_to_a_table_without_time(bench: Any, model: RiskModel, slices: Slices) -> None:
    table = replace(slices, test=replace(slices.test, as_of=None))
    assert bench.answer("G010", bench.measure(model, table)).outcome is Outcome.NOT_APPLICABLE
