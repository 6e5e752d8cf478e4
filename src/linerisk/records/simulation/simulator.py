"""Runs the simulation in chunks, in one or several processes, and writes a source folder."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import date
from multiprocessing import get_context
from pathlib import Path

import polars as pl

from linerisk.errors import InputError, UsageError
from linerisk.records.simulation import table_writer
from linerisk.records.simulation.batches import UNDISCOVERED_DAYS, Plan, WrittenChunk, write_chunk
from linerisk.records.simulation.effects import select_effects
from linerisk.records.simulation.table_writer import Calendar

_MOST_PREVALENCE = 0.2

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


def simulate(
    out: Path,
    *,
    lines: int,
    days: int,
    seed: int,
    prevalence: float = 0.005,
    start: date = date(2024, 4, 19),
    effects: Sequence[str] = (),
    drift: str | None = None,
    workers: int = 1,
    on_progress: Progress | None = None,
) -> SimulationReport:
    """Simulate an operator and write its source folder: call records, accounts, labels, and the truth for tests.

    The same arguments write the same bytes, on any number of workers. The folder appears only when it is complete.

    Args:
        out: Folder to make; it must not exist, or be empty.
        lines: Number of lines.
        days: Length of the period, local days.
        seed: Seed of all randomness.
        prevalence: Share of lines, at any time, with a fraud of the last 28 days that has not been found yet.
        start: First day, local time.
        effects: Names of `effects.EFFECTS`, which change the whole population on some days.
        drift: Name of `effects.DRIFTS`, which changes the mix of frauds over the period.
        workers: Number of processes; a script that uses more than one must guard its main part.
        on_progress: Called with (step, lines done, lines) after every chunk.

    Raises:
        UsageError: An argument is out of range.
        InputError: `out` is a file or holds something already.
    """
    _check_arguments(out, lines=lines, days=days, seed=seed, prevalence=prevalence, workers=workers)
    chosen = select_effects(start, days, effects=effects, drift=drift)
    plan = Plan(lines, days, seed, prevalence, Calendar(start), chosen)
    unfinished = out.parent / f".{out.name}.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        report = _write_all(unfinished, out, plan, workers, on_progress)
        if out.exists():
            out.rmdir()
        unfinished.rename(out)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    return report


def _check_arguments(out: Path, *, lines: int, days: int, seed: int, prevalence: float, workers: int) -> None:
    for name, value, least in (("lines", lines, 1), ("days", days, 1), ("seed", seed, 0), ("workers", workers, 1)):
        if value < least:
            raise UsageError(f"`{name}` is too small", expected=f"at least {least}", found=str(value), field=name)
    most = min(_MOST_PREVALENCE, UNDISCOVERED_DAYS / (2.0 * days))
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


def _write_all(folder: Path, out: Path, plan: Plan, workers: int, on_progress: Progress | None) -> SimulationReport:
    parts: dict[int, WrittenChunk] = {}
    done = 0
    for part, written in _write_chunks(folder, plan, min(workers, plan.chunks)):
        parts[part] = written
        done += written.truth.height
        if on_progress is not None:
            on_progress("simulate", done, plan.lines)
    truth = pl.concat([parts[part].truth for part in range(plan.chunks)])
    table_writer.write(truth, folder / "truth.parquet")
    frauds = truth.filter("is_fraud")
    return SimulationReport(
        out=out,
        lines=plan.lines,
        days=plan.days,
        records=sum(written.records for written in parts.values()),
        account_rows=sum(written.account_rows for written in parts.values()),
        label_rows=sum(written.label_rows for written in parts.values()),
        fraud_lines=frauds.height,
        found_lines=int(frauds["found"].sum()),
    )


def _write_chunks(folder: Path, plan: Plan, workers: int) -> Iterator[tuple[int, WrittenChunk]]:
    """Yield every chunk once its files are written; the order is undefined with several processes."""
    if workers == 1:
        yield from ((part, write_chunk(plan, part, folder)) for part in range(plan.chunks))
        return
    # Spawn, because a forked process lacks the threads of this one.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        tasks = {pool.submit(write_chunk, plan, part, folder): part for part in range(plan.chunks)}
        try:
            for task in as_completed(tasks):
                yield tasks[task], task.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
