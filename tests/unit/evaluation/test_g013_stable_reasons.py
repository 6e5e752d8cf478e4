"""G013: refits on other lines name the same families as reasons."""

from dataclasses import replace
from typing import Any

import numpy as np

from linerisk.evaluation.evaluate import Evaluation
from linerisk.evaluation.gates.run import Outcome
from linerisk.evaluation.stability import REFITS, reason_stability
from linerisk.model.risk_model import FeatureColumn, RiskModel
from linerisk.training.examples import Examples, Slices


def test_g013_passes_where_features_cause_fraud(bench: Any, evaluation: Evaluation) -> None:
    assert bench.answer("G013", evaluation).outcome is Outcome.PASSED
    assert evaluation.stability is not None
    assert evaluation.stability.refits == REFITS
    assert evaluation.stability.first > 0.6


def test_g013_fails_on_a_model_of_noise(bench: Any, slices: Slices) -> None:
    """Eight families of noise and random labels, so reasons are random."""
    rng = np.random.default_rng(3)
    columns = tuple(FeatureColumn(f"noise_{number}", f"family_{number}") for number in range(8))

    def noise(part: Examples, lines: int) -> Examples:
        return replace(
            part.take(np.arange(len(part)) < lines),
            columns=columns,
            rows=rng.normal(size=(lines, 8)).astype(np.float32),
            fraud=rng.random(lines) < 0.1,
        )

    random_slices = replace(
        slices,
        train=noise(slices.train, 600),
        calibration=noise(slices.calibration, 3_000),
        test=noise(slices.test, 600),
    )
    answer = bench.answer("G013", bench.measure(bench.fit(random_slices), random_slices))
    assert answer.outcome is Outcome.FAILED


def test_g013_does_not_apply_where_all_columns_are_of_one_family(bench: Any, slices: Slices) -> None:
    columns = tuple(FeatureColumn(f"c{number}", "other") for number in range(len(bench.names)))
    plain = Slices(*(replace(p, columns=columns) for p in (slices.train, slices.calibration, slices.test)), how="plain")
    assert bench.answer("G013", bench.measure(bench.fit(plain), plain)).outcome is Outcome.NOT_APPLICABLE


def test_reason_stability_is_deterministic_for_a_seed(bench: Any, model: RiskModel, slices: Slices) -> None:
    first, second = (reason_stability(model, slices, bench.recipe) for _ in range(2))
    assert first == second
