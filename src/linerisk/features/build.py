"""Runners: the same stages on a whole frame, on a store in buckets, or on a request. No feature is defined here.

All of them cook sets of whole lines (`cook_lines`), put the lines and what links them together, and end in `_finish`,
which orders rows by line and columns by the catalogue and keeps values as Float32: with that they agree bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol, cast

import dataframely as dy
import polars as pl

from linerisk.errors import UsageError
from linerisk.features.catalogue import FEATURE_NAMES, LINKS, STAGES, ZERO_IF_NOTHING_SEEN, Features
from linerisk.features.stages import HISTORY, prepare, utc
from linerisk.features.tenure import AFTER, current_accounts, tenure_features

BUCKET_RECORDS = 1_500_000
"""Records of a bucket: what is held in memory at once. The process then peaks at about half a gigabyte."""

Scan = Callable[[int, int], pl.LazyFrame]
"""(bucket, number of buckets) -> the records of the lines of that bucket."""

Progress = Callable[[int, int], None]
"""Called with (buckets done, buckets in all)."""


class Store(Protocol):
    """What features ask of a record store; `tables.store.RecordStore` is one."""

    def records(
        self,
        key: Literal["line_key"] = "line_key",
        bucket: int = 0,
        buckets: int = 1,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> pl.LazyFrame:
        """Records of one bucket of lines."""
        ...

    def accounts(self) -> pl.LazyFrame:
        """Account rows of all lines."""
        ...


@dataclass(frozen=True, slots=True)
class Cooked:
    """What is made of a set of whole lines.

    Attributes:
        lines: Grain: one row per line with a record.
        pairs: Per link of the catalogue, its pairs. Grain: one row per key and line.
    """

    lines: pl.DataFrame
    pairs: tuple[pl.DataFrame, ...]


def build_store(
    store: Store, *, as_of: datetime, time_zone: str, on_progress: Progress | None = None
) -> dy.DataFrame[Features]:
    """Features of every line of a store, in as many buckets of lines as keep memory bounded (`BUCKET_RECORDS`).

    Args:
        store: Only records that started in (as_of - HISTORY, as_of] are read.
        as_of: The instant we stand at.
        time_zone: Local time zone of hours, weekdays and dates.
        on_progress: Called after every bucket.
    """
    end = utc(as_of)
    start = end - HISTORY
    records: int = store.records(start=start, end=end).select(pl.len()).collect().item()
    return build_bucketed(
        lambda bucket, buckets: store.records("line_key", bucket, buckets, start=start, end=end),
        store.accounts(),
        as_of=as_of,
        time_zone=time_zone,
        buckets=1 + records // BUCKET_RECORDS,
        on_progress=on_progress,
    )


def build_bucketed(
    scan: Scan,
    accounts: pl.LazyFrame,
    *,
    as_of: datetime,
    time_zone: str,
    buckets: int,
    on_progress: Progress | None = None,
) -> dy.DataFrame[Features]:
    """Features of every line, one bucket of lines at a time, so that memory does not grow with the records.

    Args:
        scan: Gives the records of one bucket; every line is in one bucket with all its records.
        accounts: `tables.schemas.Accounts`; rows known after `as_of` are not seen.
        as_of: The instant we stand at.
        time_zone: Local time zone of hours, weekdays and dates.
        buckets: Number of buckets.
        on_progress: Called after every bucket.

    Raises:
        UsageError: There is no bucket, or `as_of` has no time zone.
    """
    if buckets < 1:
        raise UsageError("there is nothing to run", expected="at least one bucket", found=str(buckets), field="buckets")
    current = current_accounts(accounts, as_of=as_of).collect()
    cooked = []
    for bucket in range(buckets):
        cooked.append(cook_lines(scan(bucket, buckets), current, as_of=as_of, time_zone=time_zone))
        if on_progress is not None:
            on_progress(bucket + 1, buckets)
    return _finish(cooked, current, as_of=as_of, time_zone=time_zone).collect()


def build_whole(
    records: pl.LazyFrame, accounts: pl.LazyFrame, *, as_of: datetime, time_zone: str
) -> dy.DataFrame[Features]:
    """Features of every line from one frame of records, held in memory at once.

    Args:
        records: `tables.schemas.Records`.
        accounts: `tables.schemas.Accounts`; rows known after `as_of` are not seen.
        as_of: The instant we stand at.
        time_zone: Local time zone of hours, weekdays and dates.
    """
    return build_bucketed(lambda _bucket, _buckets: records, accounts, as_of=as_of, time_zone=time_zone, buckets=1)


def build_request(
    records: pl.DataFrame, accounts: pl.DataFrame, *, as_of: datetime, time_zone: str
) -> dy.DataFrame[Features]:
    """Features of the lines of one request, from what its body holds.

    The same stages, but the plans run in memory as they are written: for a few thousand records, planning takes longer
    than the work. A handset, a cell or a holder is shared only among the lines of the request.

    Args:
        records: `tables.schemas.Records`.
        accounts: `tables.schemas.Accounts`; rows known after `as_of` are not seen.
        as_of: The instant we stand at.
        time_zone: Local time zone of hours, weekdays and dates.
    """
    current = _now(current_accounts(accounts.lazy(), as_of=as_of))
    prepared = _now(prepare(records.lazy(), current.lazy(), as_of=as_of, time_zone=time_zone)).lazy()
    cooked = Cooked(
        _now(_beside(prepared, [stage(prepared) for stage in STAGES])),
        tuple(_now(link.pairs(prepared)) for link in LINKS),
    )
    return cast("dy.DataFrame[Features]", _now(_finish([cooked], current, as_of=as_of, time_zone=time_zone)))


def cook_lines(records: pl.LazyFrame, current: pl.DataFrame, *, as_of: datetime, time_zone: str) -> Cooked:
    """Run every stage and link on the records of some whole lines.

    Args:
        records: `tables.schemas.Records` of these lines.
        current: `current_accounts` of these lines, or of more.
        as_of: The instant we stand at.
        time_zone: Local time zone of hours, weekdays and dates.
    """
    prepared = prepare(records, current.lazy(), as_of=as_of, time_zone=time_zone).collect().lazy()
    frames = pl.collect_all([*(stage(prepared) for stage in STAGES), *(link.pairs(prepared) for link in LINKS)])
    stages, pairs = frames[: len(STAGES)], frames[len(STAGES) :]
    return Cooked(_beside(prepared, [frame.lazy() for frame in stages]).collect(), tuple(pairs))


def _now(plan: pl.LazyFrame) -> pl.DataFrame:
    return plan.collect(engine="in-memory", optimizations=pl.QueryOptFlags.none())


def _beside(prepared: pl.LazyFrame, frames: Iterable[pl.LazyFrame]) -> pl.LazyFrame:
    """The stages' columns side by side. Grain: one row per line with a record."""
    seen = prepared.select("line_key").unique()
    for frame in frames:
        seen = seen.join(frame, on="line_key", how="left")
    return seen


def _finish(cooked: list[Cooked], current: pl.DataFrame, *, as_of: datetime, time_zone: str) -> dy.LazyFrame[Features]:
    lines = pl.concat([part.lines for part in cooked]).lazy()
    universe = pl.concat([lines.select("line_key"), current.lazy().select("line_key")]).unique()
    frames = [lines, tenure_features(current.lazy(), as_of=as_of, time_zone=time_zone)]
    for position, link in enumerate(LINKS):
        frames.append(link.count(pl.concat([part.pairs[position] for part in cooked]).lazy()))
    for frame in frames:
        universe = universe.join(frame, on="line_key", how="left")
    features = (
        universe.with_columns(**AFTER)
        .with_columns(pl.col(ZERO_IF_NOTHING_SEEN).fill_null(0))
        .select("line_key", pl.col(FEATURE_NAMES).cast(pl.Float32))
        .sort("line_key")
    )
    return cast("dy.LazyFrame[Features]", features)
