"""Tenure: how old a line is by its dates, what the holder declared, when it was last verified.

Four dates are separate features, because the holder's and the operator's age of a number differ. Monotonicity: an older
line never gets a higher tier than the same line younger: `tenure_days` and `days_to_burst` are the only features
that change when a line's activation moves into the past. Whether they are null does not depend on it, and they may only
lower the risk.
"""

from __future__ import annotations

from functools import partial

import polars as pl

from linerisk.features.parties import BURST_NEW_CALLEES
from linerisk.features.segments import segment
from linerisk.features.stages import Feature, Instant, at, entries

MAX_TENURE_DAYS = 5475
"""Fifteen years; older lines are not told apart."""
NEW_LINE_DAYS = 30

_NO_ACCOUNT = "no account row known yet"
_UNKNOWN_DATE = "date not known"

_age = partial(entries, family="tenure", unit="days", reason="A06", monotone=-1, lowers="B01")
_flag = partial(entries, family="tenure", unit="0/1", null=_NO_ACCOUNT, reason="A06")

FEATURES: tuple[Feature, ...] = (
    *_age(
        "tenure_days",
        "now",
        meaning="days since activation, in local calendar days, 5475 at most",
        null=_NO_ACCOUNT,
        zh="入网天数",
        en="days since the line was activated",
    ),
    *_age(
        "number_age_days",
        "now",
        meaning="days since the holder has had the number",
        null=_UNKNOWN_DATE,
        zh="持有该号码的天数",
        en="days since the holder has had the number",
    ),
    *_age(
        "customer_days",
        "now",
        meaning="days since the holder became a customer",
        null=_UNKNOWN_DATE,
        zh="成为客户的天数",
        en="days since the holder became a customer",
    ),
    *_age(
        "days_since_port_in",
        "now",
        meaning="days since the number was ported in",
        null="never ported in, or date not known",
        zh="携号转入天数",
        en="days since the number was ported in",
    ),
    *_age(
        "days_to_burst",
        "28d",
        meaning=f"days from activation to the first day of the last 28 with {BURST_NEW_CALLEES} or more parties called "
        "that the line had no contact with before (within 56 days)",
        null="no such day, or no account row known yet",
        zh="开通后至首次大量呼叫陌生号码的天数",
        en="days from activation to the first day with many new numbers called",
    ),
    *entries(
        "days_since_verification",
        "now",
        family="tenure",
        unit="days",
        meaning=f"whole days since the last passed verification; {MAX_TENURE_DAYS} if never, or as long ago, "
        "so that to pass one never raises the risk",
        null=_NO_ACCOUNT,
        reason="A06",
        zh="距最近一次实人核验通过的天数",
        en="days since identity was last verified",
        monotone=1,
        lowers="B02",
    ),
    *_flag(
        "use_declared",
        "now",
        meaning="a business use is declared and not expired",
        zh="已登记业务用途",
        en="a business use is registered",
        monotone=-1,
        lowers="B03",
    ),
    *_flag("is_prepaid", "now", meaning="the plan is prepaid", zh="预付费套餐", en="prepaid plan"),
    *_flag(
        "is_enterprise",
        "now",
        meaning="the plan is an enterprise plan",
        zh="单位（集团）套餐",
        en="enterprise plan",
        lowers="B03",
    ),
    *entries(
        "holder_lines_count",
        "now",
        family="tenure",
        unit="count",
        meaning="active lines of the same holder; the line itself counts whatever its status, which is an answer "
        "to risk and must not be a sign of it",
        null="holder not known",
        reason="A13",
        zh="同一证件名下在用号码数",
        en="active lines of the same holder",
    ),
    *entries(
        "holder_new_lines_count",
        "30d",
        family="tenure",
        unit="count",
        meaning=f"other active lines of the same holder activated less than {NEW_LINE_DAYS} days ago; "
        "not the line itself, so that its own age does not enter",
        null="holder not known",
        reason="A13",
        zh="同一证件名下新开的其他号码数",
        en="other lines of the same holder activated",
    ),
)


def current_accounts(accounts: pl.LazyFrame, *, as_of: Instant) -> pl.LazyFrame:
    """The last account row known at `as_of` per line. Grain: one row per line.

    Of rows known at the same instant, the last in the order of all columns is taken, so that row order is no matter.
    """
    names = accounts.collect_schema().names()
    order = ["line_key", "known_at", *(name for name in names if name not in {"line_key", "known_at"})]
    return (
        accounts.filter(pl.col("known_at") <= at(as_of))
        .sort(order, nulls_last=False)
        .group_by("line_key", maintain_order=True)
        .last()
    )


def _days_since(column: str) -> pl.Expr:
    return (pl.col("today") - pl.col(column)).dt.total_days().clip(0, MAX_TENURE_DAYS)


def _holders(current: pl.LazyFrame) -> pl.LazyFrame:
    """Grain: one row per holder with an active line."""
    return (
        current.filter(pl.col("holder_key").is_not_null(), pl.col("status") == "active")
        .group_by("holder_key")
        .agg(
            holder_active=pl.len().cast(pl.Int64),
            holder_new=(_days_since("activated_on") < NEW_LINE_DAYS).sum().cast(pl.Int64),
        )
    )


def tenure_features(current: pl.LazyFrame, *, as_of: Instant, time_zone: str) -> pl.LazyFrame:
    """Features of the account, and `segment`. Grain: one row per line of `current` (`current_accounts`).

    The holder's lines are counted over `current` as given: whoever runs it on fewer lines gets fewer.
    """
    c, today = pl.col, pl.col("today")
    current = current.with_columns(today=at(as_of).dt.convert_time_zone(time_zone).dt.date())
    verified = (at(as_of) - c("last_verified_at")).dt.total_days().clip(0, MAX_TENURE_DAYS)
    declared = c("declared_use").is_not_null() & (c("declared_until").is_null() | (c("declared_until") >= today))
    itself = (c("status") == "active").cast(pl.Int64)
    itself_new = itself * (_days_since("activated_on") < NEW_LINE_DAYS)
    held = c("holder_key").is_not_null()
    return current.join(_holders(current), on="holder_key", how="left").select(
        "line_key",
        tenure_days=_days_since("activated_on"),
        number_age_days=_days_since("number_since"),
        customer_days=_days_since("customer_since"),
        days_since_port_in=_days_since("ported_in_on"),
        days_since_verification=verified.fill_null(MAX_TENURE_DAYS),
        segment=segment(declared=declared),
        use_declared=declared.cast(pl.Int8),
        is_prepaid=(c("plan_kind") == "prepaid").cast(pl.Int8),
        is_enterprise=(c("plan_kind") == "enterprise").cast(pl.Int8),
        holder_lines_count=pl.when(held).then(c("holder_active").fill_null(0) - itself + 1),
        holder_new_lines_count_30d=pl.when(held).then(c("holder_new").fill_null(0) - itself_new),
    )


AFTER = {"days_to_burst_28d": (pl.col("tenure_days") - pl.col("first_burst_day")).clip(0, MAX_TENURE_DAYS)}
"""Features made of an account and of records, from the columns of both beside each other."""
