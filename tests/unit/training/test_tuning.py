"""Tuning searches inside the training slice, prunes, keeps time, and takes the most compact of the best."""

import itertools
from dataclasses import replace

import lightgbm as lgb
import numpy as np
import pytest

from linerisk.errors import EvidenceError
from linerisk.training import tuning
from linerisk.training.examples import Examples, Slices
from linerisk.training.fit import Recipe, fit_trees
from linerisk.training.search_trials import CLOSE, Trial, Tuned, judged, pareto_front
from linerisk.training.tuning import parts, reason_cost, tune

START = Recipe(trees=60, leaves=15, depth=5, learning_rate=0.1)
MOST_LEAVES = 7_750
LONG = 600


@pytest.fixture(scope="module")
def train(slices: Slices) -> Examples:
    """A third of the training slice: a trial takes a twentieth of a second."""
    return slices.train.take(np.arange(len(slices.train)) % 3 == 0)


@pytest.fixture(scope="module")
def tuned(train: Examples) -> Tuned:
    return tune(train, START, seconds=LONG, most_leaves=MOST_LEAVES, most_trials=40)


def tried(number: int, log_loss: float, cost: int, *, pruned: bool = False) -> Trial:
    return Trial(number, Recipe(), log_loss, 0.0, 0.0, cost, pruned, 0.1)


def judge(trials: list[Trial], losses: list[np.ndarray], *, nothing: np.ndarray) -> Tuned:
    return judged(trials, losses, nothing=nothing, start=START, validated_on=(len(nothing), 100), ended="time is up")


# The search ----------------------------------------------------------------------------------------------------------


def test_the_first_trial_is_the_recipe_that_tuning_began_with(tuned: Tuned) -> None:
    assert replace(tuned.trials[0].recipe, trees=START.trees) == START
    assert [trial.number for trial in tuned.trials] == list(range(len(tuned.trials)))
    assert len(tuned.trials) == 40
    assert tuned.ended == "as many as may be"


def test_trials_that_fall_behind_are_pruned_and_never_chosen(tuned: Tuned) -> None:
    pruned = {trial.number for trial in tuned.trials if trial.pruned}
    assert pruned
    assert tuned.chosen not in pruned
    assert not pruned & set(tuned.front)


def test_what_is_chosen_is_within_one_standard_error_of_the_best_and_cheaper_to_explain(tuned: Tuned) -> None:
    assert tuned.chosen is not None
    chosen = tuned.trials[tuned.chosen]
    assert chosen.excess <= chosen.excess_se
    assert chosen.excess <= CLOSE * chosen.log_loss
    best = min((t for t in tuned.trials if not t.pruned), key=lambda t: t.log_loss)
    assert chosen.reason_cost <= best.reason_cost
    assert chosen.reason_cost < tuned.trials[0].reason_cost


def test_on_the_pareto_front_a_lower_loss_costs_more(tuned: Tuned) -> None:
    front = [tuned.trials[number] for number in tuned.front]
    for cheaper, better in itertools.pairwise(front):
        assert cheaper.reason_cost < better.reason_cost
        assert cheaper.log_loss > better.log_loss


def test_no_trial_grows_more_leaves_than_may_be_explained(train: Examples) -> None:
    found = tune(train, START, seconds=LONG, most_leaves=300, most_trials=8)
    assert all(trial.recipe.trees * trial.recipe.leaves <= 300 for trial in found.trials)


def test_the_same_seed_tries_the_same_recipes_in_the_same_order(train: Examples, tuned: Tuned) -> None:
    again = tune(train, START, seconds=LONG, most_leaves=MOST_LEAVES, most_trials=12)
    for first, second in zip(tuned.trials[:12], again.trials, strict=True):
        assert (first.recipe, first.log_loss, first.reason_cost) == (second.recipe, second.log_loss, second.reason_cost)


def test_the_chosen_recipe_grows_the_trees_that_were_tried(train: Examples, tuned: Tuned) -> None:
    fit, _ = parts(train)
    assert tuned.chosen is not None
    assert reason_cost(fit_trees(fit, tuned.recipe)) == tuned.trials[tuned.chosen].reason_cost


