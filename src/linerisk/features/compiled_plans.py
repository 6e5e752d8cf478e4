"""Compiled query plans: built once, run on many frames.

For a few hundred records, building a plan and resolving its columns takes longer than running it. A plan that reads
from slots instead of frames is built and resolved once; each run puts its own frames, with records and instant, into
the slots.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import polars as pl
from polars.io.plugins import register_io_source


class Written:
    """A plan with a slot for each frame that it needs. For one thread at a time.

    Args:
        write: Gives the plan, from a lazy frame for each slot.
    """

    def __init__(self, write: Callable[..., pl.LazyFrame]) -> None:
        self._write = write
        self._frames: tuple[pl.DataFrame, ...] = ()
        self._plan: pl.LazyFrame | None = None

    def run(self, *frames: pl.DataFrame) -> pl.DataFrame:
        """The plan's rows with these frames in the slots, in memory and unoptimised.

        Args:
            frames: With the columns and types of those that it was run with first.
        """
        if self._plan is None:
            self._plan = self._write(*(self._slot(number, frame.schema) for number, frame in enumerate(frames)))
            # Polars caches the resolved plan here and reuses it in every run.
            self._plan.collect_schema()
        self._frames = frames
        try:
            return self._plan.collect(engine="in-memory", optimizations=pl.QueryOptFlags.none())
        finally:
            self._frames = ()

    def _slot(self, number: int, schema: pl.Schema) -> pl.LazyFrame:
        def read(
            columns: list[str] | None, predicate: pl.Expr | None, rows: int | None, _batch: int | None
        ) -> Iterator[pl.DataFrame]:
            frame = self._frames[number]
            frame = frame if columns is None else frame[columns]
            frame = frame if predicate is None else frame.filter(predicate)
            yield frame if rows is None else frame.head(rows)

        return register_io_source(read, schema=schema).cache()
