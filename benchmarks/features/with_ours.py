"""Ours: the stages of `linerisk.features`, only those that the chosen features need, or the whole catalogue."""

from __future__ import annotations

from pathlib import Path

import polars as pl
from chosen import AS_OF, CHOSEN, CLOCK, TIME_ZONE

from linerisk.features.build import BUCKET_RECORDS, build_store
from linerisk.features.catalogue import STAGES, ZERO_IF_NOTHING_SEEN
from linerisk.features.stages import at_home, prepare
from linerisk.features.tenure import current_accounts
from linerisk.tables.store import RecordStore

NOT_NEEDED = (
    pl.lit(None, dtype=pl.Int64).alias("peer_block"),
    pl.lit(None, dtype=pl.Float32).alias("ring_s"),
    pl.lit(None, dtype=pl.Boolean).alias("is_virtual"),
)
"""No chosen feature is made of these columns, and so they are not read from the files: the peers do not either."""


def whole(folder: Path) -> pl.DataFrame:
    """The chosen features, all records at once."""
    return _chosen(RecordStore.open(folder), buckets=1)


def bucketed(folder: Path) -> pl.DataFrame:
    """The chosen features, in the buckets that the product makes of the store."""
    store = RecordStore.open(folder)
    return _chosen(store, buckets=1 + store.record_count // BUCKET_RECORDS)


def catalogue(folder: Path) -> pl.DataFrame:
    """Every feature of the catalogue, as the product runs it."""
    return build_store(RecordStore.open(folder), as_of=AS_OF, time_zone=TIME_ZONE)


def _chosen(store: RecordStore, *, buckets: int) -> pl.DataFrame:
    current = current_accounts(store.accounts(), as_of=AS_OF).collect()
    lines = pl.concat([_compute(store, current, bucket, buckets) for bucket in range(buckets)])
    universe = pl.concat([lines.select("line_key"), current.select("line_key")]).unique()
    return (
        universe.join(lines, on="line_key", how="left")
        .with_columns(pl.col([name for name in CHOSEN if name in ZERO_IF_NOTHING_SEEN]).fill_null(0))
        .select("line_key", pl.col(CHOSEN).cast(pl.Float32))
        .sort("line_key")
    )


def _compute(store: RecordStore, current: pl.DataFrame, bucket: int, buckets: int) -> pl.DataFrame:
    """As `build.compute_stages`, with the stages that give a chosen feature and of each only these columns."""
    records = store.records("line_key", bucket, buckets)
    prepared = prepare(at_home(records, current.lazy()), as_of=AS_OF, clock=CLOCK)
    prepared = prepared.with_columns(NOT_NEEDED).collect().lazy()
    plans = []
    for stage in STAGES:
        plan = stage(prepared)
        wanted = [name for name in plan.collect_schema().names() if name in CHOSEN]
        if wanted:
            plans.append(plan.select("line_key", *wanted))
    seen = prepared.select("line_key").unique()
    for frame in pl.collect_all(plans):
        seen = seen.join(frame.lazy(), on="line_key", how="left")
    return seen.collect()
