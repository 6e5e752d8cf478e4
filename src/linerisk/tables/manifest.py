"""The manifest: the list of files in a record store, replaced atomically on every change.

New data files get names derived from their contents and become visible together when `manifest.json` is replaced. A run
that is killed before that leaves the store unchanged.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

import msgspec

from linerisk.errors import StoreError
from linerisk.tables import durable_files

FORMAT = 1
NAME = "manifest.json"
PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700


class File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One data file: path relative to the store, number of rows, SHA-256 of its bytes."""

    path: str
    rows: int
    sha256: str


class Ingested(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One source file that was ingested; `key` identifies its bytes and how they were read."""

    key: str
    table: str
    name: str
    rows: int
    rejected: int
    at: str


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The contents of a store.

    Attributes:
        format: Layout of the store.
        id_key: Fingerprint of the secret that keyed the ids.
        days: UTC day of `started_at` -> the file of its records.
        tables: `accounts`, `labels` and `lines` -> their files.
        sources: Ingested source files.
        rejected: Files of rejected rows.
        superseded: Files that the last change replaced; they stay until the next change, for open readers.
    """

    format: int
    id_key: str
    days: dict[str, File] = {}
    tables: dict[str, File] = {}
    sources: tuple[Ingested, ...] = ()
    rejected: tuple[str, ...] = ()
    superseded: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the contents, independent of arrival order and source files."""
        contents = {
            "format": self.format,
            "id_key": self.id_key,
            "days": {day: file.sha256 for day, file in self.days.items()},
            "tables": {table: file.sha256 for table, file in self.tables.items()},
        }
        return hashlib.sha256(msgspec.json.encode(contents, order="sorted")).hexdigest()

    def files(self) -> set[str]:
        """Paths of all data files, relative to the store."""
        return {file.path for file in (*self.days.values(), *self.tables.values())}


def read_manifest(store: Path) -> Manifest:
    """Read the manifest of a store.

    Raises:
        StoreError: The store is missing, damaged, or of another format.
    """
    try:
        content = (store / NAME).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise StoreError(
            f"there is no record store at {store}", todo=f"make one with: linerisk ingest SRC --store {store}"
        ) from None
    try:
        found = msgspec.json.decode(content, type=dict[str, object]).get("format")
        if found == FORMAT:
            return msgspec.json.decode(content, type=Manifest)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise StoreError(
            f"the manifest of the record store at {store} is damaged",
            found=str(error),
            todo="restore the folder from a copy, or ingest the sources again into a new one",
        ) from error
    raise StoreError(
        f"the record store at {store} is of another format",
        expected=f"format {FORMAT}",
        found=f"format {found}",
        todo="ingest the sources again into a new store with this version of linerisk",
    )


def write_manifest(store: Path, manifest: Manifest) -> None:
    """Replace the manifest atomically and durably."""
    temporary = store / f"{NAME}.new"
    with temporary.open("wb") as file:
        os.fchmod(file.fileno(), PRIVATE_FILE)
        file.write(msgspec.json.format(msgspec.json.encode(manifest, order="deterministic"), indent=1))
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(store / NAME)
    durable_files.sync(store)


def make_private_folder(path: Path) -> None:
    """Create a folder with mode 0700 whatever the umask, or set the mode of an existing one."""
    path.mkdir(exist_ok=True)
    path.chmod(PRIVATE_FOLDER)


def remove_all_but(store: Path, keep: Iterable[str]) -> None:
    """Remove data files that are not in `keep`: replaced files and leftovers of interrupted runs."""
    kept = set(keep)
    for folder in ("days", "tables", "rejected"):
        for path in (store / folder).glob("*.parquet"):
            if path.relative_to(store).as_posix() not in kept:
                path.unlink()
