"""Tenure: how old a line is by its dates, what the holder declared, when it was last verified.

Four dates are kept apart, because a customer's age of a number and an operator's differ. Every feature that grows as
an activation moves into the past is constrained to lower the risk only, so an older line never gets a higher tier
than the same line younger.
"""

from __future__ import annotations

from datetime import datetime

import polars as pl

from linerisk.features.stages import Feature

MAX_TENURE_DAYS = 5475
"""Fifteen years; older lines are not told apart."""

_NO_ACCOUNT = "no account row known yet"

FEATURES = (
    Feature("tenure_days", "tenure", "days", "now", "days since activation", _NO_ACCOUNT, "A06", -1, "B01"),
    Feature(
        "number_age_days",
        "tenure",
        "days",
        "now",
        "days since the holder has had the number",
        "not known",
        "A06",
        -1,
        "B01",
    ),
    Feature(
        "customer_days",
        "tenure",
        "days",
        "now",
        "days since the holder became a customer",
        "not known",
        "A06",
        -1,
        "B01",
    ),
    Feature(
        "days_since_port_in",
        "tenure",
        "days",
        "now",
        "days since the number was ported in",
        "never ported in",
        "A06",
        -1,
        "B01",
    ),
    Feature(
        "days_since_verification",
        "tenure",
        "days",
        "now",
        "days since the last passed verification",
        "never verified again",
        "A06",
        0,
        "B02",
    ),
    Feature(
        "use_declared",
        "tenure",
        "0/1",
        "now",
        "a business use is declared and not expired",
        _NO_ACCOUNT,
        "A06",
        -1,
        "B03",
    ),
    Feature("is_prepaid", "tenure", "0/1", "now", "the plan is prepaid", _NO_ACCOUNT, "A06"),
    Feature(
        "is_enterprise",
        "tenure",
        "0/1",
        "now",
        "the plan is an enterprise plan",
        _NO_ACCOUNT,
        "A06",
        0,
        "B03",
    ),
    Feature(
        "holder_lines_count",
        "tenure",
        "count",
        "now",
        "active lines of the same holder",
        "holder not known",
        "A13",
    ),
    Feature(
        "holder_new_lines_count_30d",
        "tenure",
        "count",
        "30d",
        "lines of the same holder activated in 30 days",
        "holder not known",
        "A13",
    ),
)


def current_accounts(accounts: pl.LazyFrame, *, as_of: datetime) -> pl.LazyFrame:
    """The last account row known at `as_of` per line. Grain: one row per line."""
    return (
        accounts.filter(pl.col("known_at") <= as_of)
        .sort("line_key", "known_at")
        .group_by("line_key", maintain_order=True)
        .last()
    )


def _days_since(column: str, as_of: datetime) -> pl.Expr:
    days = (pl.lit(as_of.date()) - pl.col(column).cast(pl.Date)).dt.total_days()
    return days.clip(0, MAX_TENURE_DAYS)


def tenure_features(current: pl.LazyFrame, *, as_of: datetime) -> pl.LazyFrame:
    """Features of the account. Grain: one row per line of `current` (`current_accounts`).

    The holder's lines are counted over `current` as given: whoever runs it on fewer lines gets fewer.
    """
    c = pl.col
    declared = c("declared_use").is_not_null() & (c("declared_until").is_null() | (c("declared_until") >= as_of.date()))
    holders = (
        current.filter(c("holder_key").is_not_null(), c("status") == "active")
        .group_by("holder_key")
        .agg(
            holder_lines_count=pl.len().cast(pl.Int64),
            holder_new_lines_count_30d=(_days_since("activated_on", as_of) < 30).sum().cast(pl.Int64),
        )
    )
    return current.join(holders, on="holder_key", how="left").select(
        "line_key",
        "holder_lines_count",
        "holder_new_lines_count_30d",
        tenure_days=_days_since("activated_on", as_of),
        number_age_days=_days_since("number_since", as_of),
        customer_days=_days_since("customer_since", as_of),
        days_since_port_in=_days_since("ported_in_on", as_of),
        days_since_verification=_days_since("last_verified_at", as_of),
        use_declared=declared.cast(pl.Int8),
        is_prepaid=(c("plan_kind") == "prepaid").cast(pl.Int8),
        is_enterprise=(c("plan_kind") == "enterprise").cast(pl.Int8),
    )