# Time and interrupts -------------------------------------------------------------------------------------------------


def test_the_first_recipe_is_always_tried_to_its_end(train: Examples) -> None:
    found = tune(train, START, seconds=1e-6, most_leaves=MOST_LEAVES)
    assert [trial.number for trial in found.trials] == [0]
    assert found.chosen == 0
    assert found.ended == "time is up"


def test_elapsed_time_is_reported(train: Examples) -> None:
    elapsed: list[float] = []
    tune(train, START, seconds=0.5, most_leaves=MOST_LEAVES, on_progress=elapsed.append)
    assert elapsed == sorted(elapsed)
    assert len(elapsed) > 50
    assert elapsed[0] >= 0


def interrupted(after: int) -> object:
    """Progress that interrupts, as Ctrl-C does, at its given call."""
    calls = itertools.count()

    def on_progress(_passed: float) -> None:
        if next(calls) == after:
            raise KeyboardInterrupt

    return on_progress


def test_an_interrupt_keeps_what_was_found(train: Examples) -> None:
    first = tune(train, START, seconds=1e-6, most_leaves=MOST_LEAVES)
    found = tune(train, START, seconds=LONG, most_leaves=MOST_LEAVES, on_progress=interrupted(1_200))  # type: ignore[arg-type]
    assert found.ended == "stopped by hand"
    assert found.trials[0].log_loss == first.trials[0].log_loss
    assert len(found.trials) > 1


def test_an_interrupt_before_anything_was_found_stops_everything(train: Examples) -> None:
    with pytest.raises(KeyboardInterrupt):
        tune(train, START, seconds=LONG, most_leaves=MOST_LEAVES, on_progress=interrupted(3))  # type: ignore[arg-type]


# Where it looks ------------------------------------------------------------------------------------------------------


