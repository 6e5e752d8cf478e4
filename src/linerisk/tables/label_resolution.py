"""Resolves the labels in force at an instant: known by then and not retracted. Used by training and features."""

from __future__ import annotations

from datetime import datetime

import polars as pl

FIRM_SOURCES = ("police", "dispute_upheld", "random_audit")
"""Sources of fraud labels that a later clearance does not retract."""
CLEARING_SOURCES = ("dispute_cleared", "random_audit")
"""Sources of clearances that retract an earlier complaint or failed verification."""


def labels_in_force(labels: pl.LazyFrame, *, known_by: datetime) -> pl.LazyFrame:
    """Labels known by then and not retracted by then. Grain: one row per line per finding.

    Args:
        labels: `tables.schemas.Labels`.
        known_by: Labels known later do not exist yet.
    """
    known = labels.filter(pl.col("known_at") <= known_by)
    cleared = (
        known.filter(pl.col("label") == "legitimate", pl.col("source").is_in(CLEARING_SOURCES))
        .group_by("line_key")
        .agg(cleared_at=pl.col("known_at").max())
    )
    retracted = (
        (pl.col("label") == "fraud")
        & ~pl.col("source").is_in(FIRM_SOURCES)
        & (pl.col("known_at") <= pl.col("cleared_at")).fill_null(value=False)
    )
    return known.join(cleared, on="line_key", how="left").filter(~retracted).drop("cleared_at")
