"""A model is the same bytes from the same slices and seed, never riskier with age, and finds what was planted."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from linerisk.errors import EvidenceError
from linerisk.evaluation.metrics import average_precision, log_loss
from linerisk.features.catalogue import BY_NAME
from linerisk.model.calibration_fit import fit_spline
from linerisk.model.cut_points import clopper_pearson
from linerisk.model.risk_model import RiskModel
from linerisk.model.tiers import CutPoint, Tier, TierPromise
from linerisk.training.examples import Slices
from linerisk.training.fit import ONE_THREAD_CELLS, Recipe, fit_model, fit_trees, margins, score_bands

Truth = npt.NDArray[np.float64]

SMALL = Recipe(trees=80, leaves=15, depth=5, learning_rate=0.08)

IN_A_FRESH_PROCESS = """
import sys
from pathlib import Path
import numpy as np
from linerisk.model.risk_model import FeatureColumn
from linerisk.model.tiers import TierPromise
from linerisk.training.examples import Examples, Slices
from linerisk.training.fit import Recipe, fit_model

def part(seed):
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(3_000, 4)).astype(np.float32)
    rows[rng.random(rows.shape) < 0.1] = np.nan
    fraud = rng.random(3_000) < 1 / (1 + np.exp(2 - 2 * np.nan_to_num(rows[:, 0]) - np.nan_to_num(rows[:, 1])))
    columns = tuple(FeatureColumn(f"c{i}", "other") for i in range(4))
    return Examples(columns, rows, fraud, np.arange(3_000))

