"""Places: where the called parties are at home, where the line itself was, and whether it moves at all.

Out of town has three readings, and a reviewer must see which one applies: not the line's home area, not the area where
the line was, or neither. Areas are compared by prefecture (the first four digits of GB/T 2260): another district of the
home city is not out of town. Which prefecture it is matters to no feature, only whether two are the same.
"""

from __future__ import annotations

from functools import partial

import polars as pl

from linerisk.features.rhythm import OFFICE_HOURS
from linerisk.features.stages import Feature, count, entries, evenness, share, weight_log

FLOOR_SHARE = 0.1
"""Added to shares before they are divided: from 0 % to 5 % is no great change."""

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
        "24h",
        "7d",
        "28d",
        meaning="outgoing calls to parties whose home area is not the line's home area",
        zh="呼叫非归属地号码占比",
        en="share of calls to numbers not of the line's home city",
    ),
    *_entry(
        "out_of_visited_share",
        "24h",
        "7d",
        "28d",
        meaning="outgoing calls to parties whose home area is not the area where the line was",
        zh="呼叫非所在地号码占比",
        en="share of calls to numbers not of the city where the line was",
    ),
    *_entry(
        "out_of_town_vs_own_past_ratio",
        "7d",
        unit="ratio",
        meaning="this week's share of outgoing calls to parties neither of the line's home nor of where it was, over "
        f"that of the seven weeks before, both plus {FLOOR_SHARE}",
        null="no outgoing call with the areas recorded this week, or none in the seven weeks before",
        zh="呼叫异地号码占比与此前七周之比",
        en="share of calls to other cities against the line's own past",
    ),
    *_entry(
        "callee_area_entropy",
        "24h",
        "7d",
        unit="0-1",
        meaning="evenness of outgoing calls over home areas of the parties called: entropy over its maximum",
        null="fewer than two home areas called in the window",
        zh="呼叫地区分散度",
        en="evenness of calls over cities called",
    ),
    *_entry(
        "distinct_callee_areas_count",
        "24h",
        "7d",
        unit="count",
        meaning="different home areas of parties called",
        zh="呼叫的不同城市数",
        en="different cities called",
    ),
    *_entry(
        "away_call_share",
        "24h",
        "7d",
        "28d",
        meaning="outgoing calls made outside the line's home area",
        zh="在归属地以外呼出的占比",
        en="share of outgoing calls made away from the line's home city",
    ),
    *_entry(
        "distinct_visited_areas_count",
        "7d",
        "28d",
        unit="count",
        meaning="different areas where the line was",
        null="no record in the window with the area recorded",
        zh="到过的不同城市数",
        en="different cities the line was in",
    ),
    *_entry(
        "distinct_cells_count",
        "24h",
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
        "24h",
        "7d",
        meaning="records on the most used coarse cell among records with a cell",
        null="no record in the window with the cell recorded",
        reason="A09",
        zh="最常用位置的占比",
        en="share of use at the most used location",
    ),
    *_entry(
        "main_cell_office_hours_count",
        "7d",
        unit="count",
        meaning="local hours from 9:00 until before 18:00, of all seven days, with a record on one coarse cell; the "
        "cell with most of them",
        null="no record in the window with the cell recorded",
        reason="A09",
        zh="在同一位置使用的日间小时数",
        en="daytime hours with use at one location",
    ),
)


