"""Fits a `RiskModel` from slices: trees, calibration, cut points. Same slices and seed give the same bytes.

Trees are compact (ADR 2): 250 trees of 15 leaves rank as well as 500 of 63, and give exact contributions in a fraction
of the time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import lightgbm as lgb
import numpy as np

from linerisk.features.catalogue import BY_NAME
from linerisk.model.cut_points import clopper_pearson, cut_points
from linerisk.model.risk_model import Floats, RiskModel, ScoreBand
from linerisk.model.tiers import CutPoint, TierPromise
from linerisk.training.calibrator_choice import choose_calibration
from linerisk.training.examples import Examples, Flags, Slices
from linerisk.training.label_weights import describe_sources, row_weights

BAND_QUANTILES = (0.5, 0.8, 0.95, 0.99)
"""Where score bands begin below the tiers, as shares of calibration lines."""

ONE_THREAD_CELLS = 5_000_000
"""Cells (rows times columns) up to which trees grow on one thread: there threads wait for each other more than they
work, twenty times longer on a machine that does something else too."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """The hyperparameters of the trees.

    Attributes:
        trees: Rounds of boosting; a round where nothing can be split grows no tree.
        leaves: Leaves per tree at most.
        depth: Depth at most.
        learning_rate: Shrinkage per tree.
        least_rows_in_leaf: Rows in a leaf at least; a small leaf under a rare class runs to extreme values.
        least_hessian_in_leaf: Sum of p(1-p) in a leaf at least, for the same reason.
        feature_share: Share of columns that each tree may use.
        row_share: Share of rows that each tree sees.
        leaf_shrinkage: Added to a leaf's hessian when its value is set (L2), which draws small leaves towards 0.
        seed: Seed of everything random.
    """

    trees: int = 250
    leaves: int = 15
    depth: int = 6
    learning_rate: float = 0.05
    least_rows_in_leaf: int = 50
    least_hessian_in_leaf: float = 1.0
    feature_share: float = 0.5
    row_share: float = 0.8
    leaf_shrinkage: float = 0.0
    seed: int = 1

    def lightgbm(self, columns: tuple[str, ...]) -> dict[str, Any]:
        """LightGBM's own names, with the catalogue's monotone directions.

        No class weights: they would have to be undone by the calibration.
        """
        monotone = [BY_NAME[name].monotone if name in BY_NAME else 0 for name in columns]
        return {
            "objective": "binary",
            "num_leaves": self.leaves,
            "max_depth": self.depth,
            "learning_rate": self.learning_rate,
            "min_data_in_leaf": self.least_rows_in_leaf,
            "min_sum_hessian_in_leaf": self.least_hessian_in_leaf,
            "feature_fraction": self.feature_share,
            "bagging_fraction": self.row_share,
            "bagging_freq": 1,
            "lambda_l2": self.leaf_shrinkage,
            "seed": self.seed,
            "deterministic": True,
            "force_row_wise": True,
            "verbosity": -1,
            **({"monotone_constraints": monotone, "monotone_constraints_method": "basic"} if any(monotone) else {}),
        }

    def describe(self) -> dict[str, Any]:
        """The recipe as plain values, for the record."""
        return asdict(self)


def prepared(examples: Examples, recipe: Recipe) -> tuple[dict[str, Any], lgb.Dataset]:
    """LightGBM's parameters and data set, with rows weighted by the trust in their label source."""
    names = tuple(column.name for column in examples.columns)
    # The number of threads is part of the artefact, so it depends on the rows and not on the machine; 0 means all.
    params = recipe.lightgbm(names) | {"num_threads": 1 if examples.rows.size <= ONE_THREAD_CELLS else 0}
    weight = row_weights(examples)
    return params, lgb.Dataset(
        examples.rows, examples.fraud.astype(np.float32), weight=weight, feature_name=list(names)
    )


def fit_trees(
    examples: Examples, recipe: Recipe, *, on_progress: Callable[[int, int], None] | None = None
) -> lgb.Booster:
    """Grow the trees, with rows weighted by the trust in their label source.

    Args:
        examples: Training rows.
        recipe: How to grow them.
        on_progress: Called with (trees grown, trees in all).
    """
    params, dataset = prepared(examples, recipe)

    def notify(environment: Any) -> None:
        if on_progress is not None:
            on_progress(environment.iteration + 1, environment.end_iteration)

    return lgb.train(params, dataset, recipe.trees, callbacks=[notify])


def margins(booster: lgb.Booster, examples: Examples) -> Floats:
    """Raw log-odds of rows, shape (n,)."""
    out: Floats = booster.predict(examples.rows, raw_score=True, num_threads=1)
    return out


def score_bands(margin: Floats, fraud: Flags, cuts: tuple[CutPoint, ...]) -> tuple[ScoreBand, ...]:
    """Bands of margins with the exact interval of fraud observed in them; a band without rows joins the one below."""
    edges = sorted({*np.quantile(margin, BAND_QUANTILES).tolist(), *(cut.margin for cut in cuts)})
    band = np.searchsorted(np.array(edges), margin, side="right")
    bands: list[ScoreBand] = []
    for index, start in enumerate([float(margin.min()), *edges]):
        inside = band == index
        rows, hits = int(inside.sum()), int(fraud[inside].sum())
        if rows:
            low, high = clopper_pearson(hits, rows)
            bands.append(ScoreBand(from_margin=start, rows=rows, fraud=hits, low=low, high=high))
    return tuple(bands)


def fit_model(
    slices: Slices,
    *,
    name: str,
    recipe: Recipe,
    promise: TierPromise,
    on_progress: Callable[[int, int], None] | None = None,
) -> RiskModel:
    """Fit trees on the training slice, calibration and cut points on the calibration slice.

    The test slice is not used.

    Raises:
        EvidenceError: A slice has too few rows of either kind, or too few legitimate lines to tell tiers apart.
    """
    slices.check()
    booster = fit_trees(slices.train, recipe, on_progress=on_progress)
    # Evaluate the trees as they will be loaded: read back from their text.
    booster = lgb.Booster(model_str=booster.model_to_string())
    margin = margins(booster, slices.calibration)
    fraud = slices.calibration.fraud
    cuts = cut_points(margin[~fraud], promise)
    choice = choose_calibration(margin, fraud)
    return RiskModel(
        name=name,
        version="",
        columns=slices.train.legitimate_column_medians(),
        trees=booster.model_to_string(),
        calibration=choice.calibration,
        cuts=cuts,
        bands=score_bands(margin, fraud, cuts),
        facts={"calibration_choice": choice.describe(), "label_sources": describe_sources(slices.train)},
    )
