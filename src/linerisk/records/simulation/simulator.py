"""Runs the simulation chunk by chunk and writes a source folder."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from linerisk.errors import InputError, UsageError
from linerisk.records.simulation import accounts, numbers, writing
from linerisk.records.simulation.behaviour import behave
from linerisk.records.simulation.contacts import write_book
from linerisk.records.simulation.findings import Findings, fall_silent, find
from linerisk.records.simulation.legs import DAY_US, Legs, daily_activity
from linerisk.records.simulation.numbers import Flags
from linerisk.records.simulation.places import locate, travel
from linerisk.records.simulation.population import NAMES, Population, populate
from linerisk.records.simulation.traffic import Scene, all_legs
from linerisk.records.simulation.writing import Calendar

CHUNK_LINES = 4096
UNFOUND_DAYS = 14.0
"""Days for which a fraud of the last 28 stays unfound, about: so many days' worth of frauds make the prevalence."""
_HOLIDAYS = {(1, 1), *((5, day) for day in range(1, 6)), *((10, day) for day in range(1, 8))}
_MOST_PREVALENCE = 0.2
_FIRST_WEEKEND_DAY = 5

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class SimulationReport:
    """What `simulate` wrote.

    Attributes:
        out: The source folder.
        lines: Lines simulated.
        days: Days simulated.
        records: Rows of call records.
        account_rows: Rows of accounts.
        label_rows: Rows of labels.
        fraud_lines: Lines with a fraud at any time of the period.
        found_lines: Fraud lines that were found, though some only after the period.
    """

    out: Path
    lines: int
    days: int
    records: int
    account_rows: int
    label_rows: int
    fraud_lines: int
    found_lines: int


@dataclass(frozen=True, slots=True)
class _Plan:
    lines: int
    days: int
    seed: int
    prevalence: float
    calendar: Calendar

    @property
    def quiet(self) -> Flags:
        """Weekends and public holidays."""
        dates = [self.calendar.start + timedelta(days=day) for day in range(self.days)]
        return np.asarray([d.weekday() >= _FIRST_WEEKEND_DAY or (d.month, d.day) in _HOLIDAYS for d in dates])

    def frauds_before(self, line: int) -> int:
        """Fraud lines among the lines before this one: spread evenly, exact in total."""
        return round(line * self.prevalence * self.days / UNFOUND_DAYS)


def simulate(
    out: Path,
    *,
    lines: int,
    days: int,
    seed: int,
    prevalence: float = 0.005,
    start: date = date(2024, 4, 19),
    on_progress: Progress | None = None,
) -> SimulationReport:
    """Simulate an operator and write its source folder: call records, accounts, labels, and the truth for tests.

    The same arguments write the same bytes. The folder appears only when it is complete.

    Args:
        out: Folder to make; it must not exist, or be empty.
        lines: Number of lines.
        days: Length of the period, local days.
        seed: Seed of all randomness.
        prevalence: Share of lines, at any time, with a fraud of the last 28 days that nobody has found yet.
        start: First day, local time.
        on_progress: Called with (step, done, total) after every chunk of lines.

    Raises:
        UsageError: An argument is out of range.
        InputError: `out` is a file or holds something already.
    """
    _refuse(out, lines=lines, days=days, seed=seed, prevalence=prevalence)
    plan = _Plan(lines, days, seed, prevalence, Calendar(start))
    unfinished = out.parent / f".{out.name}.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        report = _write_all(unfinished, out, plan, on_progress)
        if out.exists():
            out.rmdir()
        unfinished.rename(out)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    return report


def _refuse(out: Path, *, lines: int, days: int, seed: int, prevalence: float) -> None:
    for name, value, least in (("lines", lines, 1), ("days", days, 1), ("seed", seed, 0)):
        if value < least:
            raise UsageError(f"`{name}` is too small", expected=f"at least {least}", found=str(value), field=name)
    most = min(_MOST_PREVALENCE, UNFOUND_DAYS / (2.0 * days))
    if not 0.0 <= prevalence <= most:
        raise UsageError(
            "`prevalence` is out of range",
            expected=f"0 to {most:.4g}, so that at most half of the lines are fraudulent over {days} days",
            found=str(prevalence),
            field="prevalence",
        )
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(
            "the output folder holds something already",
            expected="a folder that does not exist, or an empty one",
            found=str(out),
            todo="name another folder or empty this one",
            field="out",
        )


def _write_all(folder: Path, out: Path, plan: _Plan, on_progress: Progress | None) -> SimulationReport:
    firsts = range(0, plan.lines, CHUNK_LINES)
    seeds = np.random.SeedSequence(plan.seed).spawn(len(firsts))
    truths: list[pl.DataFrame] = []
    counts = np.zeros(3, dtype=np.int64)
    for part, (first, chunk_seed) in enumerate(zip(firsts, seeds, strict=True)):
        size = min(CHUNK_LINES, plan.lines - first)
        records, changes, labels, truth = _chunk(plan, first, size, np.random.default_rng(chunk_seed))
        for name, frame in (("call_records", records), ("accounts", changes), ("labels", labels)):
            writing.write(frame, folder / name / f"part-{part:05d}.parquet")
        counts += (records.height, changes.height, labels.height)
        truths.append(truth)
        if on_progress is not None:
            on_progress("simulate", first + size, plan.lines)
    truth = pl.concat(truths)
    writing.write(truth, folder / "truth.parquet")
    frauds = truth.filter("is_fraud")
    return SimulationReport(
        out=out,
        lines=plan.lines,
        days=plan.days,
        records=int(counts[0]),
        account_rows=int(counts[1]),
        label_rows=int(counts[2]),
        fraud_lines=frauds.height,
        found_lines=int(frauds["found"].sum()),
    )


def _chunk(
    plan: _Plan, first: int, size: int, rng: np.random.Generator
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Records, accounts, labels and truth of the lines from `first` on."""
    frauds = plan.frauds_before(first + size) - plan.frauds_before(first)
    people = populate(first, size, frauds, days=plan.days, rng=rng)
    streams = behave(people, days=plan.days, rng=rng)
    activity = daily_activity(streams, plan.quiet, rng)
    legs = all_legs(Scene(people, streams, write_book(people, rng), activity, rng))
    legs = legs.take((legs.at < plan.days * DAY_US) & (legs.at >= 0))
    findings = find(people, streams, legs, days=plan.days, rng=rng)
    legs = _in_order(fall_silent(legs, findings))
    where = travel(people, days=plan.days, rng=rng)
    places = locate(people, streams, legs, where, lines=plan.lines, first=first, rng=rng)
    records = writing.record_frame(legs, places, people.number, calendar=plan.calendar, seed=plan.seed, rng=rng)
    changes = accounts.account_changes(people, findings, days=plan.days, rng=rng)
    facts = accounts.constants(people, rng)
    account_rows = writing.account_frame(
        changes, facts, people.number, people.holder, calendar=plan.calendar, seed=plan.seed
    )
    labels = writing.label_frame(findings.labels, people.number, calendar=plan.calendar, seed=plan.seed)
    return records, account_rows, labels, _truth(plan, people, findings)


def _in_order(legs: Legs) -> Legs:
    return legs.take(np.argsort(legs.line * (1 << 46) + legs.at, kind="stable"))


def _truth(plan: _Plan, people: Population, findings: Findings) -> pl.DataFrame:
    """Who every line really is. Grain: one row per line."""
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
