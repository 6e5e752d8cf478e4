"""Places: where the called parties are at home, where the line itself was, and whether it moves at all.

Out of town has three readings, and a reviewer must see which one fired: not the line's home area, not the area where
the line was, or neither. Areas are compared by prefecture (the first four digits of GB/T 2260).
"""

from __future__ import annotations

import polars as pl

from linerisk.features.stages import Feature, Stage, count, entropy, share

_NO_CALLS = "no outgoing call in the window, or areas not recorded"
_NO_CELL = "cells not recorded"

FEATURES = (
    Feature(
        "out_of_town_share_24h",
        "places",
        "share",
        "24h",
        "calls to parties at home neither in the line's home nor where it was",
        _NO_CALLS,
        "A02",
    ),
    Feature(
        "out_of_town_share_7d",
        "places",
        "share",
        "7d",
        "calls to parties at home neither in the line's home nor where it was",
        _NO_CALLS,
        "A02",
    ),
    Feature(
        "out_of_town_share_28d",
        "places",
        "share",
        "28d",
        "calls to parties at home neither in the line's home nor where it was",
        _NO_CALLS,
        "A02",
    ),
    Feature(
        "out_of_home_share_7d",
        "places",
        "share",
        "7d",
        "calls to parties outside the line's home area",
        _NO_CALLS,
        "A02",
    ),
    Feature(
        "out_of_visited_share_7d",
        "places",
        "share",
        "7d",
        "calls to parties outside the area where the line was",
        _NO_CALLS,
        "A02",
    ),
    Feature(
        "callee_area_entropy_7d",
        "places",
        "0-1",
        "7d",
        "evenness of calls over home areas of parties called",
        "fewer than two areas",
        "A02",
    ),
    Feature(
        "distinct_callee_areas_count_7d",
        "places",
        "count",
        "7d",
        "different home areas of parties called",
        _NO_CALLS,
        "A02",
    ),
    Feature(
        "away_call_share_7d",
        "places",
        "share",
        "7d",
        "outgoing calls made outside the home area",
        _NO_CALLS,
        "A12",
    ),
    Feature(
        "distinct_visited_areas_count_28d",
        "places",
        "count",
        "28d",
        "different areas where the line was",
        "areas not recorded",
        "A12",
    ),
    Feature("distinct_cells_count_7d", "places", "count", "7d", "different coarse cells used", _NO_CELL, "A09"),
    Feature("main_cell_share_7d", "places", "share", "7d", "records on the most used coarse cell", _NO_CELL, "A09"),
)


def _shares(prepared: pl.LazyFrame) -> pl.LazyFrame:
    c = pl.col
    out, w1, w7 = c("is_out"), c("w1"), c("w7")
    known = c("not_home").is_not_null() & c("not_visited").is_not_null()
    town = c("not_home") & c("not_visited")
    sums = (
        prepared.filter(c("w28"))
        .group_by("line_key")
        .agg(
            known_1=count(out & known & w1),
            known_7=count(out & known & w7),
            known_28=count(out & known),
            town_1=count(out & town & known & w1),
            town_7=count(out & town & known & w7),
            town_28=count(out & town & known),
            home_known_7=count(out & c("not_home").is_not_null() & w7),
            home_7=count(out & c("not_home") & w7),
            visited_known_7=count(out & c("not_visited").is_not_null() & w7),
            visited_7=count(out & c("not_visited") & w7),
            away_known_7=count(out & c("away").is_not_null() & w7),
            away_7=count(out & c("away") & w7),
        )
    )
    return sums.select(
        "line_key",
        out_of_town_share_24h=share(c("town_1"), c("known_1")),
        out_of_town_share_7d=share(c("town_7"), c("known_7")),
        out_of_town_share_28d=share(c("town_28"), c("known_28")),
        out_of_home_share_7d=share(c("home_7"), c("home_known_7")),
        out_of_visited_share_7d=share(c("visited_7"), c("visited_known_7")),
        away_call_share_7d=share(c("away_7"), c("away_known_7")),
    )


def _callee_areas(prepared: pl.LazyFrame) -> pl.LazyFrame:
    c = pl.col
    weight_log = c("calls") * c("calls").cast(pl.Float64).log()
    return (
        prepared.filter(c("is_out"), c("w7"), c("peer_area").is_not_null())
        .group_by("line_key", (c("peer_area") // 100).alias("area"))
        .agg(calls=pl.len().cast(pl.Int64))
        .group_by("line_key")
        .agg(areas=pl.len().cast(pl.Int64), calls=c("calls").sum(), weight_logs=weight_log.sort().sum())
        .select(
            "line_key",
            distinct_callee_areas_count_7d=c("areas"),
            callee_area_entropy_7d=entropy(c("weight_logs"), c("calls"), c("areas")),
        )
    )


def _visited(prepared: pl.LazyFrame) -> pl.LazyFrame:
    c = pl.col
    return (
        prepared.filter(c("w28"), c("visited_area").is_not_null())
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
        .agg(n=pl.len().cast(pl.Int64))
        .group_by("line_key")
        .agg(
            distinct_cells_count_7d=pl.len().cast(pl.Int64),
            main_cell_share_7d=share(c("n").max(), c("n").sum()),
        )
    )


STAGES = tuple(Stage("line_key", run) for run in (_shares, _callee_areas, _visited, _cells))
