"""Cross-validated ranking of a recipe on one table, for tables without time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from linerisk.evaluation.metrics import auc
from linerisk.training.examples import Examples, Keys
from linerisk.training.fit import Recipe, fit_trees, margins

FOLDS = 5


@dataclass(frozen=True, slots=True)
class CrossValidated:
    """Means and standard deviations over all folds of all draws.

    Attributes:
        auc: Mean over folds.
        auc_sd: Standard deviation between folds.
        macro_f1: Mean F1 of both classes at margin 0, mean over folds.
        macro_f1_sd: Standard deviation between folds.
        columns: Columns used.
        draws: How often new folds were drawn; on a small table a single draw may be lucky.
    """

    auc: float
    auc_sd: float
    macro_f1: float
    macro_f1_sd: float
    columns: int
    draws: int = 1


def cross_validate(
    examples: Examples,
    recipe: Recipe,
    *,
    group: Keys | None = None,
    draws: int = 1,
    on_progress: Callable[[int, int], None] | None = None,
) -> CrossValidated:
    """Fit on four fifths and measure on the held-out fifth, five times per draw.

    Args:
        examples: One row per line.
        recipe: Settings of the trees; its seed also draws the folds.
        group: Shape (n,); rows of one group stay in one fold. None for no groups.
        draws: How often new folds are drawn.
        on_progress: Called with (folds done, folds in total).
    """
    aucs: list[float] = []
    macro_f1s: list[float] = []
    for draw in range(draws):
        folds = StratifiedKFold if group is None else StratifiedGroupKFold
        split = folds(FOLDS, shuffle=True, random_state=recipe.seed + draw)
        for fit, held in split.split(examples.rows, examples.fraud, group):
            inside = np.zeros(len(examples), dtype=np.bool_)
            inside[fit] = True
            booster = fit_trees(examples.take(inside), recipe)
            margin = margins(booster, examples.take(~inside))
            aucs.append(auc(margin, examples.fraud[held]))
            macro_f1s.append(f1_score(examples.fraud[held], margin > 0, average="macro"))
            if on_progress is not None:
                on_progress(len(aucs), FOLDS * draws)
    return CrossValidated(
        auc=float(np.mean(aucs)),
        auc_sd=float(np.std(aucs)),
        macro_f1=float(np.mean(macro_f1s)),
        macro_f1_sd=float(np.std(macro_f1s)),
        columns=len(examples.columns),
        draws=draws,
    )
