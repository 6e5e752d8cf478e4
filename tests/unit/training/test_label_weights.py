"""A source that is believed less moves the model less, and the record says how far each was believed."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from linerisk.model.risk_model import FeatureColumn
from linerisk.training.examples import Examples, Slices
from linerisk.training.fit import Recipe, fit_trees, margins
from linerisk.training.label_weights import (
    NO_FINDING,
    WEIGHTS,
    SourceWeight,
    describe_sources,
    row_weights,
    summary_of_sources,
)

FRAUD = np.array([True, True, True, False, False])
SOURCES = np.array(["police", "complaint", "verification_failed", NO_FINDING, "verification_passed"])


def examples(fraud: npt.NDArray[np.bool_], source: npt.NDArray[np.str_] | None) -> Examples:
    rows = np.zeros((len(fraud), 1), dtype=np.float32)
    return Examples((FeatureColumn("a", "other"),), rows, fraud, np.arange(len(fraud)), source=source)


def test_row_weights_follow_the_source_and_have_mean_one() -> None:
    weight = row_weights(examples(FRAUD, SOURCES))
    assert weight is not None
    assert weight / weight[0] == pytest.approx([1.0, 0.6, 0.8, 1.0, 0.8])
    assert weight.mean() == pytest.approx(1.0)


def test_rows_without_a_source_are_not_weighted() -> None:
    assert row_weights(examples(FRAUD, None)) is None
    assert summary_of_sources(examples(FRAUD, None)) == "no sources: every row counts once"


def test_every_weight_is_a_share_and_has_its_reason() -> None:
    for believed in WEIGHTS.values():
        assert all(0 < weight <= 1 for weight in (believed.fraud, believed.legitimate) if weight is not None)
        assert len(believed.noise) > 20


def test_the_record_has_rows_and_weight_of_each_source_that_occurs() -> None:
    found = describe_sources(examples(FRAUD, SOURCES))
    assert list(found) == ["police", "verification_failed", "complaint", "verification_passed", NO_FINDING]
    assert {key: value for key, value in found["complaint"].items() if key != "noise"} == {
        "fraud_rows": 1,
        "legitimate_rows": 0,
        "fraud_weight": 0.6,
        "legitimate_weight": 0.6,
    }
    assert summary_of_sources(examples(FRAUD, SOURCES)).startswith(
        "police fraud 1 x 1; verification_failed fraud 1 x 0.8"
    )


def accused(slices: Slices) -> Examples:
    """The training slice with complaints about honest lines that declare their use: a source that is wrong there."""
    train = slices.train
    declared = train.column("use_declared") > 0
    wrong = declared & ~train.fraud & (np.random.default_rng(0).random(len(train)) < 0.5)
    source = np.where(wrong, "complaint", np.where(train.fraud, "police", NO_FINDING))
    return replace(train, fraud=train.fraud | wrong, source=source)


def raised(slices: Slices, wrong: Examples) -> float:
    """How far wrong complaints raise the margins of honest lines that declare their use."""
    recipe = Recipe(trees=40)
    honest = slices.test.take((slices.test.column("use_declared") > 0) & ~slices.test.fraud)
    before, after = (margins(fit_trees(part, recipe), honest) for part in (slices.train, wrong))
    return float((after - before).mean())


def test_a_lower_weight_of_a_noisy_source_changes_the_model_less(
    slices: Slices, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = accused(slices)
    moved = []
    for believed in (1.0, 0.6, 0.1):
        monkeypatch.setitem(WEIGHTS, "complaint", SourceWeight(believed, believed, "as the test says"))  # type: ignore[arg-type]
        moved.append(raised(slices, wrong))
    assert moved[0] > moved[1] + 0.2 > moved[2] + 0.6
    assert moved[2] > 0


def test_weights_of_one_change_nothing(slices: Slices) -> None:
    certain = replace(slices.train, source=np.where(slices.train.fraud, "police", NO_FINDING))
    recipe = Recipe(trees=5)
    assert fit_trees(certain, recipe).model_to_string() == fit_trees(slices.train, recipe).model_to_string()
