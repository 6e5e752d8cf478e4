"""A synthetic data set with known probabilities of fraud, and one good model fitted on it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pytest

from linerisk.evaluation.archetypes import ArchetypeRows
from linerisk.evaluation.evaluate import Evaluation, evaluate
from linerisk.evaluation.gates.run import GateResult, run_gates
from linerisk.evaluation.release_duties import Latency, read_assessment
from linerisk.evaluation.stability import ReasonStability, reason_stability
from linerisk.features.catalogue import BY_NAME
from linerisk.model.calibration import sigmoid
from linerisk.model.calibration_fit import fit_beta
from linerisk.model.cut_points import cut_points
from linerisk.model.risk_model import FeatureColumn, RiskModel
from linerisk.model.tiers import Tier, TierPromise
from linerisk.records.simulation.archetypes import ARCHETYPES
from linerisk.training.examples import Examples, Slices
from linerisk.training.fit import Recipe, fit_model

POLICIES = Path(__file__).parents[3] / "policies"
NAMES = (
    "tenure_days",
    "number_age_days",
    "out_calls_count_7d",
    "one_shot_callee_share_7d",
    "distinct_devices_count_28d",
)


def plant(lines: int, seed: int, *, older_is_riskier: bool = False, only: bool = False) -> Examples:
    """Lines with known probabilities of fraud, about 5 % in total.

    `older_is_riskier` reverses the effect of age; `only` removes every other cause.
    """
    rng = np.random.default_rng(seed)
    tenure = rng.uniform(0, 3000, lines)
    calls = rng.lognormal(2.5, 1.0, lines)
    one_shot = rng.beta(2, 3, lines)
    devices = 1 + rng.poisson(0.4, lines)
    age = np.log1p(tenure) - 7
    others = 0.0 if only else 1.1 * (np.log(calls) - 2.5) + 5.0 * (one_shot - 0.4) + 0.8 * (devices - 1.4)
    log_odds = -4.2 + (1.5 * age if older_is_riskier else -0.9 * age) + others
    return Examples(
        columns=tuple(FeatureColumn(name, BY_NAME[name].family) for name in NAMES),
        rows=np.column_stack([tenure, tenure, calls, one_shot, devices]).astype(np.float32),
        fraud=rng.random(lines) < sigmoid(log_odds),
        line_key=np.arange(lines) + lines * seed,
    )


class Bench:
    """Helpers of these tests, given by a fixture because a conftest cannot be imported."""

    names = NAMES
    recipe = Recipe(trees=60, leaves=15, depth=5, learning_rate=0.1)
    promise = TierPromise()
    plant = staticmethod(plant)

    def slices(self, *, older_is_riskier: bool = False, only: bool = False) -> Slices:
        train, calibration, test = (
            plant(lines, seed, older_is_riskier=older_is_riskier, only=only)
            for lines, seed in ((4_000, 1), (6_000, 2), (6_000, 3))
        )
        at = np.full(len(test), np.datetime64("2024-06-28", "us"))
        return Slices(train, calibration, replace(test, as_of=at), "planted")

    def groups(self, slices: Slices) -> dict[str, np.ndarray]:
        """A random plan and area for every test line."""
        rng = np.random.default_rng(5)
        return {
            "plan": rng.choice(["prepaid", "postpaid", "enterprise"], len(slices.test), p=[0.6, 0.3, 0.1]),
            "area": rng.choice(["440300", "440100"], len(slices.test)),
        }

    def suite(self, lines_each: int = 120, **changed: float) -> ArchetypeRows:
        """Legitimate planted lines as archetypes; `changed` sets columns of the couriers."""
        people = plant(12_000, 8)
        rows = people.rows[~people.fraud][: lines_each * len(ARCHETYPES)]
        names = np.repeat(list(ARCHETYPES), lines_each)
        for column, value in changed.items():
            rows[names == "courier", NAMES.index(column)] = value
        return ArchetypeRows(NAMES, rows, tuple(names.tolist()))

    def fit(self, slices: Slices, recipe: Recipe | None = None) -> RiskModel:
        return fit_model(slices, name="planted", recipe=recipe or self.recipe, promise=self.promise)

    def wrap(self, booster: lgb.Booster, slices: Slices) -> RiskModel:
        """A model around external trees, with our calibration and cut points."""
        margin, fraud = np.asarray(booster.predict(slices.calibration.rows, raw_score=True)), slices.calibration.fraud
        return replace(
            self.fit(slices, Recipe(trees=1)),
            trees=booster.model_to_string(),
            calibration=fit_beta(margin, fraud),
            cuts=cut_points(margin[~fraud], self.promise),
        )

    def measure(
        self, model: RiskModel, slices: Slices, *, champion: RiskModel | None = None, **changed: Any
    ) -> Evaluation:
        """Evaluate as training does; `changed` replaces arguments of `evaluate`."""
        arguments = {
            "capacity": 50,
            "shuffled_average_precision": 0.08,
            "champion": champion,
            "budget": {Tier.MEDIUM_HIGH: 0.06, Tier.EXTREMELY_HIGH: 0.04},
            "suite": self.suite(),
            "groups": self.groups(slices),
            "stability": self.stability(model, slices),
            "latency": Latency(lines=100, score_us=50, bare_score_us=25, reasons_us=500, bare_reasons_us=300),
            "assessment": read_assessment(POLICIES, "../docs/impact-assessment.md"),
        }
        return evaluate(model, slices, **(arguments | changed))

    def stability(self, model: RiskModel, slices: Slices) -> ReasonStability:
        return reason_stability(model, slices, replace(self.recipe, trees=20))

    def answer(self, code: str, evaluation: Evaluation) -> GateResult:
        """The result of one gate."""
        return next(result for result in run_gates(evaluation) if result.code == code)


@pytest.fixture(scope="session")
def bench() -> Bench:
    return Bench()


@pytest.fixture(scope="session")
def slices(bench: Bench) -> Slices:
    return bench.slices()


@pytest.fixture(scope="session")
def model(bench: Bench, slices: Slices) -> RiskModel:
    return bench.fit(slices)


@pytest.fixture(scope="session")
def evaluation(bench: Bench, model: RiskModel, slices: Slices) -> Evaluation:
    return bench.measure(model, slices)
