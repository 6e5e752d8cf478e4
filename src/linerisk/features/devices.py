"""Devices: in how many handsets a SIM was used, and how many lines share one handset."""

from __future__ import annotations

from functools import partial

import polars as pl

from linerisk.features.stages import Feature, Link, count, entries

_entry = partial(
    entries, family="devices", unit="count", null="no record in 28 days that names the handset", reason="A08"
)

FEATURES: tuple[Feature, ...] = (
    *_entry(
        "distinct_devices_count",
        "7d",
        "28d",
        meaning="different handsets the SIM was used in",
        zh="使用的不同终端数",
        en="different handsets used",
    ),
    *_entry(
        "new_devices_count",
        "7d",
        meaning="handsets used this week and not in the seven weeks before",
        null="no record in 56 days that names the handset",
        zh="此前七周未使用过的终端数",
        en="handsets not used in the seven weeks before",
    ),
    *_entry(
        "extra_device_days_count",
        "28d",
        meaning="days with a second handset, a day with a third counted twice, and so on",
        zh="同日更换终端的次数",
        en="changes to a further handset on the same day",
    ),
    *_entry(
        "max_lines_per_device_count",
        "28d",
        meaning="most lines seen on one handset of this line, itself counted",
        zh="同一终端上出现的最多号码数",
        en="most lines sharing one handset",
    ),
)


def _own(prepared: pl.LazyFrame) -> pl.LazyFrame:
    c = pl.col
    lines = (
        prepared.filter(c("device_key").is_not_null())
        .group_by("line_key", "device_key")
        .agg(week=c("w7").any(), month=c("w28").any(), before=(~c("w7")).any())
        .group_by("line_key")
        .agg(
            week=count(c("week")),
            month=count(c("month")),
            new_devices_count_7d=count(c("week") & ~c("before")),
        )
    )
    seen = c("month") > 0
    return lines.select(
        "line_key",
        "new_devices_count_7d",
        distinct_devices_count_7d=pl.when(seen).then(c("week")),
        distinct_devices_count_28d=pl.when(seen).then(c("month")),
    )


def _by_day(prepared: pl.LazyFrame) -> pl.LazyFrame:
    return (
        prepared.filter(pl.col("w28"), pl.col("device_key").is_not_null())
        .select("line_key", "device_key", "day")
        .unique()
        .group_by("line_key", "day")
        .agg(handsets=pl.len().cast(pl.Int64))
        .group_by("line_key")
        .agg(extra_device_days_count_28d=(pl.col("handsets") - 1).sum())
    )


def _shared(prepared: pl.LazyFrame) -> pl.LazyFrame:
    named = prepared.filter(pl.col("w28"), pl.col("device_key").is_not_null())
    return named.select("device_key", "line_key").unique()


STAGES = (_own, _by_day)
LINKS = (Link("device_key", "max_lines_per_device_count_28d", _shared),)
