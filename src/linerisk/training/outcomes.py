"""What was established about a line that stood at an instant: fraud, legitimate, or not to be learnt from.

A label counts for the instant if the behaviour that it is about lies in the observation window before it, and if it was
known when we train. Labels are late, partial and sometimes wrong; what cannot be told is left out, never guessed.
"""

from __future__ import annotations

from datetime import datetime

import polars as pl

from linerisk.features.stages import HISTORY, OBSERVATION
from linerisk.features.tenure import current_accounts
from linerisk.tables.findings import standing_labels


def outcomes(labels: pl.LazyFrame, accounts: pl.LazyFrame, *, as_of: datetime, known_by: datetime) -> pl.DataFrame:
    """Outcome of every line that could have been scored at `as_of`. Grain: one row per line, sorted.

    Left out: lines not active at `as_of`; lines already found to be fraud by then, whom nobody would score again; and
    lines with a fraud finding about a time near to but outside the observation window, of whom it cannot be said
    whether the behaviour had begun or still shows.

    Args:
        labels: `tables.schemas.Labels`.
        accounts: `tables.schemas.Accounts`.
        as_of: Where the line stood.
        known_by: When we train; must lie late enough after `as_of` for labels to have come in.

    Returns:
        `line_key` and `fraud`.
    """
    fraud = pl.col("label") == "fraud"
    active = current_accounts(accounts, as_of=as_of).filter(pl.col("status") == "active").select("line_key")
    found = standing_labels(labels, known_by=as_of).filter(fraud).select("line_key").unique()
    standing = standing_labels(labels, known_by=known_by).filter(fraud)
    in_window = (pl.col("occurred_at") > as_of - OBSERVATION) & (pl.col("occurred_at") <= as_of)
    near = (pl.col("occurred_at") > as_of - HISTORY) & (pl.col("occurred_at") <= as_of + HISTORY)
    frauds = standing.filter(near).group_by("line_key").agg(fraud=in_window.any())
    return (
        active.join(found, on="line_key", how="anti")
        .join(frauds, on="line_key", how="left")
        .filter(pl.col("fraud").is_null() | pl.col("fraud"))
        .with_columns(pl.col("fraud").fill_null(value=False))
        .sort("line_key")
        .collect()
    )
