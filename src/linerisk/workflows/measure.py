"""Measures a fitted model for the gates: test slice, archetypes, champion, latency, shuffled labels."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from linerisk.errors import ArtefactError
from linerisk.evaluation.archetypes import ArchetypeRows, archetype_rows, has_only_catalogue_columns
from linerisk.evaluation.evaluate import Evaluation, evaluate
from linerisk.evaluation.metrics import average_precision
from linerisk.evaluation.release_duties import Latency, read_assessment
from linerisk.evaluation.stability import reason_stability
from linerisk.evaluation.subgroups import Groups
from linerisk.explanation import Wording, explain
from linerisk.model.risk_model import RiskModel, Rows
from linerisk.policy import Limits
from linerisk.registry import SERVED, Registry, Version
from linerisk.scoring import score
from linerisk.settings import Settings
from linerisk.training.examples import Slices
from linerisk.training.fit import Recipe, fit_trees, margins

LINES_TIMED = 100
_SHUFFLED_TREES = 60


def measure(
    settings: Settings,
    model: RiskModel,
    slices: Slices,
    *,
    recipe: Recipe,
    limits: Limits,
    registry: Registry,
    live: Version | None,
    groups: Groups | None,
    accounts: bool,
) -> Evaluation:
    """Measure a model on its test slice and the archetype suite, compare it with the champion, and time it.

    Args:
        settings: Where state lives, and the policies.
        model: The model, not yet registered.
        slices: The slices it was fitted on, and the test slice.
        recipe: The recipe of its trees.
        limits: Of `tiers.toml`.
        registry: Where its champion is.
        live: The champion; None if there is none.
        groups: Groups of the test lines; None for a table, which comes without accounts.
        accounts: Whether the lines have accounts, as those of a store; then missing groups fail their gate.
    """
    champion, problem = _champion(registry, live)
    served = registry.name == SERVED
    return evaluate(
        model,
        slices,
        capacity=limits.review_capacity_per_day,
        shuffled_average_precision=_shuffled(slices, recipe),
        champion=champion,
        champion_problem=problem,
        budget=limits.most_share,
        suite=_suite(settings, model),
        groups=groups,
        accounts=accounts,
        stability=reason_stability(model, slices, recipe),
        latency=measure_latency(model, slices.test.rows, Wording.load(settings.policies)),
        served=served,
        assessment=read_assessment(settings.policies, limits.impact_assessment) if served else None,
    )


def measure_latency(model: RiskModel, rows: Rows, wording: Wording) -> Latency:
    """Time single lines, ours and bare LightGBM alternately, so that both see the same machine."""
    timed = rows[np.argsort(-model.margin(rows), kind="stable")[:LINES_TIMED]]
    booster = model.booster
    calls: tuple[Callable[[Rows], object], ...] = (
        lambda row: score(model, row),
        lambda row: booster.predict(row, raw_score=True, num_threads=1),
        lambda row: explain(model, row, wording),
        lambda row: booster.predict(row, pred_contrib=True, num_threads=1),
    )
    took = np.empty((len(timed), len(calls)))
    for line in range(len(timed)):
        for number, call in enumerate(calls):
            began = time.perf_counter_ns()
            call(timed[line : line + 1])
            took[line, number] = (time.perf_counter_ns() - began) / 1000
    ours, bare, reasons, bare_reasons = np.median(took, axis=0).tolist()
    return Latency(len(timed), ours, bare, reasons, bare_reasons)


def _suite(settings: Settings, model: RiskModel) -> ArchetypeRows | None:
    if not has_only_catalogue_columns(model.feature_names):
        return None
    return archetype_rows(settings.home / "archetypes", time_zone=settings.time_zone)


def _champion(registry: Registry, live: Version | None) -> tuple[RiskModel | None, str | None]:
    """The champion, or why it cannot be loaded; then the gate that needs it fails."""
    if live is None:
        return None, None
    try:
        return registry.load(live.version), None
    except ArtefactError as error:
        return None, f"the champion, version {live.version}, cannot be loaded: {error.wrong}"


def _shuffled(slices: Slices, recipe: Recipe) -> float:
    """Average precision of trees grown on shuffled labels, which must be poor."""
    shuffled = replace(slices.train, fraud=np.random.default_rng(recipe.seed).permutation(slices.train.fraud))
    booster = fit_trees(shuffled, replace(recipe, trees=_SHUFFLED_TREES))
    return average_precision(margins(booster, slices.test), slices.test.fraud)
