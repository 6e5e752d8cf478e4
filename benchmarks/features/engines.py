"""The rows of the table: which engine, how it is called, on how many threads, and on how many records at most."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Engine:
    """One row.

    Attributes:
        title: How the table names it.
        module: Module of this folder that runs it.
        function: Its function: folder of the store in, features out.
        threads: Threads it may use.
        options: Keyword arguments of the function.
        most_records: More records than this are not given to it.
    """

    title: str
    module: str
    function: str
    threads: int = 1
    options: Mapping[str, Any] = field(default_factory=dict)
    most_records: int | None = None


SMALL = 12_000_000
"""At so many records pandas holds some six gigabytes; what does not change with size is told by the smaller sizes."""

OURS = "ours, bucketed, 1 thread"
OURS_FULL = "ours, full catalogue, 1 thread"
DUCKDB = "DuckDB, 1 thread"
DUCKDB_BUCKETED = "DuckDB, in our buckets, 1 thread"
BANDICOOT = "bandicoot, sample"

ENGINES: dict[str, Engine] = {
    engine.title: engine
    for engine in (
        Engine(OURS, "with_ours", "bucketed"),
        Engine("ours, bucketed, 2 threads", "with_ours", "bucketed", threads=2, most_records=SMALL),
        Engine("ours, whole, 1 thread", "with_ours", "whole"),
        Engine(OURS_FULL, "with_ours", "catalogue"),
        Engine("ours, full catalogue, 2 threads", "with_ours", "catalogue", threads=2, most_records=SMALL),
        Engine(DUCKDB, "with_duckdb", "query", options={"threads": 1}),
        Engine("DuckDB, 2 threads", "with_duckdb", "query", threads=2, options={"threads": 2}, most_records=SMALL),
        Engine(DUCKDB_BUCKETED, "with_duckdb", "query", options={"threads": 1, "bucketed": True}),
        Engine("pandas, 1 thread", "with_pandas", "frames", most_records=SMALL),
        Engine(BANDICOOT, "with_bandicoot", "indicators", most_records=SMALL),
    )
}
