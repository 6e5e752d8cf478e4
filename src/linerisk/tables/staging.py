"""Staging of good rows by day until all files are read; rows are kept in memory, and spill to disk past a limit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from pathlib import Path

import polars as pl

from linerisk.tables.manifest import PRIVATE_FILE

ROWS_IN_MEMORY = 2_000_000


class DayStaging:
    """Stages records of many days, added in any order and taken out by day."""

    def __init__(self, folder: Path, *, rows_in_memory: int = ROWS_IN_MEMORY) -> None:
        self._folder = folder
        self._limit = rows_in_memory
        self._held = 0
        self._flushed = 0
        self._memory: dict[date, list[pl.DataFrame]] = defaultdict(list)
        self._disk: dict[date, list[Path]] = defaultdict(list)

    def add(self, records: pl.DataFrame) -> None:
        """Add records of any days."""
        by_day = records.with_columns(day=pl.col("started_at").dt.date()).partition_by(
            "day", as_dict=True, include_key=False
        )
        for (day,), part in by_day.items():
            self._memory[day].append(part)
        self._held += records.height
        if self._held >= self._limit:
            self._flush()

    @property
    def days(self) -> list[date]:
        """The days with staged records."""
        return sorted(self._memory.keys() | self._disk.keys())

    def take(self, day: date) -> list[pl.DataFrame]:
        """Remove and return all records of a day."""
        paths = self._disk.pop(day, [])
        frames = [pl.read_ipc(path) for path in paths]
        for path in paths:
            path.unlink()
        return [*frames, *self._memory.pop(day, [])]

    def _flush(self) -> None:
        self._flushed += 1
        for day, frames in self._memory.items():
            path = self._folder / f"{day.isoformat()}-{self._flushed}.arrow"
            pl.concat(frames).write_ipc(path, compression="lz4")
            path.chmod(PRIVATE_FILE)
            self._disk[day].append(path)
        self._memory.clear()
        self._held = 0


class TableStaging:
    """Stages the rows of a small table in memory, without repeated rows."""

    def __init__(self, rows: Iterable[pl.DataFrame] = ()) -> None:
        self._parts = list(rows)
        self._settled = 0

    def add(self, rows: pl.DataFrame) -> None:
        """Add rows; repeated rows are dropped from time to time, so memory grows with the distinct rows only."""
        self._parts.append(rows)
        height = sum(part.height for part in self._parts)
        if height > 2 * self._settled + 100_000:
            self._parts = [pl.concat(self._parts).unique()]
            self._settled = self._parts[0].height

    def take(self) -> list[pl.DataFrame]:
        """All rows."""
        return self._parts
