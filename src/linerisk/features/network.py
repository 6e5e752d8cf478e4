"""Network: sweeps through number blocks, and how many busy lines sit on the same cell."""

from __future__ import annotations

import polars as pl

from linerisk.features.stages import DAY_S, NEVER_MISSING, Feature, Link, count, entries, share

BUSY_CELL_CALLS = 50
"""Outgoing calls in seven days on one cell from which a line counts as busy there: well above an ordinary line."""

FEATURES: tuple[Feature, ...] = (
    *entries(
        "same_block_callee_share",
        "24h",
        "7d",
        family="network",
        unit="share",
        meaning="outgoing calls to another number of the block of 100 called just before, among calls after a call",
        null="blocks not recorded, or fewer than two calls in the window",
        reason="A05",
        zh="连续拨打同一号段相邻号码的占比",
        en="share of calls that go on within one block of numbers",
    ),
    *entries(
        "longest_sweep_count",
        "24h",
        "7d",
        family="network",
        unit="count",
        meaning="most outgoing calls in a row to other numbers of the block of 100 called just before, those that came "
        "after a call",
        null="blocks not recorded, or no outgoing call in the window",
        reason="A05",
        zh="连续拨打同一号段相邻号码的最长次数",
        en="longest run of calls within one block of numbers",
    ),
    *entries(
        "busy_lines_per_cell_count",
        "7d",
        family="network",
        unit="count",
        meaning=f"most lines, itself counted, with {BUSY_CELL_CALLS} or more outgoing calls on a cell where this line "
        "has as many; 0 if it has not on any cell",
        null=NEVER_MISSING,
        reason="A09",
        zh="同一位置大量呼出的号码数",
        en="lines calling heavily from the same cell",
    ),
)


def _sweeps(prepared: pl.LazyFrame) -> pl.LazyFrame:
    c = pl.col
    follows = (c("line_key") == c("line_key").shift()).fill_null(value=False)
    same_block = (c("peer_block") == c("peer_block").shift()) & (c("peer_key") != c("peer_key").shift())
    # Calls of the same second are ordered by number, so that every runner sees the same order.
    order = ("line_key", "age_s", "peer_key", "peer_block")
    # A successor of a call in the last 24 hours belongs to them too.
    today = (c("age_s").shift() < DAY_S).fill_null(value=False)
    runs = (
        prepared.filter(c("is_out"), c("w7"), c("peer_block").is_not_null())
        .select(order)
        .sort(order, descending=[False, True, False, False])
        .with_columns(follows=follows, sweep=follows & same_block, today=follows & today)
        .with_columns(run=(~c("sweep")).cum_sum())
        .group_by("line_key", "run")
        .agg(
            follows_1=count(c("today")),
            follows_7=count(c("follows")),
            sweep_1=count(c("sweep") & c("today")),
            sweep_7=count(c("sweep")),
            calls_1=count(c("age_s") < DAY_S),
        )
    )
    lines = runs.group_by("line_key").agg(
        c("follows_1", "follows_7", "sweep_1", "sweep_7", "calls_1").sum(),
        run_1=c("sweep_1").max(),
        longest_sweep_count_7d=c("sweep_7").max(),
    )
    return lines.select(
        "line_key",
        "longest_sweep_count_7d",
        longest_sweep_count_24h=pl.when(c("calls_1") > 0).then(c("run_1")),
        same_block_callee_share_24h=share(c("sweep_1"), c("follows_1")),
        same_block_callee_share_7d=share(c("sweep_7"), c("follows_7")),
    )


def _busy_cells(prepared: pl.LazyFrame) -> pl.LazyFrame:
    return (
        prepared.filter(pl.col("is_out"), pl.col("w7"), pl.col("cell_key").is_not_null())
        .group_by("cell_key", "line_key")
        .agg(calls=pl.len())
        .filter(pl.col("calls") >= BUSY_CELL_CALLS)
        .select("cell_key", "line_key")
    )


STAGES = (_sweeps,)
LINKS = (Link("cell_key", "busy_lines_per_cell_count_7d", _busy_cells),)
