"""Read access to the record store: day files sorted by line, accounts, labels, and the ids of lines."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Literal

import dataframely as dy
import polars as pl

from linerisk.errors import StoreError, UsageError
from linerisk.tables.manifest import File, Manifest, read_manifest
from linerisk.tables.schemas import Accounts, Labels, Lines, Records

KEY_SPACE = 2**63
RecordKey = Literal["line_key", "peer_key", "cell_key", "device_key"]


def bucket_bounds(bucket: int, buckets: int) -> tuple[int, int]:
    """The keys of a bucket: lo <= key < hi. Keys are uniform, so buckets are of about the same size.

    >>> bucket_bounds(1, 2)
    (4611686018427387904, 9223372036854775808)

    Raises:
        UsageError: There is no such bucket.
    """
    if not 0 <= bucket < buckets:
        raise UsageError("there is no such bucket", expected=f"0 <= bucket < {buckets}", found=str(bucket))
    return bucket * KEY_SPACE // buckets, (bucket + 1) * KEY_SPACE // buckets


class RecordStore:
    """A read-only view of a record store at one version; the next ingest does not change an open store.

    The ingest after that removes the replaced files, so a store that has been open for that long must be reopened.
    """

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self.path = path
        self._manifest = manifest

    @classmethod
    def open(cls, path: Path) -> RecordStore:
        """Open a store for reading.

        Raises:
            StoreError: The store is missing, damaged, or of another format.
        """
        manifest = read_manifest(path)
        missing = sorted(name for name in manifest.files() if not (path / name).is_file())
        if missing:
            raise StoreError(
                f"the record store at {path} is damaged",
                expected=f"{len(manifest.files())} data files",
                found=f"{len(missing)} of them missing, the first {missing[0]}",
                todo="restore the folder from a copy, or ingest the sources again into a new one",
            )
        return cls(path, manifest)

    def records(
        self,
        key: RecordKey = "line_key",
        bucket: int = 0,
        buckets: int = 1,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> pl.LazyFrame:
        """Records of one bucket of keys, as `schemas.Records`; not sorted over days.

        Day files are sorted by line, so buckets of lines read only their part of each file; buckets of another key
        read it all and keep their part.

        Args:
            key: The key that is bucketed; a record without it is in no bucket.
            bucket: Which bucket.
            buckets: How many buckets there are.
            start: Records that started at this instant or later.
            end: Records that started at this instant or earlier.
        """
        lo, hi = bucket_bounds(bucket, buckets)
        first = "" if start is None else start.astimezone(UTC).date().isoformat()
        last = "9999" if end is None else end.astimezone(UTC).date().isoformat()
        frame = self._scan([file for day, file in self._manifest.days.items() if first <= day <= last], Records)
        if buckets > 1:
            frame = frame.filter(pl.col(key) >= lo, pl.col(key) <= hi - 1)
        elif key != "line_key":
            frame = frame.filter(pl.col(key).is_not_null())
        if start is not None:
            frame = frame.filter(pl.col("started_at") >= start)
        if end is not None:
            frame = frame.filter(pl.col("started_at") <= end)
        return frame

    def accounts(self) -> pl.LazyFrame:
        """Account rows, as `schemas.Accounts`, sorted by line and `known_at`."""
        return self._table("accounts", Accounts)

    def labels(self) -> pl.LazyFrame:
        """Label rows, as `schemas.Labels`, sorted by line."""
        return self._table("labels", Labels)

    def lines(self) -> pl.LazyFrame:
        """The operator's id of every key, as `schemas.Lines`, sorted by key."""
        return self._table("lines", Lines)

    @property
    def days(self) -> list[date]:
        """The UTC days that have records, in order."""
        return [date.fromisoformat(day) for day in sorted(self._manifest.days)]

    @property
    def record_count(self) -> int:
        """How many records there are."""
        return sum(file.rows for file in self._manifest.days.values())

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the contents, independent of arrival order and file format."""
        return self._manifest.fingerprint

    @property
    def id_key(self) -> str:
        """Fingerprint of the secret that keyed the ids (`identity.fingerprint_of`)."""
        return self._manifest.id_key

    def _table(self, name: str, schema: type[dy.Schema]) -> pl.LazyFrame:
        file = self._manifest.tables.get(name)
        return self._scan([] if file is None else [file], schema)

    def _scan(self, files: Sequence[File], schema: type[dy.Schema]) -> pl.LazyFrame:
        if not files:
            return pl.LazyFrame(schema=schema.create_empty().schema)
        paths = [self.path / file.path for file in sorted(files, key=lambda file: file.path)]
        return pl.scan_parquet(paths, hive_partitioning=False, glob=False)
