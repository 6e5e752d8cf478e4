"""One writer at a time: the lock, the staging folder, and files that become visible all at once."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import filelock
import msgspec
import polars as pl

from linerisk.errors import StoreError
from linerisk.tables import manifest as manifests
from linerisk.tables.identity import fingerprint_of
from linerisk.tables.manifest import File, Manifest

ROW_GROUP = 2**16
"""Rows whose smallest and largest key are noted together; a reader of one bucket skips whole groups."""

PARQUET: dict[str, Any] = {"compression": "zstd", "compression_level": 1, "row_group_size": ROW_GROUP}


class StoreWriter:
    """What may be done to a store while its lock is held; nothing is visible before `commit`."""

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self.path = path
        self.manifest = manifest
        self.staging = path / "staging"
        self.staging.mkdir()

    def read(self, file: File) -> pl.DataFrame:
        """A whole data file."""
        return pl.read_parquet(self.path / file.path, hive_partitioning=False, glob=False)

    def write(self, frame: pl.DataFrame, folder: str, stem: str) -> File:
        """Write a data file under a name made from its contents, down to the disk."""
        temporary = self.staging / f"{stem}.parquet"
        frame.rechunk().write_parquet(temporary, **PARQUET)
        digest = manifests.sha256_of(temporary)
        name = f"{folder}/{stem}-{digest[:16]}.parquet"
        self._place(temporary, name)
        return File(name, frame.height, digest)

    def place_rejected(self, parts: list[tuple[str, Path]]) -> tuple[str, ...]:
        """Move files of rejected rows out of staging, under the first free number of their name."""
        names = []
        for stem, part in parts:
            number = 1
            while (self.path / (name := f"rejected/{stem}-{number}.parquet")).exists():
                number += 1
            self._place(part, name)
            names.append(name)
        return tuple(names)

    def commit(self, manifest: Manifest) -> None:
        """Make everything written visible, and what it replaced removable."""
        for folder in ("days", "tables", "rejected"):
            if (self.path / folder).exists():
                manifests.sync(self.path / folder)
        superseded = tuple(sorted(self.manifest.files() - manifest.files()))
        manifest = msgspec.structs.replace(manifest, superseded=superseded)
        manifests.write_manifest(self.path, manifest)
        self.manifest = manifest
        self.clean()

    def clean(self) -> None:
        """Remove what the manifest does not name."""
        kept = self.manifest
        manifests.remove_all_but(self.path, (*kept.files(), *kept.rejected, *kept.superseded))

    def _place(self, temporary: Path, name: str) -> None:
        target = self.path / name
        target.parent.mkdir(exist_ok=True)
        manifests.sync(temporary)
        os.replace(temporary, target)  # noqa: PTH105 - said as the system call that it is


@contextmanager
def writing(store: Path, *, secret: bytes) -> Iterator[StoreWriter]:
    """Open a store for writing, or begin one; whatever was left by a run that was stopped is swept away.

    Raises:
        StoreError: Another run is writing, ids were keyed by another secret, or the store is damaged.
    """
    lock = filelock.FileLock(store / ".lock")
    try:
        store.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise StoreError(f"another ingest is writing to {store}", todo="wait until it has ended") from None
    except OSError as error:
        raise _unwritable(store, error) from error
    try:
        manifest = _manifest_for(store, fingerprint_of(secret))
        shutil.rmtree(store / "staging", ignore_errors=True)
        writer = StoreWriter(store, manifest)
        writer.clean()
        try:
            yield writer
        except OSError as error:  # a full disk, a folder that may not be written
            raise _unwritable(store, error) from error
        finally:
            shutil.rmtree(writer.staging, ignore_errors=True)
            writer.clean()
    finally:
        lock.release()


def _unwritable(store: Path, error: OSError) -> StoreError:
    return StoreError(
        f"the record store at {store} cannot be written, and is as it was",
        found=error.strerror or type(error).__name__,
        todo="make room, or name a folder that may be written",
    )


def _manifest_for(store: Path, id_key: str) -> Manifest:
    if not (store / manifests.NAME).exists():
        ours = {".lock", "staging", "days", "tables", "rejected", f"{manifests.NAME}.new"}
        foreign = sorted(entry.name for entry in store.iterdir() if entry.name not in ours)
        if foreign:
            raise StoreError(
                f"{store} is not a record store",
                expected="an empty folder, a new one, or a record store",
                found=", ".join(foreign[:5]),
                todo="name another folder",
            )
        return Manifest(format=manifests.FORMAT, id_key=id_key)
    manifest = manifests.read_manifest(store)
    if manifest.id_key != id_key:
        raise StoreError(
            f"the line ids in {store} were keyed by another secret",
            expected=f"the secret with fingerprint {manifest.id_key}",
            found=f"the secret with fingerprint {id_key}",
            todo="set LINERISK_ID_KEY, or the home with its id_key file, to what it was, or begin a new store",
        )
    return manifest
