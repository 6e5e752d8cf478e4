"""Devices: in how many handsets a SIM was used, and how many lines share one handset."""

from __future__ import annotations

from functools import partial

import polars as pl

from linerisk.features.stages import Feature, Link, entries

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
        "max_lines_per_device_count",
        "28d",
        meaning="most lines seen on one handset of this line, itself counted",
        zh="同一终端上出现的最多号码数",
        en="most lines sharing one handset",
    ),
)


def _handsets(prepared: pl.LazyFrame) -> pl.LazyFrame:
    """Grain: one row per line and handset seen in 28 days; `recent` if also in 7."""
    named = prepared.filter(pl.col("w28"), pl.col("device_key").is_not_null())
    return named.group_by("device_key", "line_key").agg(recent=pl.col("w7").any())


def _own(prepared: pl.LazyFrame) -> pl.LazyFrame:
    return (
        _handsets(prepared)
        .group_by("line_key")
        .agg(
            distinct_devices_count_7d=pl.col("recent").sum().cast(pl.Int64),
            distinct_devices_count_28d=pl.len().cast(pl.Int64),
        )
    )


STAGES = (_own,)
LINKS = (
    Link(
        "device_key",
        "max_lines_per_device_count_28d",
        lambda prepared: _handsets(prepared).select("device_key", "line_key"),
    ),
)
