"""Fits a model from slices: optional tuning, fit, optional correction for the prevalence of operation."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from linerisk.evaluation.gates.run import GateLimits
from linerisk.model.risk_model import RiskModel
from linerisk.model.tiers import TierPromise
from linerisk.registry.search_trials import TrialRun, log_trials
from linerisk.training.examples import Slices
from linerisk.training.fit import Recipe, fit_model
from linerisk.training.label_weights import summary_of_sources as summary_of_labels
from linerisk.training.prevalence import at_prevalence, check_prevalence, thinned
from linerisk.training.search_trials import Tuned
from linerisk.training.tuning import tune


@dataclass(frozen=True)
class FitOptions:
    """Options of a training besides the recipe.

    Attributes:
        tune: Time to search for a recipe; None uses the given one.
        prevalence: Share of fraud in operation; None if it is that of the calibration slice.
        rolling: Whether to evaluate at past instants too.

    Raises:
        InputError: The prevalence is not a share.
    """

    tune: timedelta | None = None
    prevalence: float | None = None
    rolling: bool = False

    def __post_init__(self) -> None:
        """Check before the long work."""
        if self.prevalence is not None:
            check_prevalence(self.prevalence)

    def options(self) -> list[str]:
        """The command-line options for the same; without tuning, whose recipe is kept as a file."""
        text = [] if self.prevalence is None else ["--prevalence", repr(self.prevalence)]
        return text + (["--rolling"] if self.rolling else [])


NOTHING_MORE = FitOptions()


@dataclass(frozen=True)
class Fitted:
    """A fitted model and its slices.

    Attributes:
        model: The model, for the prevalence of operation.
        slices: The given slices; the test slice has the prevalence of operation.
        recipe: The recipe of its trees.
        tuned: The search for that recipe; None without a search.
    """

    model: RiskModel
    slices: Slices
    recipe: Recipe
    tuned: Tuned | None

    def facts(self) -> dict[str, str]:
        """Facts for the report, by label."""
        out = {
            "labels": summary_of_labels(self.slices.train),
            "calibration": self.model.facts["calibration_choice"]["said"],
        }
        if self.tuned is not None:
            out["tuning"] = self.tuned.summary()
        shift = self.model.facts.get("prevalence")
        if shift is not None:
            out["prevalence"] = (
                f"{shift['operation']:.4%} in operation, {shift['fitted']:.4%} in the calibration slice: "
                f"log-odds moved by {shift['log_odds_shift']:+.3f}, cut points by nothing"
            )
        return out

    def unusual(self, default: Recipe) -> str:
        """How the recipe differs from the default, in a word or two; empty if it does not."""
        if self.tuned is not None:
            return "tuned"
        if self.recipe == default:
            return ""
        same_but_for_seed = self.recipe == replace(default, seed=self.recipe.seed)
        return f"seed {self.recipe.seed}" if same_but_for_seed else "own recipe"

    def notices(self) -> tuple[str, ...]:
        """Notices that a reader must know before believing a figure."""
        return () if self.tuned is None else self.tuned.notices()

    def attach(self, folder: Path) -> None:
        """Write `tuning.json` beside the report: all trials and their Pareto front."""
        if self.tuned is not None:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "tuning.json").write_text(json.dumps(self.tuned.as_dict(), indent=1), encoding="utf-8")


def fit(
    slices: Slices,
    options: FitOptions,
    *,
    name: str,
    recipe: Recipe,
    promise: TierPromise,
    notify: Callable[[str, int, int], None],
) -> Fitted:
    """Tune, fit and correct for prevalence, as the options say.

    Args:
        slices: Training, calibration and test rows.
        options: Tuning, prevalence, rolling.
        name: Name of the model.
        recipe: The recipe, or where tuning begins.
        promise: The tier promise.
        notify: Called with (step, done, total).
    """
    slices.check()
    tuned = None
    if options.tune is not None:
        seconds = options.tune.total_seconds()
        tuned = tune(
            slices.train,
            recipe,
            seconds=seconds,
            most_leaves=GateLimits().most_leaves,
            on_progress=lambda passed: notify("tuning", min(int(passed), int(seconds) - 1), int(seconds)),
        )
        notify("tuning", int(seconds), int(seconds))
        recipe = tuned.recipe
    model = fit_model(slices, name=name, recipe=recipe, promise=promise, on_progress=lambda d, t: notify("trees", d, t))
    if options.prevalence is not None:
        model = at_prevalence(model, fitted=slices.calibration.prevalence, operation=options.prevalence)
        test = thinned(slices.test, options.prevalence, seed=recipe.seed)
        how = f"{slices.how}; test rows sampled so that {options.prevalence:.4%} are fraud, as in operation"
        slices = replace(slices, test=test, how=how)
    return Fitted(model, slices, recipe, tuned)


def log_search(tracking_uri: str, *, parent: str, tuned: Tuned | None) -> None:
    """Log every trial of a search as a child of the training run."""
    if tuned is None:
        return
    runs = [
        TrialRun(
            name=f"trial {trial.number}",
            params=trial.recipe.describe(),
            figures={
                "log_loss": trial.log_loss,
                "log_loss_excess": trial.excess,
                "log_loss_excess_se": trial.excess_se,
                "reason_cost": float(trial.reason_cost),
            },
            tags={
                "pruned": str(trial.pruned).lower(),
                "on_front": str(trial.number in tuned.front).lower(),
                "chosen": str(trial.number == tuned.chosen).lower(),
            },
            seconds=trial.seconds,
        )
        for trial in tuned.trials
    ]
    log_trials(tracking_uri, parent=parent, trials=runs)
