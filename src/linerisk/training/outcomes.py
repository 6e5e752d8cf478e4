"""Outcomes: which lines of an instant were later established as fraud or legitimate, and which are left out.

A label counts for an instant if its behaviour lies in the observation window before it, and if it was known at
training. Labels are late, partial and sometimes wrong; uncertain lines are left out, never guessed.

Our own decisions are never labels. A line is fraud because a source outside the model says so, never because it was
suspended or scored high: in trials, taking suspensions for fraud made predicted fraud 1.36 times the observed, and the
mistake feeds itself. A line that was suspended after the instant falls silent, so that nobody can find anything any
more; without a finding of anybody it is left out.
"""

from __future__ import annotations

from datetime import datetime

import polars as pl

from linerisk.features.stages import HISTORY, OBSERVATION
from linerisk.features.tenure import current_accounts
from linerisk.tables.label_resolution import labels_in_force
from linerisk.training.label_weights import NO_FINDING, WEIGHTS


def outcomes(labels: pl.LazyFrame, accounts: pl.LazyFrame, *, as_of: datetime, known_by: datetime) -> pl.DataFrame:
    """Outcome of every line that could have been scored at `as_of`. Grain: one row per line, sorted.

    Left out: lines not active at `as_of`; lines already found to be fraud by then, whom nobody would score again; lines
    with a fraud finding about a time near to but outside the observation window, of whom it cannot be said whether the
    behaviour had begun or still shows; and lines suspended since then of whom nobody has found anything.

    Args:
        labels: `tables.schemas.Labels`.
        accounts: `tables.schemas.Accounts`.
        as_of: Where the line stood.
        known_by: When we train; must lie late enough after `as_of` for labels to have come in.

    Returns:
        `line_key`, `fraud`, and `source`: the most trusted source that says so of the observation window, or
        `label_weights.NO_FINDING`.
    """
    fraud = pl.col("label") == "fraud"
    active = current_accounts(accounts, as_of=as_of).filter(pl.col("status") == "active").select("line_key")
    found = labels_in_force(labels, known_by=as_of).filter(fraud).select("line_key").unique()
    in_force = labels_in_force(labels, known_by=known_by)
    in_window = (pl.col("occurred_at") > as_of - OBSERVATION) & (pl.col("occurred_at") <= as_of)
    near = (pl.col("occurred_at") > as_of - HISTORY) & (pl.col("occurred_at") <= as_of + HISTORY)
    frauds = in_force.filter(fraud, near).group_by("line_key").agg(fraud=in_window.any())
    sources = _most_trusted(in_force.filter(in_window))
    return (
        active.join(found, on="line_key", how="anti")
        .join(_silenced(labels, accounts, as_of=as_of, known_by=known_by), on="line_key", how="anti")
        .join(frauds, on="line_key", how="left")
        .filter(pl.col("fraud").is_null() | pl.col("fraud"))
        .with_columns(pl.col("fraud").fill_null(value=False))
        .join(sources, on=["line_key", "fraud"], how="left")
        .with_columns(pl.col("source").fill_null(NO_FINDING))
        .sort("line_key")
        .collect()
    )


def _most_trusted(findings: pl.LazyFrame) -> pl.LazyFrame:
    """Of several sources with the same finding, the first in the table of weights. Grain: line and finding."""
    rank = pl.col("source").cast(pl.String).replace_strict({name: i for i, name in enumerate(WEIGHTS)})
    by_rank = dict(enumerate(WEIGHTS))
    return (
        findings.group_by("line_key", fraud=pl.col("label") == "fraud")
        .agg(source=rank.min())
        .with_columns(pl.col("source").replace_strict(by_rank, return_dtype=pl.String))
    )


def _silenced(labels: pl.LazyFrame, accounts: pl.LazyFrame, *, as_of: datetime, known_by: datetime) -> pl.LazyFrame:
    """Lines suspended after `as_of` without a finding by `known_by`."""
    changed = pl.col("known_at").is_between(as_of, known_by, closed="right")
    found = labels.filter(pl.col("known_at") <= known_by).select("line_key").unique()
    suspended = accounts.filter(changed, pl.col("status") == "suspended").select("line_key").unique()
    return suspended.join(found, on="line_key", how="anti")
