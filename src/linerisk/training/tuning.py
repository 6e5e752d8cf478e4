"""Search for a recipe within a time budget, with two objectives: log loss and the cost of contributions.

Everything happens inside the training slice: a part of its lines validates, the others grow trees; calibration and test
are not looked at. The number of trees is where the validation loss was lowest. A trial that is behind the median of the
finished ones at the same number of trees is pruned. Which trials fit into the time depends on the machine, so a tuned
recipe is kept as a file and training again starts from that.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import optuna

from linerisk.errors import EvidenceError
from linerisk.model.calibration_fit import fit_beta
from linerisk.model.leaf_groups import DEEPEST, leaf_groups
from linerisk.training.calibrator_choice import row_losses
from linerisk.training.examples import Examples, Flags
from linerisk.training.fit import Recipe, margins, prepared
from linerisk.training.search_trials import Trial, Tuned, judged
from linerisk.training.splits import line_position

Floats = npt.NDArray[np.float64]

VALIDATION_SHARE = 0.3
"""Share of the training slice's lines that validate."""
MOST_TREES = 800
MOST_TRIALS = 1_000
"""Beyond, the lowest loss is more luck than recipe."""
_PATIENCE = 50
"""Trees without a lower validation loss after which a trial ends."""
_CHECK_EVERY, _FINISHED_BEFORE_PRUNING = 100, 5
"""Trees after which a trial is compared, and again; before that, who learns slowly would always look behind."""
_LEAST_FRAUD = 20

optuna.logging.set_verbosity(optuna.logging.WARNING)


@dataclass
class _Bench:
    """Rows, time budget and results so far."""

    fit: Examples
    validate: Examples
    deadline: float
    most_leaves: int
    on_progress: Callable[[], None]
    finished: list[list[float]]

    def behind(self, curve: list[float]) -> bool:
        """Whether a trial's lowest loss so far is above the median of what finished ones had by then."""
        if len(curve) % _CHECK_EVERY or len(self.finished) < _FINISHED_BEFORE_PRUNING:
            return False
        return min(curve) > float(np.median([min(other[: len(curve)]) for other in self.finished]))


class _TimeIsUpError(Exception):
    """The budget ran out in the middle of a trial."""


def tune(
    train: Examples,
    start: Recipe,
    *,
    seconds: float,
    most_leaves: int,
    most_trials: int = MOST_TRIALS,
    on_progress: Callable[[float], None] | None = None,
) -> Tuned:
    """Search from an initial recipe, which is always tried to its end.

    An interrupt ends the search and keeps what was found, unless nothing was. An uninformative trial is never chosen;
    where none is informative, the initial recipe is kept.

    Args:
        train: The training slice; calibration and test stay out of it.
        start: The recipe to begin with; its seed is the seed of the search.
        seconds: Time budget.
        most_leaves: Leaves of all trees at most.
        most_trials: Trials at most: a search that ends by number is the same on every machine.
        on_progress: Called with the seconds that have passed.

    Raises:
        EvidenceError: Too few frauds among fitting or validating lines.
    """
    began = time.monotonic()
    fit, validate = parts(train)
    notify = on_progress or (lambda _passed: None)
    bench = _Bench(fit, validate, began + seconds, most_leaves, lambda: notify(time.monotonic() - began), [])
    study = optuna.create_study(
        directions=["minimize", "minimize"], sampler=optuna.samplers.TPESampler(seed=start.seed, n_startup_trials=10)
    )
    found: list[Trial] = []
    losses: list[Floats] = []
    ended = "time is up"
    try:
        while not found or (time.monotonic() < bench.deadline and len(found) < most_trials):
            proposed = study.ask() if found else None
            trial, loss = _try(bench, start if proposed is None else _suggested(proposed, start), number=len(found))
            found.append(trial)
            losses.append(loss)
            if proposed is not None:
                study.tell(proposed, [trial.log_loss, trial.reason_cost])
    except _TimeIsUpError:
        pass
    except KeyboardInterrupt:
        if not found:
            raise
        ended = "stopped by hand"
    if len(found) == most_trials:
        ended = "as many as may be"
    validated_on = (len(np.unique(validate.line_key)), len(np.unique(validate.line_key[validate.fraud])))
    nothing = _by_line(_prevalence_losses(validate.fraud), validate)
    return judged(found, losses, nothing=nothing, start=start, validated_on=validated_on, ended=ended)


