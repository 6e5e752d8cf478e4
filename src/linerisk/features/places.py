"""Places: where the called parties are at home, where the line itself was, and whether it moves at all.

Out of town has three readings, and a reviewer must see which one fired: not the line's home area, not the area where
the line was, or neither. Areas are compared by prefecture (the first four digits of GB/T 2260): another district of the
home city is not out of town. Which prefecture it is matters to no feature, only whether two are the same.
"""

from __future__ import annotations

from functools import partial

import polars as pl

from linerisk.features.stages import Feature, count, entries, evenness, share, weight_log

_NO_AREAS = "no outgoing call in the window with the areas recorded"

_entry = partial(entries, family="places", unit="share", null=_NO_AREAS, reason="A02")

FEATURES: tuple[Feature, ...] = (
    *_entry(
        "out_of_town_share",
        "24h",
        "7d",
        "28d",
        meaning="outgoing calls to parties whose home area is neither the line's home nor where the line was",
        zh="呼叫异地号码占比（非归属地且非所在地）",
        en="share of calls to other cities (neither home city nor where the line was)",
    ),
    *_entry(
        "out_of_home_share",
        "7d",
        meaning="outgoing calls to parties whose home area is not the line's home area",
        zh="呼叫非归属地号码占比",
        en="share of calls to numbers not of the line's home city",
    ),
    *_entry(
        "out_of_visited_share",
        "7d",
        meaning="outgoing calls to parties whose home area is not the area where the line was",
        zh="呼叫非所在地号码占比",
        en="share of calls to numbers not of the city where the line was",
    ),
    *_entry(
        "callee_area_entropy",
        "7d",
        unit="0-1",
        meaning="evenness of outgoing calls over home areas of the parties called: entropy over its maximum",
        null="fewer than two home areas called in the window",
        zh="呼叫地区分散度",
        en="evenness of calls over cities called",
    ),
    *_entry(
        "distinct_callee_areas_count",
        "7d",
        unit="count",
        meaning="different home areas of parties called",
        zh="呼叫的不同城市数",
        en="different cities called",
    ),
    *_entry(
        "away_call_share",
        "7d",
        meaning="outgoing calls made outside the line's home area",
        zh="在归属地以外呼出的占比",
        en="share of outgoing calls made away from the line's home city",
    ),
    *_entry(
        "distinct_visited_areas_count",
        "28d",
        unit="count",
        meaning="different areas where the line was",
        null="no record in the window with the area recorded",
        zh="到过的不同城市数",
        en="different cities the line was in",
    ),
    *_entry(
        "distinct_cells_count",
        "7d",
        unit="count",
        meaning="different coarse cells used",
        null="no record in the window with the cell recorded",
        reason="A09",
        zh="使用过的不同位置数",
        en="different locations used",
    ),
    *_entry(
        "main_cell_share",
        "7d",
        meaning="records on the most used coarse cell among records with a cell",
        null="no record in the window with the cell recorded",
        reason="A09",
        zh="最常用位置的占比",
        en="share of use at the most used location",
    ),
)


def _shares(prepared: pl.LazyFrame) -> pl.LazyFrame:
    """Calls are first counted by the areas involved: there are far fewer combinations than calls."""
    c = pl.col
    calls = (
        prepared.filter(c("is_out"), c("w28"))
        .group_by("line_key", "home", "peer_area", "visited_area")
        .agg(calls_1=count(c("w1")), calls_7=count(c("w7")), calls_28=pl.len().cast(pl.Int64))
    )
    not_home, not_visited = c("peer_area") != c("home"), c("peer_area") != c("visited_area")
    away = c("visited_area") != c("home")
    # A call home is in town even where the visited area is not recorded, but to count only those would lower the share.
    known = not_home.is_not_null() & not_visited.is_not_null()
    town = not_home & not_visited
    sums = calls.group_by("line_key").agg(
        **{f"known_{days}": (c(f"calls_{days}") * known).sum() for days in (1, 7, 28)},
        **{f"town_{days}": (c(f"calls_{days}") * town).sum() for days in (1, 7, 28)},
        home_known=(c("calls_7") * not_home.is_not_null()).sum(),
        out_of_home=(c("calls_7") * not_home).sum(),
        visited_known=(c("calls_7") * not_visited.is_not_null()).sum(),
        out_of_visited=(c("calls_7") * not_visited).sum(),
        away_known=(c("calls_7") * away.is_not_null()).sum(),
        away=(c("calls_7") * away).sum(),
    )
    return sums.select(
        "line_key",
        out_of_town_share_24h=share(c("town_1"), c("known_1")),
        out_of_town_share_7d=share(c("town_7"), c("known_7")),
        out_of_town_share_28d=share(c("town_28"), c("known_28")),
        out_of_home_share_7d=share(c("out_of_home"), c("home_known")),
        out_of_visited_share_7d=share(c("out_of_visited"), c("visited_known")),
        away_call_share_7d=share(c("away"), c("away_known")),
    )


def _callee_areas(prepared: pl.LazyFrame) -> pl.LazyFrame:
    c = pl.col
    return (
        prepared.filter(c("is_out"), c("w7"), c("peer_area").is_not_null())
        .group_by("line_key", "peer_area")
        .agg(calls=pl.len().cast(pl.Int64))
        .group_by("line_key")
        .agg(areas=pl.len().cast(pl.Int64), calls=c("calls").sum(), weight_logs=weight_log(c("calls")).sum())
        .select(
            "line_key",
            distinct_callee_areas_count_7d=c("areas"),
            callee_area_entropy_7d=evenness(c("weight_logs"), c("calls"), c("areas")),
        )
    )


def _visited(prepared: pl.LazyFrame) -> pl.LazyFrame:
    return (
        prepared.filter(pl.col("w28"), pl.col("visited_area").is_not_null())
        .select("line_key", "visited_area")
        .unique()
        .group_by("line_key")
        .agg(distinct_visited_areas_count_28d=pl.len().cast(pl.Int64))
    )


def _cells(prepared: pl.LazyFrame) -> pl.LazyFrame:
    c = pl.col
    return (
        prepared.filter(c("w7"), c("cell_key").is_not_null())
        .group_by("line_key", "cell_key")
        .agg(records=pl.len().cast(pl.Int64))
        .group_by("line_key")
        .agg(distinct_cells_count_7d=pl.len().cast(pl.Int64), most=c("records").max(), records=c("records").sum())
        .select("line_key", "distinct_cells_count_7d", main_cell_share_7d=share(c("most"), c("records")))
    )


STAGES = (_shares, _callee_areas, _visited, _cells)
