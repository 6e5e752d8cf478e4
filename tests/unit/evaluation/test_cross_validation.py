"""Cross-validation fits on four fifths and measures on the held-out fifth."""

import lightgbm as lgb
import numpy as np
import pytest

from linerisk.evaluation import cross_validation
from linerisk.evaluation.cross_validation import cross_validate
from linerisk.model.risk_model import FeatureColumn
from linerisk.training.examples import Examples
from linerisk.training.fit import Recipe, fit_trees

FEW = Recipe(trees=20)


def drawn(strength: float, *, lines: int = 1_500) -> Examples:
    """One column that separates fraud by `strength` standard deviations, and one of noise."""
    rng = np.random.default_rng(0)
    fraud = rng.random(lines) < 0.3
    rows = rng.normal(size=(lines, 2)).astype(np.float32)
    rows[:, 0] += np.float32(strength) * fraud
    return Examples(tuple(FeatureColumn(name, "other") for name in "ab"), rows, fraud, np.arange(lines))


def test_cross_validated_auc_is_the_auc_of_the_planted_difference() -> None:
    # Two normal distributions 1.5 standard deviations apart: AUC = Phi(1.5 / sqrt 2) = 0.8556.
    found = cross_validate(drawn(1.5), FEW)
    assert found.auc == pytest.approx(0.8556, abs=0.03)
    assert 0 < found.auc_sd < 0.05
    assert found.columns == 2


def test_noise_has_an_auc_of_one_half_on_held_out_lines() -> None:
    assert cross_validate(drawn(0.0), FEW).auc == pytest.approx(0.5, abs=0.05)


def test_separable_classes_have_a_macro_f1_near_one() -> None:
    assert cross_validate(drawn(8.0), FEW).macro_f1 > 0.98


def test_progress_is_reported_after_each_fold() -> None:
    reported: list[tuple[int, int]] = []
    cross_validate(
        drawn(1.0, lines=400), Recipe(trees=2), on_progress=lambda done, total: reported.append((done, total))
    )
    assert reported == [(1, 5), (2, 5), (3, 5), (4, 5), (5, 5)]


def test_the_same_seed_draws_the_same_folds() -> None:
    assert cross_validate(drawn(1.0), Recipe(trees=3)) == cross_validate(drawn(1.0), Recipe(trees=3))
    assert cross_validate(drawn(1.0), Recipe(trees=3)) != cross_validate(drawn(1.0), Recipe(trees=3, seed=2))


def test_no_group_is_in_two_folds(monkeypatch: pytest.MonkeyPatch) -> None:
    table = drawn(1.0, lines=2_000)
    group = np.arange(2_000, dtype=np.int64) // 4
    seen: list[set[int]] = []

    def watched(part: Examples, recipe: Recipe) -> lgb.Booster:
        seen.append(set((part.line_key // 4).tolist()))
        return fit_trees(part, recipe)

    monkeypatch.setattr(cross_validation, "fit_trees", watched)
    cross_validate(table, Recipe(trees=5), group=group)
    all_groups = set(group.tolist())
    held = [all_groups - fitted for fitted in seen]
    # A split group would be fitted in every fold and never held out.
    assert set.union(*held) == all_groups
    assert sum(map(len, held)) == len(all_groups)


def test_each_draw_uses_new_folds() -> None:
    table = drawn(1.0, lines=2_000)
    once, again, thrice = (cross_validate(table, Recipe(trees=5), draws=draws) for draws in (1, 1, 3))
    assert once == again
    assert (once.draws, thrice.draws) == (1, 3)
    assert once.auc != thrice.auc
