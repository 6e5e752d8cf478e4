"""Write access to the record store: an exclusive lock, a staging folder, and an atomic commit."""

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
"""Rows per Parquet row group; their key statistics let a reader of one bucket skip whole groups."""

PARQUET: dict[str, Any] = {"compression": "zstd", "compression_level": 1, "row_group_size": ROW_GROUP}


REFUSED_PREFIX = "refused-"
"""Name prefix of the folders of rejected rows of refused runs; a number follows."""


class StoreWriter:
    """Writes to a store whose lock is held; nothing is visible before `commit`."""

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self.path = path
        self.manifest = manifest
        self.staging = path / "staging"
        manifests.make_private_folder(self.staging)

    def read(self, file: File) -> pl.DataFrame:
        """A whole data file."""
        return pl.read_parquet(self.path / file.path, hive_partitioning=False, glob=False)

    def write(self, frame: pl.DataFrame, folder: str, stem: str) -> File:
        """Write a data file durably, under a name derived from its contents."""
        temporary = self.staging / f"{stem}.parquet"
        frame.rechunk().write_parquet(temporary, **PARQUET)
        digest = durable_files.sha256_of(temporary)
        name = f"{folder}/{stem}-{digest[:16]}.parquet"
        self._place(temporary, name)
        return File(name, frame.height, digest)

    def place_rejected(self, parts: list[tuple[str, Path]]) -> tuple[str, ...]:
        """Move files of rejected rows out of staging, each with the first free number."""
        names = []
        for stem, part in parts:
            number = 1
            while (self.path / (name := f"rejected/{stem}-{number}.parquet")).exists():
                number += 1
            self._place(part, name)
            names.append(name)
        return tuple(names)

    def place_refused(self, parts: list[tuple[str, Path]]) -> Path:
        """Keep the rejected rows of a refused run in a folder that appears atomically.

        The manifest does not list it, so the store is unchanged. Folders of earlier refused runs are removed.
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
        earlier = [path for path in rejected.glob(f"{REFUSED_PREFIX}*") if path.is_dir()]
        target = rejected / f"{REFUSED_PREFIX}{1 + max((_number_of(path) for path in earlier), default=0)}"
        os.replace(staged, target)  # noqa: PTH105 - named after the system call
        for path in earlier:  # moved in one step, then deleted with the staging folder
            os.replace(path, self.staging / path.name)  # noqa: PTH105
        durable_files.sync(rejected)
        return target

    def commit(self, manifest: Manifest) -> None:
        """Make all written files visible, and mark replaced files for removal."""
        for folder in ("days", "tables", "rejected"):
            if (self.path / folder).exists():
                durable_files.sync(self.path / folder)
        superseded = tuple(sorted(self.manifest.files() - manifest.files()))
        manifest = msgspec.structs.replace(manifest, superseded=superseded)
        manifests.write_manifest(self.path, manifest)
        self.manifest = manifest
        self.clean()

    def clean(self) -> None:
        """Remove files that the manifest does not list."""
        kept = self.manifest
        manifests.remove_all_but(self.path, (*kept.files(), *kept.rejected, *kept.superseded))

    def _place(self, temporary: Path, name: str) -> None:
        target = self.path / name
        manifests.make_private_folder(target.parent)
        temporary.chmod(manifests.PRIVATE_FILE)
        durable_files.sync(temporary)
        os.replace(temporary, target)  # noqa: PTH105 - named after the system call


@contextmanager
def open_for_writing(store: Path, *, secret: bytes) -> Iterator[StoreWriter]:
    """Open a store for writing, or create it; leftovers of interrupted runs are removed.

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
        raise _write_error(store, error) from error
    try:
        manifest = _manifest_for(store, fingerprint_of(secret))
        _make_private(store)
        shutil.rmtree(store / "staging", ignore_errors=True)
        writer = StoreWriter(store, manifest)
        writer.clean()
        try:
            yield writer
        except OSError as error:  # a full disk, or no permission to write
            raise _write_error(store, error) from error
        finally:
            shutil.rmtree(writer.staging, ignore_errors=True)
            writer.clean()
    finally:
        lock.release()


def _number_of(refused: Path) -> int:
    number = refused.name.removeprefix(REFUSED_PREFIX)
    return int(number) if number.isdecimal() else 0


def _make_private(store: Path) -> None:
    """Set folder modes to 0700, whatever the umask and the folder's creator, because a store holds raw ids."""
    try:
        for folder in (store, *(path for path in store.iterdir() if path.is_dir())):
            folder.chmod(manifests.PRIVATE_FOLDER)
    except OSError as error:
        raise _write_error(store, error) from error


def _write_error(store: Path, error: OSError) -> StoreError:
    return StoreError(
        f"the record store at {store} cannot be written, and is unchanged",
        found=error.strerror or type(error).__name__,
        todo="free disk space, or name a writable folder",
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
