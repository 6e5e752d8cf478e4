"""What the learning wing owes an operator: an honest judgement, out of time, on lines that the model never saw."""

import itertools
import json
from typing import Any

import pytest

from linerisk.evaluation.gates.run import Outcome
from linerisk.model.tiers import TIERS
from linerisk.workflows.registries import registry_for

pytestmark = pytest.mark.slow


def test_the_model_is_judged_later_and_on_other_lines_than_it_learnt_from(operator: Any) -> None:
    how = operator.trained.evaluation.how
    assert how.startswith("split by time and by line")
    assert how.endswith("no line in two slices")


def test_fraud_is_ranked_well_but_not_perfectly(operator: Any) -> None:
    found = operator.trained.evaluation.average_precision
    assert found.low < 0.85
    assert found.high > 0.5
    assert found.low > 20 * operator.trained.evaluation.prevalence


def test_shuffled_labels_at_least_halve_average_precision(operator: Any) -> None:
    evaluation = operator.trained.evaluation
    assert evaluation.shuffled_average_precision < evaluation.average_precision.low / 2


def test_higher_age_raises_no_tested_line(operator: Any) -> None:
    evaluation = operator.trained.evaluation
    assert (evaluation.tenure_checked, evaluation.tenure_raised) == (evaluation.lines, 0)


def test_every_gate_has_a_result_and_only_the_comparison_does_not_apply(operator: Any) -> None:
    answers = {gate.code: gate.outcome for gate in operator.trained.gates}
    assert answers.pop("G009") is Outcome.NOT_APPLICABLE
    assert set(answers.values()) == {Outcome.PASSED}


def test_every_tier_states_the_requested_and_the_proven_bound(operator: Any) -> None:
    rows = operator.trained.evaluation.tiers
    assert tuple(row.tier for row in rows) == TIERS
    proven = [row.proven for row in rows[1:]]
    assert all(low >= 3 * high * (1 - 1e-9) for low, high in itertools.pairwise(proven))
    assert all(row.proven >= row.wished for row in rows[1:])


def test_the_registered_artefact_records_its_provenance(operator: Any) -> None:
    registry = registry_for(operator.settings)
    version = registry.champion()
    folder = registry.folder(version.version)
    files = {file.name for file in folder.rglob("*") if file.is_file()}
    assert files >= {"trees.txt", "model.json", "checksums.json", "MLmodel"}
    assert not {name for name in files if name.endswith((".pkl", ".pickle", ".joblib"))}
    facts = json.loads((folder / "model.json").read_text())["facts"]
    assert facts["as_of"] == "2024-07-26T00:00:00Z"
    assert len(facts["data"]) == 64
    assert facts["figures"]["average_precision"] == operator.trained.evaluation.average_precision.value
