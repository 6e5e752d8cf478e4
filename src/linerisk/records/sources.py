"""Finds the files of input tables under a source and reads them lazily, under the contract's column names.

Only whole files are checked here: that they can be read and have the required columns. `tables` checks the rows.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

import polars as pl
import polars.exceptions as pl_errors

from linerisk.errors import InputError
from linerisk.records.contract import TABLES, Column, TableName
from linerisk.records.mapping import CONTRACT, Mapping, TableMapping
from linerisk.records.text import printable, why_not_text

PARQUET = (".parquet", ".pq")
CSV = (".csv", ".csv.gz")
BEYOND_HEADER = "beyond_header"
"""The column that holds surplus cells of CSV rows longer than the header."""

_HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"
_HINT = "rename the columns, or name yours in a TOML file and give it as --mapping"


@dataclass(frozen=True)
class Source:
    """One file that holds rows of one table.

    Attributes:
        table: The table of its rows.
        path: Path of the file.
        name: Path relative to the source folder, for reports.
        partition: Values of the `key=value` folders above it.
        mapping: Maps its columns to the contract's.
    """

    table: TableName
    path: Path
    name: str
    partition: tuple[tuple[str, str | None], ...]
    mapping: TableMapping

    @property
    def is_parquet(self) -> bool:
        """Whether it is Parquet; else it is CSV."""
        return self.path.name.endswith(PARQUET)

    @cached_property
    def scanned(self) -> pl.LazyFrame:
        """The unconverted file; CSV cells are text."""
        if self.is_parquet:
            return pl.scan_parquet(self.path, hive_partitioning=False, glob=False)
        self.check_is_text()
        header = self._csv(schema=None).collect_schema().names()
        return self._csv(schema=[*header, BEYOND_HEADER])

    @cached_property
    def found(self) -> tuple[str, ...]:
        """The columns of the file.

        Raises:
            InputError: The file cannot be read.
        """
        with readable(self):
            names = self.scanned.collect_schema().names()
        return tuple(name for name in names if name != BEYOND_HEADER)

    def check_is_text(self, *, whole: bool = False) -> None:
        """Check that the header of a CSV file, or all of it, is text in UTF-8.

        Raises:
            InputError: The file is empty, or not text in UTF-8.
        """
        if self.path.stat().st_size == 0:
            raise InputError(
                f"{self.name} is empty", expected="CSV with a header", found="0 bytes", todo="remove it from the source"
            )
        wrong = why_not_text(self.path, separator=self.mapping.separator, whole=whole)
        if wrong is not None:
            raise InputError(
                f"{self.name} cannot be read: it is not a text file in UTF-8",
                expected="CSV with a header, in UTF-8, or Parquet under a name that ends in .parquet",
                found=wrong,
                todo="write it again in UTF-8 (for example: iconv -f GB18030 -t UTF-8), or remove it from the source",
            )

    @property
    def unused(self) -> tuple[str, ...]:
        """Columns of the file that the contract does not have."""
        used = {self._own_name(column) for column in TABLES[self.table]}
        return tuple(name for name in self.found if name not in used)

    @property
    def missing_optional(self) -> tuple[str, ...]:
        """Mapped optional columns that the file lacks."""
        present = {*self.found, *dict(self.partition)}
        optional = {column.name for column in TABLES[self.table] if not column.required}
        named = self.mapping.columns.items()
        return tuple(f"{own} for {name}" for name, own in named if name in optional and own not in present)

    def frame(self) -> pl.LazyFrame:
        """Unconverted rows under the contract's column names; optional columns may be missing.

        Raises:
            InputError: A required column is missing.
        """
        partition = dict(self.partition)
        chosen: dict[str, pl.Expr] = {}
        missing: list[Column] = []
        for column in TABLES[self.table]:
            own = self._own_name(column)
            if own in self.found:
                chosen[column.name] = pl.col(own)
            elif own in partition:
                chosen[column.name] = pl.lit(partition[own], dtype=pl.String)
            elif column.name in self.mapping.constants:
                chosen[column.name] = pl.lit(self.mapping.constants[column.name], dtype=pl.String)
            elif column.required:
                missing.append(column)
        if missing:
            raise self._missing_error(missing)
        if not self.is_parquet:
            chosen[BEYOND_HEADER] = pl.col(BEYOND_HEADER)
        return self.scanned.select(**chosen)

    def batches(self, rows: int) -> Iterator[pl.DataFrame]:
        """The rows of `frame` in order, in batches of about `rows`.

        Raises:
            InputError: A required column is missing, or the file cannot be read.
        """
        with readable(self):
            batches = iter(self.frame().collect_batches(chunk_size=rows, maintain_order=True))
        while True:
            with readable(self):
                batch = next(batches, None)
            if batch is None:
                return
            yield batch

    def row_count(self) -> int | None:
        """Number of rows, if it is known without reading them (Parquet); else None."""
        if not self.is_parquet:
            return None
        with readable(self):
            return int(self.scanned.select(pl.len()).collect().item())

    def _own_name(self, column: Column) -> str:
        return self.mapping.columns.get(column.name, column.name)

    def _csv(self, *, schema: list[str] | None) -> pl.LazyFrame:
        return pl.scan_csv(
            self.path,
            glob=False,
            separator=self.mapping.separator,
            infer_schema=False,
            schema=None if schema is None else dict.fromkeys(schema, pl.String),
            missing_columns=None if schema is None else "insert",
            truncate_ragged_lines=True,
        )

    def _missing_error(self, missing: list[Column]) -> InputError:
        lowered = {name.lower(): name for name in self.found}
        guesses = []
        for column in missing:
            own = self._own_name(column)
            label = own if own == column.name else f"{own}, which the mapping names for {column.name}"
            close = [lowered[near] for near in difflib.get_close_matches(own.lower(), lowered, n=2, cutoff=0.5)]
            guesses.append(f"{label} (closest: {printable(', '.join(close), most=80)})" if close else label)
        return InputError(
            f"{self.name} cannot be {self.table}: it lacks {', '.join(guesses)}",
            expected=", ".join(self._own_name(column) for column in TABLES[self.table] if column.required),
            found=printable(", ".join(self.found), most=400) or "no columns",
            todo=self._separator_hint() or _HINT,
            field=self._own_name(missing[0]),
        )

    def _separator_hint(self) -> str | None:
        """A hint for a header of a single cell that contains another common separator."""
        if self.is_parquet or len(self.found) != 1:
            return None
        other = [each for each in ",;\t|" if each in self.found[0] and each != self.mapping.separator]
        return f"its cells seem to be separated by {other[0]!r}: set separator in the mapping" if other else None


class readable:  # noqa: N801 - reads as a phrase: with readable(source)
    """Converts polars read errors to an `InputError` that names the file and quotes no cell."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        """Raise `InputError` in place of a read error."""
        if isinstance(error, pl_errors.PolarsError | OSError):
            if not self._source.is_parquet and not isinstance(error, FileNotFoundError | PermissionError):
                self._source.check_is_text(whole=True)
            shape = "Parquet" if self._source.is_parquet else "CSV with a header, in UTF-8"
            raise InputError(
                f"{self._source.name} cannot be read",
                expected=shape,
                found=f"something else, or damage ({type(error).__name__})",
                todo="write the file again, or remove it from the source",
            ) from None


def find_sources(source: Path, mapping: Mapping | None = None) -> list[Source]:
    """Find every file of every table under a source, sorted by path.

    Args:
        source: A folder that holds the tables as files or folders, or the file or folder of one table.
        mapping: File patterns of tables, if files are not named after their table.

    Raises:
        InputError: There is nothing to read.
    """
    if not source.exists():
        raise InputError("there is no such source", found=str(source), todo="name a folder or a file that exists")
    root = source if source.is_dir() else source.parent
    paths = sorted(_files(source)) if source.is_dir() else [source]
    found = [
        Source(table, path, printable(path.relative_to(root).as_posix()), _partition(path.relative_to(root)), part)
        for path in paths
        for table in TABLES
        for part in _matching_parts(table, path, root, mapping)
    ]
    if not found:
        raise InputError(
            "the source holds none of the tables",
            expected=f"{', '.join(TABLES)}, each a file or a folder of {' or '.join((*PARQUET, *CSV))} files",
            found=printable(", ".join(sorted(entry.name for entry in root.iterdir())[:20])) or "an empty folder",
            todo="name the files after their tables, or list their patterns in a TOML file given as --mapping",
        )
    return found


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.name.startswith(("_", ".")):  # marker files of other systems, such as _SUCCESS
            continue
        if path.is_dir():
            yield from _files(path)
        elif path.name.endswith((*PARQUET, *CSV)):
            yield path


def _matching_parts(table: TableName, path: Path, root: Path, mapping: Mapping | None) -> Iterator[TableMapping]:
    """The parts of the mapping, or the contract's default, that match a file."""
    inside = path.relative_to(root)
    parts = () if mapping is None else mapping.of(table)
    for part in parts or (CONTRACT,):
        if part.files:
            if any(_matches(inside, pattern) for pattern in part.files):
                yield part
        elif _named_after(table, root, inside):
            yield part


def _matches(inside: Path, pattern: str) -> bool:
    return PurePosixPath(inside.as_posix()).match(pattern)


def _named_after(table: TableName, root: Path, inside: Path) -> bool:
    """`call_records/...`, `call_records.csv` and `call_records-2024-05.csv`, or any file in a folder of that name."""
    first = inside.parts[0]
    if len(inside.parts) == 1 and first.startswith(table):
        return not first.removeprefix(table)[:1].isalnum()
    return first == table or (root.resolve().name == table and not first.startswith(tuple(TABLES)))


def _partition(inside: Path) -> tuple[tuple[str, str | None], ...]:
    pairs = (part.split("=", 1) for part in inside.parent.parts if "=" in part)
    return tuple((unquote(key), None if value == _HIVE_NULL else unquote(value)) for key, value in pairs)
