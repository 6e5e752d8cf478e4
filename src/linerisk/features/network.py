"""Network: sweeps through number blocks, and how many busy lines sit on the same cell."""

from __future__ import annotations

import polars as pl

from linerisk.features.stages import Feature, Stage, count, share

BUSY_CELL_CALLS = 50
"""Outgoing calls in seven days on one cell from which a line counts as busy there: well above an ordinary line."""

FEATURES = (
    Feature(
        "same_block_callee_share_7d",
        "network",
        "share",
        "7d",
        "outgoing calls to the block of 100 numbers just called before, other number",
        "blocks not recorded or fewer than two calls",
        "A05",
    ),
    Feature(
        "busy_lines_per_cell_count_7d",
        "network",
        "count",
        "7d",
        "most busy lines on a cell where this line is busy",
        "not busy on any cell",
        "A09",
    ),
)


def _sweeps(prepared: pl.LazyFrame) -> pl.LazyFrame:
    c = pl.col
    follows = (c("line_key") == c("line_key").shift()).fill_null(value=False)
    same_block = (c("peer_block") == c("peer_block").shift()) & (c("peer_key") != c("peer_key").shift())
    return (
        prepared.filter(c("is_out"), c("w7"), c("peer_block").is_not_null())
        .select("line_key", "age_s", "peer_key", "peer_block")
        .sort("line_key", "age_s", "peer_key", descending=[False, True, False])
        .with_columns(follows=follows, sweep=follows & same_block)
        .group_by("line_key")
        .agg(follows=count(c("follows")), sweep=count(c("sweep")))
        .select("line_key", same_block_callee_share_7d=share(c("sweep"), c("follows")))
    )


def _cells(prepared: pl.LazyFrame) -> pl.LazyFrame:
    c = pl.col
    return (
        prepared.filter(c("is_out"), c("w7"), c("cell_key").is_not_null())
        .group_by("cell_key", "line_key")
        .agg(calls=pl.len())
        .filter(c("calls") >= BUSY_CELL_CALLS)
        .group_by("cell_key")
        .agg("line_key", lines=pl.len().cast(pl.Int64))
        .explode("line_key", empty_as_null=False, keep_nulls=False)
        .group_by("line_key")
        .agg(busy_lines_per_cell_count_7d=c("lines").max())
    )


STAGES = (Stage("line_key", _sweeps), Stage("cell_key", _cells))
