"""Devices: in how many handsets a SIM was used, and how many lines share one handset."""

from __future__ import annotations

import polars as pl

from linerisk.features.stages import Feature, Stage

_NO_DEVICE = "devices not recorded"

FEATURES = (
    Feature("distinct_devices_count_7d", "devices", "count", "7d", "different handsets used", _NO_DEVICE, "A08"),
    Feature("distinct_devices_count_28d", "devices", "count", "28d", "different handsets used", _NO_DEVICE, "A08"),
    Feature(
        "max_lines_per_device_count_28d",
        "devices",
        "count",
        "28d",
        "most lines seen on a handset of this line",
        _NO_DEVICE,
        "A08",
    ),
)


def _own(prepared: pl.LazyFrame) -> pl.LazyFrame:
    c = pl.col
    return (
        prepared.filter(c("w28"), c("device_key").is_not_null())
        .group_by("line_key", "device_key")
        .agg(recent=c("w7").any())
        .group_by("line_key")
        .agg(
            distinct_devices_count_7d=c("recent").sum().cast(pl.Int64),
            distinct_devices_count_28d=pl.len().cast(pl.Int64),
        )
    )


def _shared(prepared: pl.LazyFrame) -> pl.LazyFrame:
    c = pl.col
    return (
        prepared.filter(c("w28"), c("device_key").is_not_null())
        .select("device_key", "line_key")
        .unique()
        .group_by("device_key")
        .agg("line_key", lines=pl.len().cast(pl.Int64))
        .explode("line_key", empty_as_null=False, keep_nulls=False)
        .group_by("line_key")
        .agg(max_lines_per_device_count_28d=c("lines").max())
    )


STAGES = (Stage("line_key", _own), Stage("device_key", _shared))