def parts(train: Examples) -> tuple[Examples, Examples]:
    """Lines that fit and lines that validate.

    Raises:
        EvidenceError: Too few frauds in either.
    """
    # Other digits of a line's place than those that put it into the training slice.
    validates = (line_position(train.line_key) * 997) % 1 < VALIDATION_SHARE
    fit, validate = train.take(~validates), train.take(validates)
    fewest = min(int(fit.fraud.sum()), int(validate.fraud.sum()))
    if fewest < _LEAST_FRAUD:
        raise EvidenceError(
            "the training slice is too small to tune on",
            expected=f"at least {_LEAST_FRAUD} fraud rows to fit and {_LEAST_FRAUD} to validate",
            found=str(fewest),
            todo="leave out --tune, or give more lines",
        )
    return fit, validate


def _suggested(trial: optuna.Trial, start: Recipe) -> Recipe:
    return replace(
        start,
        leaves=trial.suggest_int("leaves", 4, 31, log=True),
        depth=trial.suggest_int("depth", 2, DEEPEST),
        learning_rate=trial.suggest_float("learning_rate", 0.02, 0.2, log=True),
        least_rows_in_leaf=trial.suggest_int("least_rows_in_leaf", 20, 400, log=True),
        least_hessian_in_leaf=trial.suggest_float("least_hessian_in_leaf", 1.0, 10.0, log=True),
        feature_share=trial.suggest_float("feature_share", 0.2, 1.0),
        row_share=trial.suggest_float("row_share", 0.4, 1.0),
        leaf_shrinkage=trial.suggest_float("leaf_shrinkage", 0.01, 30.0, log=True),
    )


def _try(bench: _Bench, recipe: Recipe, *, number: int) -> tuple[Trial, Floats]:
    """Grow trees until the validation loss stops falling; the trial and the mean loss of each validation line."""
    began = time.monotonic()
    params, dataset = prepared(bench.fit, recipe)
    validate = lgb.Dataset(bench.validate.rows, bench.validate.fraud.astype(np.float32), reference=dataset)
    curve: list[float] = []
    grown: list[int] = []  # trees by round: LightGBM grows none where nothing could be split
    pruned = False

    def watch(environment: Any) -> None:
        nonlocal pruned
        curve.append(float(environment.evaluation_result_list[0][2]))
        grown.append(environment.model.num_trees())
        bench.on_progress()
        if number and time.monotonic() > bench.deadline:
            raise _TimeIsUpError
        pruned = bench.behind(curve)
        if pruned or len(curve) - int(np.argmin(curve)) > _PATIENCE:
            raise lgb.callback.EarlyStopException(int(np.argmin(curve)), environment.evaluation_result_list)

    most = min(MOST_TREES, bench.most_leaves // recipe.leaves)
    booster = lgb.train(params, dataset, most, valid_sets=[validate], callbacks=[watch])
    best = int(np.argmin(curve))
    kept = lgb.Booster(model_str=booster.model_to_string(num_iteration=grown[best]))
    if not pruned:
        bench.finished.append(curve + [min(curve)] * (most - len(curve)))
    margin, fraud = margins(kept, bench.validate), bench.validate.fraud
    loss = _by_line(row_losses(fit_beta(margin, fraud).log_odds(margin), fraud), bench.validate)
    trial = Trial(
        number=number,
        recipe=replace(recipe, trees=best + 1),
        log_loss=float(loss.mean()),
        excess=0.0,
        excess_se=0.0,
        reason_cost=reason_cost(kept),
        pruned=pruned,
        seconds=time.monotonic() - began,
    )
    return trial, loss


def _prevalence_losses(fraud: Flags) -> Floats:
    """Loss of each row, nats, of a constant prediction at their prevalence; shape (n,)."""
    prevalence = fraud.mean()
    return row_losses(np.full(len(fraud), np.log(prevalence) - np.log1p(-prevalence)), fraud)


def _by_line(loss: Floats, examples: Examples) -> Floats:
    """Mean loss of each line, shape (lines,): rows of one line are not independent."""
    _, of, rows = np.unique(examples.line_key, return_inverse=True, return_counts=True)
    out: Floats = np.bincount(of, weights=loss) / rows
    return out


def reason_cost(booster: lgb.Booster) -> int:
    """Table look-ups of the exact contributions of one row, over all trees; see `model.tree_shap`.

    Raises:
        ValueError: A tree is too deep for look-ups.
    """
    groups = leaf_groups(booster)
    if groups is None:
        raise ValueError(f"a tree is deeper than {DEEPEST}")
    return sum(len(group.columns) for group in groups)
