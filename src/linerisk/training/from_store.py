"""Slices from a record store: features as known at each instant, outcomes as known today."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import numpy as np
import polars as pl

from linerisk.features.build import build_store
from linerisk.features.catalogue import FEATURE_NAMES, FEATURES
from linerisk.model.risk_model import FeatureColumn
from linerisk.tables.store import RecordStore
from linerisk.training.examples import Examples, Slices
from linerisk.training.outcomes import outcomes
from linerisk.training.splits import SplitPlan, line_position, slice_of

COLUMNS = tuple(FeatureColumn(name=feature.name, family=feature.family) for feature in FEATURES)
_TRAIN, _CALIBRATION, _TEST = range(3)


def slices_from_store(
    store: RecordStore,
    plan: SplitPlan,
    *,
    time_zone: str,
    features: Callable[[datetime], pl.DataFrame] | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Slices:
    """Rows of each slice: its lines, at its instants, with outcomes known by `plan.as_of`.

    Args:
        store: Records, accounts, labels.
        plan: Which instants belong to which slice.
        time_zone: Local time zone of hours and weekdays.
        features: Returns already built features of an instant; None builds them.
        on_progress: Called with (instants done, instants in all).
    """
    parts: dict[int, list[Examples]] = {_TRAIN: [], _CALIBRATION: [], _TEST: []}
    for done, instant in enumerate(plan.instants, start=1):
        known_by = plan.test_known_by if plan.test_known_by and instant == plan.test_at else plan.as_of
        built = None if features is None else features(instant)
        examples = examples_at(store, as_of=instant, known_by=known_by, time_zone=time_zone, features=built)
        of = slice_of(line_position(examples.line_key))
        for number, in_slice in (
            (_TRAIN, instant in plan.train_at),
            (_CALIBRATION, instant == plan.calibration_at),
            (_TEST, instant == plan.test_at),
        ):
            if in_slice:
                parts[number].append(examples.take(of == number))
        if on_progress is not None:
            on_progress(done, len(plan.instants))
    train, calibration, test = (_together(parts[number]) for number in (_TRAIN, _CALIBRATION, _TEST))
    return Slices(train=train, calibration=calibration, test=test, how=plan.describe())


def examples_at(
    store: RecordStore,
    *,
    as_of: datetime,
    known_by: datetime,
    time_zone: str,
    features: pl.DataFrame | None = None,
) -> Examples:
    """Every line that could be scored at `as_of`, with its outcome known by `known_by`.

    Args:
        store: Records, accounts, labels.
        as_of: The instant.
        known_by: Labels known later do not exist.
        time_zone: Local time zone of hours and weekdays.
        features: The features at `as_of`, if they were built already.
    """
    built = build_store(store, as_of=as_of, time_zone=time_zone) if features is None else features
    found = outcomes(store.labels(), store.accounts(), as_of=as_of, known_by=known_by)
    table = found.join(built, on="line_key", how="inner", maintain_order="left")
    return Examples(
        columns=COLUMNS,
        rows=table.select(pl.col(FEATURE_NAMES).cast(pl.Float32)).fill_null(float("nan")).to_numpy(order="c"),
        fraud=table["fraud"].to_numpy(),
        line_key=table["line_key"].to_numpy(),
        as_of=np.full(table.height, np.datetime64(as_of.replace(tzinfo=None), "us")),
        source=table["source"].to_numpy().astype(np.str_),
    )


def _together(parts: list[Examples]) -> Examples:
    return Examples(
        columns=parts[0].columns,
        rows=np.concatenate([part.rows for part in parts]),
        fraud=np.concatenate([part.fraud for part in parts]),
        line_key=np.concatenate([part.line_key for part in parts]),
        as_of=np.concatenate([part.as_of for part in parts if part.as_of is not None]),
        source=np.concatenate([part.source for part in parts if part.source is not None]),
    )
