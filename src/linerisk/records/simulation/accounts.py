"""Account rows of simulated lines, one per change."""

from __future__ import annotations

import numpy as np
import polars as pl

from linerisk.records.simulation import areas, numbers
from linerisk.records.simulation.activity_streams import FOREVER
from linerisk.records.simulation.fraud_discovery import Findings
from linerisk.records.simulation.numbers import Floats, Ints
from linerisk.records.simulation.population import NAMES, PLANS, Population

_USES = {
    "courier": "delivery", "salesperson": "sales", "small_business": "shop", "reception": "reception",
    "call_centre_declared": "call_centre", "e_commerce_seller": "online_shop",
}  # fmt: skip
_PORTED_SHARE, _OWN_AGE_UNKNOWN, _OLDER_CUSTOMER, _OLDER_NUMBER = 0.03, 0.08, 0.35, 0.04
_VERIFIED_A_DAY = 0.00025
_EVENTS = {
    "line": pl.Int64, "day": pl.Float64, "status": pl.String, "verified": pl.Float64, "declared_use": pl.String,
    "declared_until": pl.Float64,
}  # fmt: skip


def _events(
    line: Ints,
    day: Floats,
    *,
    status: str | None = None,
    verified: bool = False,
    use: pl.Series | None = None,
    until: Floats | None = None,
) -> pl.DataFrame:
    size = len(line)
    return pl.DataFrame(
        {
            "line": line,
            "day": day,
            "status": pl.repeat(status, size, dtype=pl.String, eager=True),
            "verified": day if verified else pl.repeat(None, size, dtype=pl.Float64, eager=True),
            "declared_use": pl.repeat(None, size, dtype=pl.String, eager=True) if use is None else use,
            "declared_until": pl.repeat(None, size, dtype=pl.Float64, eager=True) if until is None else until,
        },
        schema=_EVENTS,
    )


def account_changes(people: Population, findings: Findings, *, days: int, rng: np.random.Generator) -> pl.DataFrame:
    """One row per line per change with `day` in days since the start, sorted by line and day."""
    size = len(people)
    every = np.arange(size)
    parts = [_events(every, people.activated, status="active")]
    # Some lines were verified again in the past two years: a new handset, a new card, a campaign.
    age = np.minimum(days - people.activated, 730.0)
    again = np.flatnonzero(rng.random(size) < 1.0 - np.exp(-_VERIFIED_A_DAY * age))
    parts.append(_events(again, days - age[again] * rng.random(len(again)), verified=True))
    parts.append(_events(findings.verified["line"].to_numpy(), findings.verified["day"].to_numpy(), verified=True))
    declared = np.flatnonzero(people.declared)
    names = pl.Series([_USES.get(NAMES[index], "business") for index in people.persona[declared]], dtype=pl.String)
    since = people.activated[declared] + rng.exponential(20.0, len(declared))
    parts.append(_events(declared, since, use=names, until=since + 365.0 * rng.integers(1, 4, len(declared))))
    cut = np.flatnonzero(findings.suspended < days)
    parts.append(_events(cut, findings.suspended[cut], status="suspended"))
    back = np.flatnonzero(findings.restored < days)
    parts.append(_events(back, findings.restored[back], status="active", verified=True))
    ended = cut[people.is_fraud[cut] & numbers.happens(0.5, len(cut), rng)]
    parts.append(_events(ended, findings.suspended[ended] + rng.uniform(5.0, 40.0, len(ended)), status="closed"))
    gone = np.flatnonzero((people.closed < findings.suspended) & (people.closed < FOREVER))
    parts.append(_events(gone, people.closed[gone], status="closed"))
    return _fill_forward(pl.concat(parts), people, days)


def _fill_forward(events: pl.DataFrame, people: Population, days: int) -> pl.DataFrame:
    activated = pl.Series("activated", people.activated).gather(events["line"])
    names = ("status", "verified", "declared_use", "declared_until")
    return (
        events.with_columns(activated)
        .filter(pl.col("day") < days, pl.col("day") >= pl.col("activated"))
        .sort("line", "day", maintain_order=True)
        .with_columns(pl.col(name).forward_fill().over("line") for name in names)
        .drop("activated")
    )


def constants(people: Population, rng: np.random.Generator) -> pl.DataFrame:
    """Constant facts of accounts. Grain: one row per line; dates as days since the start."""
    size = len(people)
    since = people.activated.copy()
    ported = numbers.happens(_PORTED_SHARE, size, rng)
    older_number = rng.random(size) < _OLDER_NUMBER
    number_since = np.where(older_number, since - rng.exponential(600.0, size), since)
    unknown = rng.random(size) < _OWN_AGE_UNKNOWN
    older = rng.random(size) < np.where(people.is_fraud, 0.6, 1.2) * _OLDER_CUSTOMER
    customer = np.minimum(np.where(older, since - rng.exponential(1500.0, size), since), number_since)
    optional = {
        "number_since": (number_since, ~unknown & ~ported),
        "ported_in": (since, ported),
        "customer_since": (customer, numbers.happens(0.95, size, rng)),
    }
    return pl.DataFrame(
        {
            "line": np.arange(size),
            "activated": since,
            **{name: pl.Series(values).set(pl.Series(~known), None) for name, (values, known) in optional.items()},
            "home_area": pl.Series(list(areas.CODES)).gather(people.home),
            "plan_kind": pl.Series(list(PLANS)).gather(people.plan),
        }
    )
