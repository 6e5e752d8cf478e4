"""Joins the results of stages, accounts, links and the reference into the feature table. It defines no feature."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from linerisk.features import communities, segments
from linerisk.features.catalogue import ALONE, FEATURE_NAMES, LINKS, WITH_REFERENCE, ZERO_IF_NOTHING_SEEN
from linerisk.features.stages import Instant
from linerisk.features.tenure import AFTER, tenure_features


def join_side_by_side(lines: pl.LazyFrame, frames: Iterable[pl.LazyFrame]) -> pl.LazyFrame:
    """The columns of frames side by side. Grain: one row per line, in their order.

    Every frame is put beside the keys alone: in a chain of joins, each would copy the columns of those before it.
    """
    parts = [lines.join(frame, on="line_key", how="left", maintain_order="left").drop("line_key") for frame in frames]
    return pl.concat([lines, *parts], how="horizontal")


def own_features(
    lines: pl.LazyFrame,
    stages: Iterable[pl.LazyFrame],
    pairs: Iterable[pl.LazyFrame],
    current: pl.LazyFrame,
    *,
    as_of: Instant,
    time_zone: str,
) -> pl.LazyFrame:
    """`segment` and the features that need no reference, as the catalogue keeps them. Grain: one row per line.

    Args:
        lines: Keys of all lines, sorted: those with a record and those with an account.
        stages: What stages gave.
        pairs: Per link of the catalogue, its pairs.
        current: `current_accounts`.
        as_of: The instant we stand at.
        time_zone: Local time zone of dates.
    """
    linked = [link.count(pair) for link, pair in zip(LINKS, pairs, strict=True)]
    made = {name: AFTER.get(name, pl.col(name)) for name in ALONE}
    made |= {name: pl.col(name).fill_null(0) for name in ZERO_IF_NOTHING_SEEN}
    columns = join_side_by_side(lines, [*stages, tenure_features(current, as_of=as_of, time_zone=time_zone), *linked])
    return columns.select("line_key", "segment", **{name: value.cast(pl.Float32) for name, value in made.items()})


def compare_with_reference(lines: pl.LazyFrame, others: tuple[pl.LazyFrame, pl.LazyFrame] | None) -> pl.LazyFrame:
    """Features of `alone`, and those that need the reference: `communities.shared` and `Reference.usual`."""
    if others is None:
        lines = lines.with_columns(pl.lit(None, dtype=pl.Float32).alias(name) for name in WITH_REFERENCE)
    else:
        shared, usual = others
        made = {**segments.ratios(), **communities.values()}
        lines = lines.join(shared, on="line_key", how="left", maintain_order="left")
        lines = lines.join(segments.usual_by_segment(usual), on="segment", how="left", maintain_order="left")
        lines = lines.with_columns(made[name].cast(pl.Float32).alias(name) for name in WITH_REFERENCE)
    return lines.select("line_key", *FEATURE_NAMES)