slices = Slices(part(1), part(2), part(3), "fresh")
model = fit_model(slices, name="fresh", recipe=Recipe(trees=40), promise=TierPromise())
print(model.save(Path(sys.argv[1])))
"""


def fit(slices: Slices, recipe: Recipe = SMALL) -> RiskModel:
    return fit_model(slices, name="planted", recipe=recipe, promise=TierPromise())


@pytest.fixture(scope="module")
def model(slices: Slices) -> RiskModel:
    return fit(slices)


# The same bytes ------------------------------------------------------------------------------------------------------


def test_the_same_slices_and_seed_give_the_same_bytes(slices: Slices, model: RiskModel, tmp_path: Path) -> None:
    assert model.save(tmp_path / "a") == fit(slices).save(tmp_path / "b")
    for name in ("trees.txt", "model.json", "checksums.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_another_seed_gives_other_bytes(slices: Slices, model: RiskModel, tmp_path: Path) -> None:
    assert model.save(tmp_path / "a") != fit(slices, replace(SMALL, seed=2)).save(tmp_path / "b")


def test_fresh_processes_give_the_same_bytes_whatever_their_hash_seed_and_threads(tmp_path: Path) -> None:
    started = [
        subprocess.Popen(
            [sys.executable, "-c", IN_A_FRESH_PROCESS, str(tmp_path / name)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "OMP_NUM_THREADS": threads},
        )
        for name, hash_seed, threads in (("a", "1", "1"), ("b", "2", "2"))
    ]
    fingerprints = [process.communicate()[0] for process in started]
    assert [process.returncode for process in started] == [0, 0]
    assert fingerprints[0] == fingerprints[1] != ""
    for name in ("trees.txt", "model.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_the_number_of_threads_depends_on_the_rows_only(slices: Slices, model: RiskModel) -> None:
    assert slices.train.rows.size <= ONE_THREAD_CELLS
    assert "[num_threads: 1]" in model.booster.model_to_string()


def test_what_was_fitted_is_what_is_loaded(slices: Slices, model: RiskModel, tmp_path: Path) -> None:
    model.save(tmp_path)
    rows = slices.test.rows[:500]
    assert RiskModel.load(tmp_path).margin(rows).tolist() == model.margin(rows).tolist()


# Age ----------------------------------------------------------------------------------------------------------------


def test_no_row_becomes_riskier_with_age(model: RiskModel) -> None:
    rng = np.random.default_rng(0)
    n = 10_000
    others = (rng.lognormal(2, 2, n), rng.random(n), rng.integers(0, 9, n), rng.integers(0, 2, n))
    rows = np.column_stack((rng.uniform(0, 5475, n), *others)).astype(np.float32)
    rows[:, 1:][rng.random((10_000, 4)) < 0.1] = np.nan
    older = rows.copy()
    older[:, 0] += rng.uniform(0, 3650, 10_000).astype(np.float32)
    assert (model.margin(older) <= model.margin(rows)).all()


def test_age_does_lower_the_risk_of_many_rows(slices: Slices, model: RiskModel) -> None:
    rows = slices.test.rows
    older = rows.copy()
    older[:, 0] += np.float32(1825)
    assert (model.margin(older) < model.margin(rows)).mean() > 0.5


def test_directions_come_from_the_catalogue_and_unknown_columns_have_none() -> None:
    names = ("tenure_days", "days_since_verification", "somebody_elses_column")
    assert Recipe().lightgbm(names)["monotone_constraints"] == [BY_NAME[names[0]].monotone, 1, 0] == [-1, 1, 0]


def test_a_table_without_such_columns_has_no_constraints() -> None:
    assert "monotone_constraints" not in Recipe().lightgbm(("a", "b"))


# Planted truth ------------------------------------------------------------------------------------------------------


def test_probabilities_come_close_to_the_planted_ones(slices: Slices, truth: Truth, model: RiskModel) -> None:
    test = slices.test
    probability = model.probability(model.margin(test.rows))
    best, nothing = log_loss(truth, test.fraud), log_loss(np.full(len(test), test.prevalence), test.fraud)
    found = log_loss(probability, test.fraud)
    assert best < found < best + 0.08 * (nothing - best)


def test_probabilities_add_up_to_the_planted_number_of_frauds(slices: Slices, truth: Truth, model: RiskModel) -> None:
    probability = model.probability(model.margin(slices.test.rows))
    assert probability.sum() == pytest.approx(truth.sum(), rel=0.06)


def test_ranking_comes_close_to_that_of_the_truth(slices: Slices, truth: Truth, model: RiskModel) -> None:
    test = slices.test
    best = average_precision(truth, test.fraud)
    assert best - 0.05 < average_precision(model.margin(test.rows), test.fraud) <= best + 0.02


def test_trees_on_shuffled_labels_find_nothing(slices: Slices) -> None:
    train, test = slices.train, slices.test
    shuffled = replace(train, fraud=np.random.default_rng(0).permutation(train.fraud))
    found = average_precision(margins(fit_trees(shuffled, SMALL), test), test.fraud)
    assert found < test.prevalence + 0.05 < average_precision(margins(fit_trees(train, SMALL), test), test.fraud)


def test_classes_are_not_weighted(slices: Slices) -> None:
    params = Recipe().lightgbm(("a",))
    assert not {"scale_pos_weight", "is_unbalance", "class_weight"} & params.keys()
    raw = 1 / (1 + np.exp(-margins(fit_trees(slices.train, SMALL), slices.train)))
    assert raw.mean() == pytest.approx(slices.train.prevalence, rel=0.02)


# Refusals, progress and the stored recipe ----------------------------------------------------------------------------


def test_progress_is_reported_after_each_tree(slices: Slices) -> None:
    calls: list[tuple[int, int]] = []
    fit_trees(slices.train, Recipe(trees=5), on_progress=lambda done, total: calls.append((done, total)))
    assert calls == [(1, 5), (2, 5), (3, 5), (4, 5), (5, 5)]


def test_the_test_slice_does_not_influence_the_fit(slices: Slices, model: RiskModel, tmp_path: Path) -> None:
    other = replace(slices, test=slices.train)
    assert fit(other).save(tmp_path / "a") == model.save(tmp_path / "b")


def test_too_few_frauds_are_refused(slices: Slices) -> None:
    test = slices.test
    with pytest.raises(EvidenceError, match="the test slice is too small"):
        fit(replace(slices, test=test.take(~test.fraud)))


def test_the_recipe_is_recorded_as_plain_values() -> None:
    assert Recipe(trees=7).describe()["trees"] == 7


def test_a_bent_calibration_is_kept_in_the_artefact_and_read_back(
    slices: Slices, model: RiskModel, tmp_path: Path
) -> None:
    margin = model.margin(slices.calibration.rows)
    bent = replace(model, calibration=fit_spline(margin, slices.calibration.fraud))
    assert bent.save(tmp_path) != ""
    loaded = RiskModel.load(tmp_path)
    assert loaded.calibration == bent.calibration
    rows = slices.test.rows[:500]
    scores = loaded.probability(loaded.margin(rows))
    assert scores.tolist() == bent.probability(bent.margin(rows)).tolist()
    assert loaded.card()["calibration"]["kind"] == "spline"


def test_the_facts_have_the_calibrator_choice_and_the_label_weights(model: RiskModel) -> None:
    assert model.facts["calibration_choice"]["chosen"] == model.calibration.kind
    assert model.facts["label_sources"] == {}


# Score bands --------------------------------------------------------------------------------------------------------


def cut(tier: Tier, margin: float) -> CutPoint:
    return CutPoint(tier, margin, wished=0.1, proven=0.1, legitimate=80, legitimate_above=0, missing=0)


CUTS = (cut(Tier.MEDIUM_LOW, 90), cut(Tier.MEDIUM_HIGH, 96), cut(Tier.EXTREMELY_HIGH, 500))
MARGINS, FRAUD = np.arange(100.0), np.arange(100) >= 95


def test_bands_begin_at_quantiles_and_at_cut_points() -> None:
    assert [band.from_margin for band in score_bands(MARGINS, FRAUD, CUTS)] == pytest.approx(
        [0, 49.5, 79.2, 90, 94.05, 96, 98.01]
    )


def test_every_row_is_in_one_band_with_its_frauds() -> None:
    bands = score_bands(MARGINS, FRAUD, CUTS)
    assert [(band.rows, band.fraud) for band in bands] == [(50, 0), (30, 0), (10, 0), (5, 0), (1, 1), (3, 3), (1, 1)]


def test_a_band_has_its_exact_interval() -> None:
    first = score_bands(MARGINS, FRAUD, CUTS)[0]
    assert (first.low, first.high) == clopper_pearson(0, 50)


def test_a_band_without_rows_joins_the_one_below() -> None:
    assert max(band.from_margin for band in score_bands(MARGINS, FRAUD, CUTS)) < 500


def test_rows_with_equal_margins_make_one_band() -> None:
    bands = score_bands(np.zeros(100), FRAUD, CUTS)
    assert [(band.rows, band.fraud) for band in bands] == [(100, 5)]
