"""The runner of a request: a few lines, with plans that each thread compiles once."""

from __future__ import annotations

import threading
from datetime import datetime

import polars as pl

from linerisk.features import communities
from linerisk.features.catalogue import LINKS, STAGES
from linerisk.features.compiled_plans import Written
from linerisk.features.local_time import Clock
from linerisk.features.reference import Reference, positions
from linerisk.features.stages import RECORD_COLUMNS, at, local_clock, prepare
from linerisk.features.tenure import current_accounts
from linerisk.features.with_reference import compare_with_reference, own_features


class _Plans:
    """Plans of a request; the instant is the column `as_of` of its frames."""

    def __init__(self, time_zone: str, clock: Clock) -> None:
        as_of = pl.col("as_of")
        self.current = Written(lambda accounts: current_accounts(accounts, as_of=as_of))
        self.prepared = Written(lambda records: prepare(records, as_of=as_of, clock=clock))

        def by_itself(lines: pl.LazyFrame, prepared: pl.LazyFrame, current: pl.LazyFrame) -> pl.LazyFrame:
            stages = [stage(prepared) for stage in STAGES]
            pairs = [link.pairs(prepared) for link in LINKS]
            return own_features(lines, stages, pairs, current, as_of=as_of, time_zone=time_zone)

        self.own_features = Written(lambda *slots: compare_with_reference(by_itself(*slots), None))
        self.compare_with_reference = Written(lambda *slots: compare_with_reference(by_itself(*slots[:3]), slots[3:]))


class _Kept(threading.local):
    """The plans of a thread, because a plan runs for one request at a time."""

    of: tuple[pl.Schema, pl.Schema, str, Clock] | None = None
    plans: _Plans


_KEPT = _Kept()


def _plans(records: pl.Schema, accounts: pl.Schema, time_zone: str, clock: Clock) -> _Plans:
    of = (records, accounts, time_zone, clock)
    if _KEPT.of != of:
        _KEPT.of, _KEPT.plans = of, _Plans(time_zone, clock)
    return _KEPT.plans


def compute(
    records: pl.DataFrame, accounts: pl.DataFrame, *, reference: Reference | None, as_of: datetime, time_zone: str
) -> pl.DataFrame:
    """The feature table of a few lines; see `build.build_request`."""
    plans = _plans(records.schema, accounts.schema, time_zone, local_clock(as_of, time_zone))
    moment = at(as_of).alias("as_of")
    current = plans.current.run(accounts.with_columns(moment))
    homes = current["home_area"].gather(_rows(current["line_key"], records["line_key"]))
    prepared = plans.prepared.run(records.select(*RECORD_COLUMNS, homes, moment))
    lines = pl.concat([prepared["line_key"], current["line_key"]]).unique().sort().to_frame()
    if reference is None:
        return plans.own_features.run(lines, prepared, current)
    contacts = communities.contacts_of_found(prepared, reference.found)
    return plans.compare_with_reference.run(
        lines, prepared, current, communities.shared(contacts, reference), reference.usual
    )


def _rows(known: pl.Series, keys: pl.Series) -> pl.Series:
    """Index of each key among sorted keys; null for a missing key."""
    return pl.Series(positions(known.to_numpy(), keys.to_numpy()), dtype=pl.Int64).replace(-1, None)
