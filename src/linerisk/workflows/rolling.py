"""Train at past instants as one would have trained then, and measure on what followed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import polars as pl

from linerisk.as_of import iso
from linerisk.errors import EvidenceError
from linerisk.evaluation.rolling import RollingEvaluation, RollingStep, measure_step
from linerisk.features.build import build_store
from linerisk.model.tiers import TierPromise
from linerisk.tables.store import RecordStore
from linerisk.training.fit import Recipe, fit_model
from linerisk.training.from_store import slices_from_store
from linerisk.training.splits import SplitPlan, rolling_plans


def roll(
    store: RecordStore,
    as_of: datetime,
    *,
    recipe: Recipe,
    promise: TierPromise,
    time_zone: str,
    notify: Callable[[str, int, int], None],
) -> RollingEvaluation:
    """Evaluate a recipe at as many past instants as the records allow, at most `splits.ROLLING_STEPS`.

    Args:
        store: Records, accounts, labels.
        as_of: Today: labels known later do not exist.
        recipe: How trees are grown.
        promise: What tiers promise.
        time_zone: Local time zone of hours and weekdays.
        notify: Called with (step, done, total).

    Raises:
        EvidenceError: The records do not reach back to one past training. A step with too few findings raises nothing,
            it says so.
    """
    plans = rolling_plans(first_day=store.days[0], as_of=as_of)
    built: dict[datetime, pl.DataFrame] = {}

    def features(instant: datetime) -> pl.DataFrame:
        if instant not in built:
            built[instant] = build_store(store, as_of=instant, time_zone=time_zone)
        return built[instant]

    steps: list[RollingStep] = []
    notify("past trainings", 0, len(plans))
    for done, plan in enumerate(plans, start=1):
        steps.append(_step(store, plan, recipe=recipe, promise=promise, time_zone=time_zone, features=features))
        # One step's test instant is a later one's calibration instant; what no later step needs is freed.
        needed = {instant for later in plans[done:] for instant in later.instants}
        for instant in built.keys() - needed:
            del built[instant]
        notify("past trainings", done, len(plans))
    return RollingEvaluation(tuple(steps))


def _step(
    store: RecordStore,
    plan: SplitPlan,
    *,
    recipe: Recipe,
    promise: TierPromise,
    time_zone: str,
    features: Callable[[datetime], pl.DataFrame],
) -> RollingStep:
    slices = slices_from_store(store, plan, time_zone=time_zone, features=features)
    trained_at, outcomes_by = iso(plan.as_of), iso(plan.test_known_by or plan.as_of)
    try:
        model = fit_model(slices, name="rolling", recipe=recipe, promise=promise)
    except EvidenceError as error:
        test = slices.test
        return RollingStep(trained_at, outcomes_by, len(test), int(test.fraud.sum()), problem=error.paragraph())
    return measure_step(model, slices.test, trained_at=trained_at, outcomes_by=outcomes_by)
