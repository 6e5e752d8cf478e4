"""Ingests source files into the record store atomically; bad rows are counted and kept as rejected files.

Files are read and validated in batches, and good records are staged by day. Each day is then merged with the records in
the store. Replacing the manifest makes all changes visible at once.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Literal

import msgspec
import polars as pl

from linerisk import as_of
from linerisk.errors import UsageError
from linerisk.records.contract import TABLES, TableName
from linerisk.records.mapping import Mapping
from linerisk.records.sources import Source, find_sources, readable
from linerisk.records.text import printable
from linerisk.tables.casting import check_mapped_codes
from linerisk.tables.durable_files import sha256_of
from linerisk.tables.intake_report import IntakeReport, RejectedCount, Tally
from linerisk.tables.manifest import File, Ingested, Manifest
from linerisk.tables.merge import merge_lines, merge_records, merge_rows
from linerisk.tables.rejection_report import WrongValues, rejection_error, tables_over_limit
from linerisk.tables.staging import DayStaging, TableStaging
from linerisk.tables.store_writer import StoreWriter, open_for_writing
from linerisk.tables.validation import ValidatedBatch, validate_batch

BATCH_ROWS = 2**19
LATE = timedelta(days=1)

Progress = Callable[[str, int, int], None]


def ingest(
    source: Path,
    store: Path,
    *,
    secret: bytes,
    mapping: Mapping | None = None,
    max_rejected: float = 0.01,
    on_progress: Progress | None = None,
) -> IntakeReport:
    """Ingest the tables under a source into a record store.

    Args:
        source: A folder with `call_records`, `accounts` and `labels`, or one of them.
        store: The record store; it is created if missing.
        secret: Keys the ids (`identity.load_secret`).
        mapping: Names and codes of the operator.
        max_rejected: The largest share of a table's rows that may be bad.
        on_progress: Called with (step, done, total) during the run.

    Raises:
        InputError: A file cannot be used as a whole, or too many rows are bad; the store is unchanged. The rejected
                rows of such a run are still kept in `rejected/`.
        StoreError: The store cannot be written, or holds keys of another secret.
    """
    if not 0 <= max_rejected <= 1:
        raise UsageError("max_rejected is a share", expected="0 to 1", found=str(max_rejected), field="max_rejected")
    sources = find_sources(source, mapping)
    if mapping is not None:
        check_mapped_codes(mapping)
    progress = on_progress or (lambda _step, _done, _total: None)
    with open_for_writing(store, secret=secret) as writer:
        run = _Run(writer, secret=secret, notices=() if mapping is None else mapping.notices)
        run.read(sources, progress)
        run.stop_if_too_many_rejected(max_rejected)
        run.commit(progress)
        return run.report()


class _Run:
    """State of one ingest run."""

    def __init__(self, writer: StoreWriter, *, secret: bytes, notices: tuple[str, ...]) -> None:
        self._writer = writer
        self._secret = secret
        self._now = as_of.now()
        self._notices = list(notices)
        self._tallies: dict[TableName, Tally] = defaultdict(Tally)
        self._days = DayStaging(writer.staging)
        self._tables: dict[TableName | Literal["lines"], TableStaging] = defaultdict(TableStaging)
        self._unused: dict[TableName, dict[str, None]] = defaultdict(dict)
        self._missing_optional: dict[TableName, dict[str, None]] = defaultdict(dict)
        self._rejected: list[tuple[str, Path]] = []
        self._wrong = WrongValues()
        self._rejected_files: tuple[str, ...] = ()
        self._skipped: list[str] = []
        self._ingested: list[Ingested] = []

    # --- reading -----------------------------------------------------------------------------------------------

    def read(self, sources: list[Source], progress: Progress) -> None:
        known = {ingested.key for ingested in self._writer.manifest.sources}
        sizes = [source.path.stat().st_size for source in sources]
        for index, source in enumerate(sources):
            before, total = sum(sizes[:index]), sum(sizes)
            progress("reading", before, total)
            key = _source_key(source)
            if key in known:
                self._skipped.append(source.name)
                continue
            known.add(key)
            rows = source.row_count() or 0
            for read in self._read_one(source, key):
                progress("reading", before + (sizes[index] * read // rows if rows else 0), total)
        progress("reading", sum(sizes), sum(sizes))
        for table, columns in self._unused.items():
            if columns:
                self._notices.append(f"unused columns of {table}: {printable(', '.join(columns), most=2000)}")
        for table, columns in self._missing_optional.items():
            if columns:
                names = printable(", ".join(columns), most=2000)
                self._notices.append(f"columns of {table} that the mapping names and some file lacks: {names}")

    def _read_one(self, source: Source, key: str) -> Iterator[int]:
        """Read a file; yields the number of rows read so far."""
        self._tallies[source.table].files += 1
        self._unused[source.table].update(dict.fromkeys(source.unused))
        self._missing_optional[source.table].update(dict.fromkeys(source.missing_optional))
        position = read = rejected = 0
        for batch in source.batches(BATCH_ROWS):
            checked = validate_batch(
                batch, source.table, source.mapping, secret=self._secret, now=self._now, first_row=position + 1
            )
            position += batch.height
            read += checked.read
            rejected += checked.rejected.height
            self._take(source, checked)
            yield position
        at = as_of.iso(self._now)
        self._ingested.append(Ingested(key, source.table, source.name, read, rejected, at))

    def _take(self, source: Source, checked: ValidatedBatch) -> None:
        tally = self._tallies[source.table]
        tally.read += checked.read
        self._tables["lines"].add(checked.lines)
        if source.table == "call_records":
            tally.late += checked.good.select((pl.col("received_at") - pl.col("started_at") > LATE).sum()).item()
            self._days.add(checked.good)
        else:
            self._tables[source.table].add(checked.good)
        if checked.rejected.height:
            self._set_aside(source, checked.rejected)

    def _set_aside(self, source: Source, rejected: pl.DataFrame) -> None:
        counts = rejected.group_by("rule").agg(rows=pl.len(), first_row=pl.col("row").min()).sort("rule")
        tally = self._tallies[source.table]
        for rule, rows, first_row in counts.rows():
            tally.reject(source.name, rule, rows=rows, first_row=first_row)
        self._wrong.add(source.table, rejected, source.mapping)
        part = self._writer.staging / f"rejected-{len(self._rejected) + 1}.parquet"
        rejected.insert_column(1, pl.lit(source.name).alias("file")).write_parquet(part)
        self._rejected.append((f"{source.table}-{source.path.name.split('.')[0]}", part))

    def stop_if_too_many_rejected(self, max_rejected: float) -> None:
        tables = tables_over_limit(self._tallies, max_rejected)
        if tables:
            kept_in = self._writer.place_refused(self._rejected)
            raise rejection_error(tables, self._tallies, found=self._wrong, max_rejected=max_rejected, kept_in=kept_in)

    # --- writing -----------------------------------------------------------------------------------------------

    def commit(self, progress: Progress) -> None:
        if not self._ingested:
            return
        old = self._writer.manifest
        days = self._merge_days(old, progress)
        tables = self._merge_tables(old)
        progress("committing", 0, 1)
        self._rejected_files = self._writer.place_rejected(self._rejected)
        self._writer.commit(
            msgspec.structs.replace(
                old,
                days=dict(sorted(days.items())),
                tables=tables,
                sources=(*old.sources, *self._ingested),
                rejected=(*old.rejected, *self._rejected_files),
            )
        )
        progress("committing", 1, 1)

    def _merge_days(self, old: Manifest, progress: Progress) -> dict[str, File]:
        files = dict(old.days)
        waiting = self._days.days
        for done, day in enumerate(waiting):
            progress("merging days", done, len(waiting))
            name = day.isoformat()
            frames = self._days.take(day)
            if name in files:
                frames.append(self._writer.read(files[name]))
            files[name] = self._writer.write(merge_records(frames), "days", name)
        progress("merging days", len(waiting), len(waiting))
        tally = self._tallies["call_records"]
        tally.before, tally.after = (sum(file.rows for file in each.values()) for each in (old.days, files))
        return files

    def _merge_tables(self, old: Manifest) -> dict[str, File]:
        files = dict(old.tables)
        for name, staged in self._tables.items():
            frames = staged.take()
            before = 0
            if name in files:
                frames = [*frames, self._writer.read(files[name])]
                before = files[name].rows
            merged = merge_lines(frames) if name == "lines" else merge_rows(frames)
            files[name] = self._writer.write(merged, "tables", name)
            if name != "lines":
                tally = self._tallies[name]
                tally.before, tally.after = before, merged.height
        return files

    def report(self) -> IntakeReport:
        manifest = self._writer.manifest
        return IntakeReport(
            tables={table: self._tallies[table].frozen() for table in TABLES if table in self._tallies},
            rejected=tuple(
                RejectedCount(table, file, rule, rows, first_row)
                for table in TABLES
                if table in self._tallies
                for (file, rule), (rows, first_row) in sorted(self._tallies[table].by_rule.items())
            ),
            skipped=tuple(self._skipped),
            notices=tuple(self._notices),
            rejected_files=self._rejected_files,
            days=len(manifest.days),
            record_count=sum(file.rows for file in manifest.days.values()),
            fingerprint=manifest.fingerprint,
        )


def _source_key(source: Source) -> str:
    """Identifies a file by its bytes and by how they are read."""
    with readable(source):
        digest = sha256_of(source.path)
    parts = [digest, source.table, source.partition, source.mapping.fingerprint]
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()
