"""Writes the features of every line to one Parquet file, with the operator's own ids."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import polars as pl

from linerisk.features.build import build_store
from linerisk.settings import Settings
from linerisk.tables.store import RecordStore
from linerisk.workflows.as_of_checks import check_as_of


def write_features(
    settings: Settings,
    store_path: Path,
    *,
    as_of: datetime,
    target: Path,
    on_progress: Callable[[int, int], None] | None = None,
) -> int:
    """Write `line_id` and every feature of the catalogue; returns the number of lines."""
    frame = features_by_id(settings, store_path, as_of=as_of, on_progress=on_progress)
    write_atomically(frame, target)
    return frame.height


def features_by_id(
    settings: Settings,
    store_path: Path,
    *,
    as_of: datetime,
    on_progress: Callable[[int, int], None] | None = None,
) -> pl.DataFrame:
    """`line_key`, `line_id` and every feature. Grain: one row per line, in the order of keys."""
    store = RecordStore.open(store_path)
    check_as_of(store.days, as_of)
    features = build_store(store, as_of=as_of, time_zone=settings.time_zone, on_progress=on_progress)
    named = features.join(store.lines().collect(), on="line_key", how="left", maintain_order="left")
    return named.select("line_key", "line_id", pl.exclude("line_key", "line_id"))


def write_atomically(frame: pl.DataFrame, target: Path) -> None:
    """Write Parquet to a temporary file and move it into place, so that no reader sees half a file."""
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        frame.write_parquet(scratch)
        scratch.replace(target)
    finally:
        scratch.unlink(missing_ok=True)