def test_no_line_both_fits_and_validates(slices: Slices) -> None:
    train = replace(slices.train, line_key=slices.train.line_key // 2)
    fit, validate = parts(train)
    assert not set(fit.line_key.tolist()) & set(validate.line_key.tolist())
    assert len(fit) + len(validate) == len(train)
    assert len(validate) / len(train) == pytest.approx(tuning.VALIDATION_SHARE, abs=0.03)


def test_rows_of_one_line_count_as_one_line(train: Examples) -> None:
    _, validate = parts(train)
    twice = replace(
        train,
        rows=np.repeat(train.rows, 2, axis=0),
        fraud=np.repeat(train.fraud, 2),
        line_key=np.repeat(train.line_key, 2),
    )
    found = tune(twice, START, seconds=1e-6, most_leaves=MOST_LEAVES)
    assert found.validated_on == (len(validate), int(validate.fraud.sum()))


def test_too_few_frauds_to_tune_on_are_refused(train: Examples) -> None:
    few = train.take(~train.fraud | (np.cumsum(train.fraud) <= 30))
    with pytest.raises(EvidenceError, match="too small to tune on"):
        tune(few, START, seconds=1, most_leaves=MOST_LEAVES)


# Judging -------------------------------------------------------------------------------------------------------------


def test_the_pareto_front_has_no_dominated_trial() -> None:
    trials = [
        tried(0, 0.5, 100),
        tried(1, 0.6, 200),
        tried(2, 0.4, 300),
        tried(3, 0.9, 10),
        tried(4, 0.1, 1, pruned=True),
    ]
    assert pareto_front(trials) == (3, 0, 2)


def test_the_cheapest_within_one_standard_error_is_chosen() -> None:
    rng = np.random.default_rng(0)
    best = rng.random(1_000)
    near, far = best + rng.normal(0.001, 0.05, 1_000), best + rng.normal(0.5, 0.05, 1_000)
    trials = [tried(0, float(best.mean()), 300), tried(1, float(near.mean()), 100), tried(2, float(far.mean()), 1)]
    found = judge(trials, [best, near, far], nothing=best + 1)
    assert found.trials[1].excess_se == pytest.approx(0.05 / np.sqrt(1_000), rel=0.1)
    assert found.chosen == 1
    assert found.as_dict()["trials"][2]["excess"] == pytest.approx(0.5, abs=0.01)


def test_a_wide_standard_error_does_not_admit_a_weak_trial() -> None:
    best = np.full(100, 0.5)
    little = best + np.where(np.arange(100) < 10, 3.0, -0.3)
    trials = [tried(0, float(best.mean()), 300), tried(1, float(little.mean()), 10)]
    found = judge(trials, [best, little], nothing=little + 0.1)
    assert 0 < found.trials[1].excess < found.trials[1].excess_se
    assert found.trials[1].is_informative
    assert found.chosen == 0


def test_a_trial_that_splits_nothing_is_never_chosen_though_its_reasons_cost_least() -> None:
    rng = np.random.default_rng(0)
    nothing = rng.random(1_000)
    useful = nothing - 0.001 + rng.normal(0, 0.001, 1_000)
    trials = [tried(0, float(useful.mean()), 300), tried(1, float(nothing.mean()) - 1e-9, 0)]
    found = judge(trials, [useful, nothing - 1e-9], nothing=nothing)
    assert found.trials[1].excess < CLOSE * found.trials[0].log_loss
    assert not found.trials[1].is_informative
    assert found.chosen == 0


@pytest.mark.parametrize(
    ("gain", "spread", "chosen"), [(0.01, 0.02, 0), (0.001, 0.2, None), (0.0, 0.2, None), (-0.01, 0.02, None)]
)
def test_a_trial_counts_if_it_beats_the_prevalence_by_more_than_one_standard_error(
    gain: float, spread: float, chosen: int | None
) -> None:
    nothing = np.full(1_000, 0.5)
    loss = nothing - gain + spread * np.where(np.arange(1_000) % 2, 1, -1)
    found = judge([tried(0, float(loss.mean()), 300)], [loss], nothing=nothing)
    assert found.trials[0].gain == pytest.approx(gain)
    assert found.trials[0].gain_se == pytest.approx(spread / np.sqrt(1_000), rel=0.01)
    assert found.chosen == chosen


def test_without_a_better_trial_the_initial_recipe_is_kept_with_a_notice(train: Examples) -> None:
    noise = replace(train, fraud=np.random.default_rng(1).permutation(train.fraud))
    found = tune(noise, START, seconds=LONG, most_leaves=MOST_LEAVES, most_trials=6)
    assert found.chosen is None
    assert found.recipe == START
    assert "the recipe that tuning began with was kept" in found.summary()
    (notice,) = found.notices()
    assert notice.startswith("Tuning found nothing: on ")
    assert found.as_dict()["chosen"] is None


def test_a_model_without_splits_has_the_loss_of_the_constant_prevalence(train: Examples) -> None:
    blind = replace(train, rows=np.zeros_like(train.rows))
    found = tune(blind, START, seconds=1e-6, most_leaves=MOST_LEAVES)
    (trial,) = found.trials
    assert trial.reason_cost == 0
    assert trial.log_loss == pytest.approx(found.nothing, abs=1e-6)
    assert found.chosen is None


def test_a_search_states_which_lines_its_losses_are_measured_on(tuned: Tuned) -> None:
    lines, fraud = tuned.validated_on
    assert f"on the {lines:,} lines that validated, {fraud:,} of them fraud" in tuned.summary()


def test_a_search_that_found_something_needs_no_notice(tuned: Tuned) -> None:
    assert tuned.notices() == ()
    assert tuned.nothing > tuned.trials[0].log_loss


def test_the_cost_of_reasons_is_leaves_times_depth_over_trees() -> None:
    rows = np.arange(200, dtype=np.float32)[:, None]
    params = {"num_leaves": 2, "min_data_in_leaf": 1, "verbosity": -1, "num_threads": 1, "objective": "binary"}
    stumps = lgb.train(params, lgb.Dataset(rows, (rows[:, 0] > 99).astype(np.float32)), 3)
    assert reason_cost(stumps) == 3
