"""The store writer: one at a time, with a lock and an atomic commit."""

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
from linerisk.tables import durable_files
from linerisk.tables import manifest as manifests
from linerisk.tables.identity import fingerprint_of
from linerisk.tables.manifest import File, Manifest

ROW_GROUP = 2**16
"""Rows whose smallest and largest key are noted together; a reader of one bucket skips whole groups."""

PARQUET: dict[str, Any] = {"compression": "zstd", "compression_level": 1, "row_group_size": ROW_GROUP}


REFUSED = "refused-"
"""What the folders of rejected rows of refused runs are called, before their number."""


class StoreWriter:
    """Writes to a store while it holds the lock; nothing is visible before `commit`."""

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self.path = path
        self.manifest = manifest
        self.staging = path / "staging"
        manifests.make_private_folder(self.staging)

    def read(self, file: File) -> pl.DataFrame:
        """A whole data file."""
        return pl.read_parquet(self.path / file.path, hive_partitioning=False, glob=False)

    def write(self, frame: pl.DataFrame, folder: str, stem: str) -> File:
        """Write a data file under a name made from its contents, down to the disk."""
        temporary = self.staging / f"{stem}.parquet"
        frame.rechunk().write_parquet(temporary, **PARQUET)
        digest = durable_files.sha256_of(temporary)
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

    def place_refused(self, parts: list[tuple[str, Path]]) -> Path:
        """Keep the rejected rows of a run that is refused: a folder of their own, there whole or not at all.

        The manifest does not know of it, so the store is as it was. Folders of earlier refused runs go.
        """
        staged = self.staging / "refused"
        manifests.make_private_folder(staged)
        names: set[str] = set()
        for stem, part in parts:
            number = 1
            while (name := f"{stem}-{number}.parquet") in names:
                number += 1
            names.add(name)
            self._place(part, f"staging/refused/{name}")
        durable_files.sync(staged)
        rejected = self.path / "rejected"
        manifests.make_private_folder(rejected)
        earlier = [path for path in rejected.glob(f"{REFUSED}*") if path.is_dir()]
        target = rejected / f"{REFUSED}{1 + max((_number_of(path) for path in earlier), default=0)}"
        os.replace(staged, target)  # noqa: PTH105 - said as the system call that it is
        for path in earlier:  # out of sight in one step, then swept with the staging folder
            os.replace(path, self.staging / path.name)  # noqa: PTH105
        durable_files.sync(rejected)
        return target

    def commit(self, manifest: Manifest) -> None:
        """Make everything written visible, and what it replaced removable."""
        for folder in ("days", "tables", "rejected"):
            if (self.path / folder).exists():
                durable_files.sync(self.path / folder)
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
        manifests.make_private_folder(target.parent)
        temporary.chmod(manifests.PRIVATE_FILE)
        durable_files.sync(temporary)
        os.replace(temporary, target)  # noqa: PTH105 - said as the system call that it is


@contextmanager
def writing(store: Path, *, secret: bytes) -> Iterator[StoreWriter]:
    """Open or create a store for writing; leftovers of a stopped run are removed.

    Raises:
        StoreError: Another run is writing, ids were keyed by another secret, or the store is damaged.
    """
    lock = filelock.FileLock(store / ".lock", mode=manifests.PRIVATE_FILE)
    try:
        store.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
        (store / ".lock").chmod(manifests.PRIVATE_FILE)
    except filelock.Timeout:
        raise StoreError(f"another ingest is writing to {store}", todo="wait until it has ended") from None
    except OSError as error:
        raise _unwritable(store, error) from error
    try:
        manifest = _manifest_for(store, fingerprint_of(secret))
        _close_to_others(store)
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


def _number_of(refused: Path) -> int:
    number = refused.name.removeprefix(REFUSED)
    return int(number) if number.isdecimal() else 0


def _close_to_others(store: Path) -> None:
    """Restrict the folder to its owner, because a store holds raw ids."""
    try:
        for folder in (store, *(path for path in store.iterdir() if path.is_dir())):
            folder.chmod(manifests.PRIVATE_FOLDER)
    except OSError as error:
        raise _unwritable(store, error) from error


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
