"""DuckDB: the chosen features as one hand-written query (`features.sql`)."""

from __future__ import annotations

from pathlib import Path

import duckdb
import polars as pl
from chosen import AS_OF

from linerisk.features.build import BUCKET_RECORDS
from linerisk.tables.store import RecordStore, bucket_bounds

SHANGHAI_OFFSET_US = 8 * 3600 * 1_000_000


def query(store: Path, *, threads: int, bucketed: bool = False) -> pl.DataFrame:
    """The chosen features of every line.

    Args:
        store: Folder of the record store; its Parquet files are read as they are.
        threads: Threads of the engine.
        bucketed: Ask for one range of line keys after the other, as many as our runner makes.
    """
    buckets = 1 + RecordStore.open(store).record_count // BUCKET_RECORDS if bucketed else 1
    engine = duckdb.connect(config={"threads": threads})
    engine.read_parquet([str(file) for file in sorted(store.glob("days/*.parquet"))]).create_view("records")
    engine.read_parquet([str(file) for file in sorted(store.glob("tables/accounts*.parquet"))]).create_view("accounts")
    text = Path(__file__).with_name("features.sql").read_text(encoding="utf-8")
    parts = []
    for bucket in range(buckets):
        lo, hi = bucket_bounds(bucket, buckets)
        for name, value in (("as_of", AS_OF), ("local_offset_us", SHANGHAI_OFFSET_US), ("lo", lo), ("hi", hi - 1)):
            engine.execute(f"SET VARIABLE {name} = ?", [value])
        parts.append(engine.sql(text).pl())
    return pl.concat(parts)