def _shares(prepared: pl.LazyFrame) -> pl.LazyFrame:
    """Calls are first counted by the areas involved: there are far fewer combinations than calls."""
    c = pl.col
    calls = (
        prepared.filter(c("is_out"))
        .group_by("line_key", "home", "peer_area", "visited_area")
        .agg(calls_1=count(c("w1")), calls_7=count(c("w7")), calls_28=count(c("w28")), calls_before=count(~c("w7")))
    )
    not_home, not_visited = c("peer_area") != c("home"), c("peer_area") != c("visited_area")
    away = c("visited_area") != c("home")
    # A call home is in town even where the visited area is not recorded, but to count only those would lower the share.
    known = not_home.is_not_null() & not_visited.is_not_null()
    readings = {
        "out_of_town": (not_home & not_visited, known),
        "out_of_home": (not_home, not_home.is_not_null()),
        "out_of_visited": (not_visited, not_visited.is_not_null()),
        "away": (away, away.is_not_null()),
    }
    flags = {
        f"{part}_{name}": flag for name, of in readings.items() for part, flag in zip(("of", "among"), of, strict=True)
    }
    sums = {f"{flag}_{days}": (c(f"calls_{days}") * c(flag)).sum() for flag in flags for days in (1, 7, 28, "before")}
    shares = {
        f"{name}_{days}": share(c(f"of_{name}_{days}"), c(f"among_{name}_{days}"))
        for name in readings
        for days in (1, 7, 28, "before")
    }
    features = {
        f"{'away_call' if name == 'away' else name}_share_{window}": shares[f"{name}_{days}"]
        for name in readings
        for window, days in (("24h", 1), ("7d", 7), ("28d", 28))
    }
    against = (shares["out_of_town_7"] + FLOOR_SHARE) / (shares["out_of_town_before"] + FLOOR_SHARE)
    lines = calls.with_columns(**flags).group_by("line_key").agg(**sums)
    return lines.select("line_key", **features, out_of_town_vs_own_past_ratio_7d=against)


def _callee_areas(prepared: pl.LazyFrame) -> pl.LazyFrame:
    c = pl.col
    areas = (
        prepared.filter(c("is_out"), c("w7"), c("peer_area").is_not_null())
        .group_by("line_key", "peer_area")
        .agg(calls_1=count(c("w1")), calls_7=pl.len().cast(pl.Int64))
        .group_by("line_key")
        .agg(
            c("calls_1", "calls_7").sum(),
            areas_1=count(c("calls_1") > 0),
            areas_7=pl.len().cast(pl.Int64),
            weight_logs_1=weight_log(c("calls_1")).sum(),
            weight_logs_7=weight_log(c("calls_7")).sum(),
        )
    )
    return areas.select(
        "line_key",
        distinct_callee_areas_count_24h=pl.when(c("areas_1") > 0).then(c("areas_1")),
        distinct_callee_areas_count_7d=c("areas_7"),
        callee_area_entropy_24h=evenness(c("weight_logs_1"), c("calls_1"), c("areas_1")),
        callee_area_entropy_7d=evenness(c("weight_logs_7"), c("calls_7"), c("areas_7")),
    )


def _visited(prepared: pl.LazyFrame) -> pl.LazyFrame:
    return (
        prepared.filter(pl.col("w28"), pl.col("visited_area").is_not_null())
        .group_by("line_key", "visited_area")
        .agg(recent=pl.col("w7").any())
        .group_by("line_key")
        .agg(recent=count(pl.col("recent")), distinct_visited_areas_count_28d=pl.len().cast(pl.Int64))
        .select(
            "line_key",
            "distinct_visited_areas_count_28d",
            distinct_visited_areas_count_7d=pl.when(pl.col("recent") > 0).then(pl.col("recent")),
        )
    )


def _cells(prepared: pl.LazyFrame) -> pl.LazyFrame:
    c = pl.col
    office_from, office_until = OFFICE_HOURS
    office = (c("hour") >= office_from) & (c("hour") < office_until)
    cells = (
        prepared.filter(c("w7"), c("cell_key").is_not_null())
        .group_by("line_key", "cell_key", "day", "hour")
        .agg(records_1=count(c("w1")), records_7=pl.len().cast(pl.Int64))
        .group_by("line_key", "cell_key")
        .agg(c("records_1", "records_7").sum(), office=count(office))
        .group_by("line_key")
        .agg(
            c("records_1", "records_7").sum(),
            cells_1=count(c("records_1") > 0),
            cells_7=pl.len().cast(pl.Int64),
            most_1=c("records_1").max(),
            most_7=c("records_7").max(),
            main_cell_office_hours_count_7d=c("office").max(),
        )
    )
    return cells.select(
        "line_key",
        "main_cell_office_hours_count_7d",
        distinct_cells_count_24h=pl.when(c("cells_1") > 0).then(c("cells_1")),
        distinct_cells_count_7d=c("cells_7"),
        main_cell_share_24h=share(c("most_1"), c("records_1")),
        main_cell_share_7d=share(c("most_7"), c("records_7")),
    )


STAGES = (_shares, _callee_areas, _visited, _cells)
