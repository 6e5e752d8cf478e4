"""Runners: the same stages on a whole frame, in buckets, or on a request. No feature is defined here.

All three end in `_finish`, which orders rows by line, orders columns by the catalogue, and keeps values as Float32: with
that the three agree bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

import polars as pl

from linerisk.features.catalogue import FEATURE_NAMES, FEATURES, STAGES
from linerisk.features.stages import Stage, prepare
from linerisk.features.tenure import current_accounts, tenure_features

Scan = Callable[[str, int, int], pl.LazyFrame]
"""(key column, bucket, number of buckets) -> the records whose key falls into that bucket."""

# Without a record a count is a known 0; every other missing value stays missing.
_COUNTS = tuple(f.name for f in FEATURES if f.unit == "count" and f.window != "now" and "recorded" not in f.null_means)


def bucket_of(key: str, buckets: int) -> pl.Expr:
    """The bucket of a key column: its remainder, because keys are hashes already."""
    return pl.col(key) % buckets


def build_whole(records: pl.LazyFrame, accounts: pl.LazyFrame, *, as_of: datetime, time_zone: str) -> pl.DataFrame:
    """Features of every line from one frame of records. Grain: one row per line, sorted by `line_key`.

    Args:
        records: `tables.schemas.Records`.
        accounts: `tables.schemas.Accounts`; rows known after `as_of` are not seen.
        as_of: The instant we stand at.
        time_zone: Local time zone of hours and weekdays.
    """
    return build_bucketed(
        lambda _key, _bucket, _buckets: records, accounts, as_of=as_of, time_zone=time_zone, buckets=1
    )


def build_bucketed(
    scan: Scan,
    accounts: pl.LazyFrame,
    *,
    as_of: datetime,
    time_zone: str,
    buckets: int,
    on_progress: Callable[[int, int], None] | None = None,
) -> pl.DataFrame:
    """Features of every line, one bucket of lines at a time, so that memory does not grow with the records.

    Args:
        scan: Gives the records of one bucket; filters what it can before reading.
        accounts: As for `build_whole`.
        as_of: The instant we stand at.
        time_zone: Local time zone of hours and weekdays.
        buckets: Number of buckets.
        on_progress: Called with (done, total) after every bucket.
    """
    current = current_accounts(accounts, as_of=as_of).collect()
    keys = sorted({stage.key for stage in STAGES} - {"line_key"})
    total = buckets * (1 + len(keys))
    partials: list[pl.DataFrame] = []
    lines: list[pl.DataFrame] = []
    for done, (key, bucket) in enumerate(((k, b) for k in ("line_key", *keys) for b in range(buckets)), start=1):
        prepared = prepare(scan(key, bucket, buckets), current.lazy(), as_of=as_of, time_zone=time_zone)
        stages = [stage for stage in STAGES if stage.key == key]
        (lines if key == "line_key" else partials).append(_run(prepared, stages))
        if on_progress is not None:
            on_progress(done, total)
    merged = _merge_partials(partials)
    account_features = tenure_features(current.lazy(), as_of=as_of).collect()
    return _finish(pl.concat(lines), merged, account_features)


def build_request(records: pl.DataFrame, accounts: pl.DataFrame, *, as_of: datetime, time_zone: str) -> pl.DataFrame:
    """Features of the lines of one request, from the records in its body; the plan is run in memory, unoptimised.

    A device or cell is shared only among the lines of the request.
    """
    return build_whole(records.lazy(), accounts.lazy(), as_of=as_of, time_zone=time_zone)


def _run(prepared: pl.LazyFrame, stages: Iterable[Stage]) -> pl.DataFrame:
    """All stages of one key on one bucket, joined on the line. Grain: one row per line with a record."""
    base = prepared.collect()
    frames = pl.collect_all([stage.run(base.lazy()) for stage in stages])
    seen = base.lazy().select("line_key").unique()
    for frame in frames:
        seen = seen.join(frame.lazy(), on="line_key", how="left")
    return seen.collect()


def _merge_partials(partials: list[pl.DataFrame]) -> pl.DataFrame:
    """Partials of stages keyed elsewhere, merged by maximum. Grain: one row per line."""
    return pl.concat(partials, how="diagonal").group_by("line_key").agg(pl.exclude("line_key").max())


def _finish(lines: pl.DataFrame, merged: pl.DataFrame, accounts: pl.DataFrame) -> pl.DataFrame:
    universe = pl.concat([lines.select("line_key"), accounts.select("line_key")]).unique()
    return (
        universe.lazy()
        .join(lines.lazy(), on="line_key", how="left")
        .join(merged.lazy(), on="line_key", how="left")
        .join(accounts.lazy(), on="line_key", how="left")
        .with_columns(pl.col(_COUNTS).fill_null(0))
        .select("line_key", pl.col(FEATURE_NAMES).cast(pl.Float32))
        .sort("line_key")
        .collect()
    )
