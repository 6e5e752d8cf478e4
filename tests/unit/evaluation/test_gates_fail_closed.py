"""All gates together: a good model passes, a missing figure fails, a missing result prevents promotion."""

from dataclasses import replace
from typing import Any

import pytest

from linerisk.evaluation.evaluate import Evaluation
from linerisk.evaluation.gates.run import GATES, GateLimits, GateResult, Outcome, passed, run_gates
from linerisk.evaluation.metrics import Estimate

NOT_MEASURED = Estimate(float("nan"), float("nan"), float("nan"))


def results_of(evaluation: Evaluation, **outcomes: Outcome) -> tuple[GateResult, ...]:
    """Results of a good model, with some outcomes changed."""
    return tuple(replace(result, outcome=outcomes.get(result.code, result.outcome)) for result in run_gates(evaluation))


def test_gate_codes_are_consecutive_and_sorted() -> None:
    assert [code for code, _, _ in GATES] == [f"G{number:03}" for number in range(1, len(GATES) + 1)]


def test_a_good_model_may_be_promoted(evaluation: Evaluation) -> None:
    results = run_gates(evaluation)
    assert {result.code: str(result.outcome) for result in results} == {
        **{f"G{number:03}": "passed" for number in range(1, 17)},
        "G009": "not applicable",
    }
    assert passed(results)


def test_every_gate_result_has_a_limit_and_a_finding(evaluation: Evaluation) -> None:
    assert all(result.title and result.limit and result.finding for result in run_gates(evaluation))


@pytest.mark.parametrize("code", [code for code, _, _ in GATES])
def test_one_failed_gate_prevents_promotion(evaluation: Evaluation, code: str) -> None:
    assert not passed(results_of(evaluation, **{code: Outcome.FAILED}))


@pytest.mark.parametrize("code", [code for code, _, _ in GATES])
def test_a_missing_gate_result_prevents_promotion(evaluation: Evaluation, code: str) -> None:
    assert not passed(tuple(result for result in run_gates(evaluation) if result.code != code))


def test_no_gate_results_prevent_promotion() -> None:
    assert not passed(())


def test_an_unknown_gate_code_prevents_promotion(evaluation: Evaluation) -> None:
    results = run_gates(evaluation)
    assert not passed((*results, replace(results[0], code="G999")))


def test_a_gate_that_does_not_apply_allows_promotion(evaluation: Evaluation) -> None:
    assert passed(results_of(evaluation, G006=Outcome.NOT_APPLICABLE, G009=Outcome.NOT_APPLICABLE))


@pytest.mark.parametrize(
    ("code", "missing"),
    [
        ("G002", {"average_precision": NOT_MEASURED}),
        ("G003", {"predicted_over_observed": None}),
        ("G003", {"predicted_over_observed": NOT_MEASURED}),
        ("G003", {"log_loss_skill": NOT_MEASURED}),
        ("G003", {"reliability": ()}),
        ("G004", {"tiers": ()}),
        ("G005", {"tiers": ()}),
        ("G006", {"tenure_checked": 0}),
        ("G007", {"shuffled_average_precision": None}),
        ("G007", {"shuffled_average_precision": float("nan")}),
        ("G008", {"leaves": 0}),
        ("G009", {"comparison_problem": "the champion cannot be loaded"}),
        ("G010", {"budget": None}),
        ("G010", {"budget": ()}),
        ("G011", {"archetypes": None}),
        ("G011", {"archetypes": ()}),
        ("G012", {"subgroups": None}),
        ("G012", {"subgroups": ()}),
        ("G013", {"stability": None}),
        ("G014", {"alone": ()}),
        ("G015", {"latency": None}),
        ("G016", {"assessment": None}),
    ],
)
def test_a_missing_figure_fails_the_gate_that_needs_it(
    bench: Any, evaluation: Evaluation, code: str, missing: dict[str, Any]
) -> None:
    assert bench.answer(code, evaluation).outcome is not Outcome.FAILED
    assert bench.answer(code, replace(evaluation, **missing)).outcome is Outcome.FAILED


def test_a_test_slice_without_fraud_fails_the_gates_that_need_it(bench: Any, model: Any, slices: Any) -> None:
    results = run_gates(bench.measure(model, replace(slices, test=slices.test.take(~slices.test.fraud))))
    failed = {result.code for result in results if result.outcome is Outcome.FAILED}
    assert failed >= {"G001", "G002", "G003", "G005"}


def test_limits_can_be_set(evaluation: Evaluation) -> None:
    strict = GateLimits(least_fraud=10_000)
    assert run_gates(evaluation, strict)[0].outcome is Outcome.FAILED
