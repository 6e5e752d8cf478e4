"""Runners: the same stages on a whole frame, on a store in buckets, or on a request. No feature is defined here.

Each computes the stages of sets of whole lines, joins the lines and the links between them, and ends in
`with_reference.compared`, which compares them with other lines (`reference`). Rows are ordered by line, columns by the
catalogue, and values are kept as Float32: so all runners agree bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol, cast

import dataframely as dy
import polars as pl

from linerisk.errors import UsageError
from linerisk.features import communities, request, segments
from linerisk.features.catalogue import ALONE, LINKS, STAGES, Features
from linerisk.features.reference import Found, Reference, not_from_later
from linerisk.features.stages import HISTORY, at_home, local_clock, prepare, utc
from linerisk.features.tenure import current_accounts
from linerisk.features.with_reference import compare_with_reference, join_side_by_side, own_features

BUCKET_RECORDS = 1_500_000
"""Records of a bucket: what is held in memory at once. The process then peaks at about half a gigabyte."""

MANY_RECORDS = 200_000
"""Records of a request from which the streaming engine, whose plans cost some 30 ms, is the faster one."""

Scan = Callable[[int, int], pl.LazyFrame]
"""(bucket, number of buckets) -> the records of the lines of that bucket."""

Progress = Callable[[int, int], None]
"""Called with (buckets done, buckets in all)."""


class Store(Protocol):
    """Interface of a record store; `tables.store.RecordStore` implements it."""

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

    def labels(self) -> pl.LazyFrame:
        """Labels of all lines."""
        ...


@dataclass(frozen=True, slots=True)
class ComputedStages:
    """Features and links of a set of whole lines.

    Attributes:
        lines: Grain: one row per line with a record.
        pairs: Per link of the catalogue, its pairs. Grain: one row per key and line.
        contacts: Contacts with found lines and with their contacts; None if these are not known.
    """

    lines: pl.DataFrame
    pairs: tuple[pl.DataFrame, ...]
    contacts: communities.ContactsOfFound | None


@dataclass(frozen=True, slots=True)
class Surveyed:
    """Features of all lines, and the reference they were compared with."""

    features: dy.DataFrame[Features]
    reference: Reference


def build_store(
    store: Store, *, as_of: datetime, time_zone: str, on_progress: Progress | None = None
) -> dy.DataFrame[Features]:
    """Features of every line of a store; see `survey_store`."""
    return survey_store(store, as_of=as_of, time_zone=time_zone, on_progress=on_progress).features


def survey_store(store: Store, *, as_of: datetime, time_zone: str, on_progress: Progress | None = None) -> Surveyed:
    """Features of every line of a store, and the reference computed from the same lines.

    Runs in as many buckets of lines as keep memory bounded (`BUCKET_RECORDS`).

    Args:
        store: Only records that started in (as_of - HISTORY, as_of] are read, and of lines found fraudulent the last.
        as_of: The instant we stand at.
        time_zone: Local time zone of hours, weekdays and dates.
        on_progress: Called after every bucket.
    """
    end = utc(as_of)
    start = end - HISTORY
    records: int = store.records(start=start, end=end).select(pl.len()).collect().item()
    current = current_accounts(store.accounts(), as_of=as_of).collect()
    found = communities.found_lines(store, as_of=as_of)
    computed = _compute_buckets(
        lambda bucket, buckets: store.records("line_key", bucket, buckets, start=start, end=end),
        current,
        found=found,
        as_of=as_of,
        time_zone=time_zone,
        buckets=1 + records // BUCKET_RECORDS,
        on_progress=on_progress,
    )
    lines = _alone_of(computed, current, as_of=as_of, time_zone=time_zone).collect()
    contacts = communities.together([part.contacts for part in computed if part.contacts is not None])
    reference = Reference(end, found, communities.by_any(contacts, found), segments.usual_of(lines))
    return Surveyed(_compared_of(lines.lazy(), computed, reference), reference)


def build_bucketed(
    scan: Scan,
    accounts: pl.LazyFrame,
    *,
    reference: Reference | None,
    as_of: datetime,
    time_zone: str,
    buckets: int,
    on_progress: Progress | None = None,
) -> dy.DataFrame[Features]:
    """Features of every line, one bucket of lines at a time, so that memory does not grow with the records.

    Args:
        scan: Gives the records of one bucket; every line is in one bucket with all its records.
        accounts: `tables.schemas.Accounts`; rows known after `as_of` are not seen.
        reference: What is known of other lines; without it, features that need it are null.
        as_of: The instant we stand at.
        time_zone: Local time zone of hours, weekdays and dates.
        buckets: Number of buckets.
        on_progress: Called after every bucket.

    Raises:
        UsageError: There is no bucket, `as_of` has no time zone, or the reference is from later.
    """
    reference = not_from_later(reference, as_of=utc(as_of))
    current = current_accounts(accounts, as_of=as_of).collect()
    computed = _compute_buckets(
        scan,
        current,
        found=None if reference is None else reference.found,
        as_of=as_of,
        time_zone=time_zone,
        buckets=buckets,
        on_progress=on_progress,
    )
    lines = _alone_of(computed, current, as_of=as_of, time_zone=time_zone)
    return _compared_of(lines, computed, reference)


def build_whole(
    records: pl.LazyFrame, accounts: pl.LazyFrame, *, reference: Reference | None, as_of: datetime, time_zone: str
) -> dy.DataFrame[Features]:
    """Features of every line from one frame of records, held in memory at once; see `build_bucketed`."""
    return build_bucketed(
        lambda _bucket, _buckets: records, accounts, reference=reference, as_of=as_of, time_zone=time_zone, buckets=1
    )


def build_request(
    records: pl.DataFrame, accounts: pl.DataFrame, *, reference: Reference | None, as_of: datetime, time_zone: str
) -> dy.DataFrame[Features]:
    """Features of the lines of one request, from its body.

    The same stages: of up to `MANY_RECORDS`, for which planning takes longer than the work, by plans that were written
    once (`request.compute`); of more, as a whole frame. A handset, a cell or a holder is shared only among the lines of
    the request.

    Args:
        records: `tables.schemas.Records`.
        accounts: `tables.schemas.Accounts`; rows known after `as_of` are not seen.
        reference: What is known of other lines; without it, features that need it are null.
        as_of: The instant we stand at.
        time_zone: Local time zone of hours, weekdays and dates.

    Raises:
        UsageError: `as_of` has no time zone, or the reference is from later.
    """
    reference = not_from_later(reference, as_of=utc(as_of))
    if records.height > MANY_RECORDS:
        return build_whole(records.lazy(), accounts.lazy(), reference=reference, as_of=as_of, time_zone=time_zone)
    features = request.compute(records, accounts, reference=reference, as_of=as_of, time_zone=time_zone)
    return cast("dy.DataFrame[Features]", features)


def compute_stages(
    records: pl.LazyFrame, current: pl.DataFrame, *, found: Found | None, as_of: datetime, time_zone: str
) -> ComputedStages:
    """Run every stage and link on the records of some whole lines.

    Args:
        records: `tables.schemas.Records` of these lines.
        current: `current_accounts` of these lines, or of more.
        found: Lines found fraudulent and their contacts, if they are known.
        as_of: The instant we stand at.
        time_zone: Local time zone of hours, weekdays and dates.
    """
    clock = local_clock(as_of, time_zone)
    prepared = prepare(at_home(records, current.lazy()), as_of=as_of, clock=clock).collect()
    known = prepared.lazy()
    frames = pl.collect_all([*(stage(known) for stage in STAGES), *(link.pairs(known) for link in LINKS)])
    stages, pairs = frames[: len(STAGES)], frames[len(STAGES) :]
    seen = prepared.select(pl.col("line_key").unique().sort())
    # Cast to the catalogue's types here, since finished buckets wait in memory for the last one.
    kept = pl.selectors.by_name(ALONE, require_all=False).cast(pl.Float32)
    lines = join_side_by_side(seen.lazy(), [frame.lazy() for frame in stages]).with_columns(kept).collect()
    return ComputedStages(
        lines, tuple(pairs), None if found is None else communities.contacts_of_found(prepared, found)
    )


def _compute_buckets(
    scan: Scan,
    current: pl.DataFrame,
    *,
    found: Found | None,
    as_of: datetime,
    time_zone: str,
    buckets: int,
    on_progress: Progress | None,
) -> list[ComputedStages]:
    if buckets < 1:
        raise UsageError("there is nothing to run", expected="at least one bucket", found=str(buckets), field="buckets")
    computed = []
    for bucket in range(buckets):
        records = scan(bucket, buckets)
        computed.append(compute_stages(records, current, found=found, as_of=as_of, time_zone=time_zone))
        if on_progress is not None:
            on_progress(bucket + 1, buckets)
    return computed


def _alone_of(
    computed: list[ComputedStages], current: pl.DataFrame, *, as_of: datetime, time_zone: str
) -> pl.LazyFrame:
    seen = pl.concat([part.lines for part in computed])
    lines = pl.concat([seen["line_key"], current["line_key"]]).unique().sort().to_frame()
    pairs = [pl.concat([part.pairs[position] for part in computed]).lazy() for position in range(len(LINKS))]
    return own_features(lines.lazy(), [seen.lazy()], pairs, current.lazy(), as_of=as_of, time_zone=time_zone)


def _compared_of(
    lines: pl.LazyFrame, computed: list[ComputedStages], reference: Reference | None
) -> dy.DataFrame[Features]:
    others = None
    if reference is not None:
        contacts = communities.together([part.contacts for part in computed if part.contacts is not None])
        others = (communities.shared(contacts, reference).lazy(), reference.usual.lazy())
    return cast("dy.DataFrame[Features]", compare_with_reference(lines, others).collect())
