"""Simulates one chunk of lines and writes its files: people, traffic, findings and accounts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl

from linerisk.records.simulation import accounts, numbers, table_writer
from linerisk.records.simulation.behaviour import make_streams
from linerisk.records.simulation.call_legs import DAY_US, Legs, daily_activity
from linerisk.records.simulation.contacts import draw_contacts
from linerisk.records.simulation.effects import Effects
from linerisk.records.simulation.fraud_discovery import Findings, discover, drop_after_suspension
from linerisk.records.simulation.numbers import Flags
from linerisk.records.simulation.places import assign_locations, daily_areas
from linerisk.records.simulation.population import NAMES, Population, populate
from linerisk.records.simulation.table_writer import Calendar
from linerisk.records.simulation.traffic import Scene, all_legs

CHUNK_LINES = 4096
UNDISCOVERED_DAYS = 14.0
"""Approximate days for which a fraud of the last 28 days stays unfound; converts prevalence to fraud starts."""
_HOLIDAYS = {(1, 1), *((5, day) for day in range(1, 6)), *((10, day) for day in range(1, 8))}
_FIRST_WEEKEND_DAY = 5


@dataclass(frozen=True, slots=True)
class Plan:
    """What is simulated, the same for every chunk."""

    lines: int
    days: int
    seed: int
    prevalence: float
    calendar: Calendar
    effects: Effects

    @property
    def days_off(self) -> Flags:
        """Weekends and public holidays."""
        dates = [self.calendar.start + timedelta(days=day) for day in range(self.days)]
        return np.asarray([d.weekday() >= _FIRST_WEEKEND_DAY or (d.month, d.day) in _HOLIDAYS for d in dates])

    def frauds_before(self, line: int) -> int:
        """Number of fraud lines before this line: spread evenly, exact in total."""
        return round(line * self.prevalence * self.days / UNDISCOVERED_DAYS)

    @property
    def chunks(self) -> int:
        """Number of chunks."""
        return -(-self.lines // CHUNK_LINES)


@dataclass(frozen=True, slots=True)
class WrittenChunk:
    """Row counts of the files of one chunk, and the truth about its lines."""

    records: int
    account_rows: int
    label_rows: int
    truth: pl.DataFrame


def write_chunk(plan: Plan, part: int, folder: Path) -> WrittenChunk:
    """Simulate one chunk of lines and write its part of each table.

    Chunks are independent and have their own random seeds, so they can be made in any order and process.
    """
    seed = np.random.SeedSequence(plan.seed, spawn_key=(part,))
    first = part * CHUNK_LINES
    records, changes, labels, truth = _simulate_chunk(plan, first, min(CHUNK_LINES, plan.lines - first), seed)
    for name, frame in (("call_records", records), ("accounts", changes), ("labels", labels)):
        table_writer.write(frame, folder / name / f"part-{part:05d}.parquet")
    return WrittenChunk(records.height, changes.height, labels.height, truth)


def _simulate_chunk(
    plan: Plan, first: int, size: int, seed: np.random.SeedSequence
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Records, accounts, labels and truth of the lines from `first` on."""
    rng, effects = np.random.default_rng(seed), plan.effects
    # Effects use their own generator, so the lines are the same with and without effects.
    effects_rng = np.random.default_rng(seed.spawn(1)[0])
    frauds = plan.frauds_before(first + size) - plan.frauds_before(first)
    people = populate(first, size, frauds, days=plan.days, rng=rng, begin=effects.begin)
    effects.add_student_lines(people, effects_rng)
    streams = make_streams(people, days=plan.days, rng=rng)
    activity = effects.scale_activity(daily_activity(streams, plan.days_off, rng), streams)
    legs = all_legs(Scene(people, streams, draw_contacts(people, rng), activity, rng, effects))
    legs = legs.take((legs.at < plan.days * DAY_US) & (legs.at >= 0))
    findings = discover(people, streams, legs, days=plan.days, rng=rng)
    legs = _sorted_legs(drop_after_suspension(legs, findings))
    areas_by_day = effects.add_journeys_home(daily_areas(people, days=plan.days, rng=rng), people, effects_rng)
    places = assign_locations(people, streams, legs, areas_by_day, lines=plan.lines, first=first, rng=rng)
    records = table_writer.record_frame(legs, places, people.number, calendar=plan.calendar, seed=plan.seed, rng=rng)
    changes = accounts.account_changes(people, findings, days=plan.days, rng=rng)
    facts = accounts.constants(people, rng)
    account_rows = table_writer.account_frame(
        changes, facts, people.number, people.holder, calendar=plan.calendar, seed=plan.seed
    )
    labels = table_writer.label_frame(findings.labels, people.number, calendar=plan.calendar, seed=plan.seed)
    return records, account_rows, labels, _truth(plan, people, findings)


def _sorted_legs(legs: Legs) -> Legs:
    return legs.take(np.argsort(legs.line * (1 << 46) + legs.at, kind="stable"))


def _truth(plan: Plan, people: Population, findings: Findings) -> pl.DataFrame:
    """The truth about every line. Grain: one row per line."""
    calendar = plan.calendar
    host = np.where(people.host < 0, len(NAMES), people.host)
    return pl.DataFrame(
        {
            "persona": pl.Series(list(NAMES)).gather(people.persona),
            "life": pl.Series([*NAMES, None], dtype=pl.String).gather(host),
            "is_fraud": people.is_fraud,
            "fraud_from": pl.Series(people.fraud_from).fill_nan(None),
            "fraud_until": pl.Series(people.fraud_until).fill_nan(None),
            "activated": people.activated,
            "found": findings.found,
            "known": pl.Series(findings.known).set(pl.Series(~findings.found), None),
            "suspended": pl.Series(findings.suspended).set(pl.Series(findings.suspended > plan.days), None),
            "reached": findings.reach,
        }
    ).select(
        numbers.id_text(people.number, plan.seed).alias("line_id"),
        "persona",
        "life",
        "is_fraud",
        fraud_from=calendar.instant("fraud_from"),
        fraud_until=calendar.instant("fraud_until"),
        activated_at=calendar.instant("activated"),
        found="found",
        label_known_at=calendar.instant("known"),
        suspended_at=calendar.instant("suspended"),
        people_reached="reached",
    )
