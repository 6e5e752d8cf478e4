"""A snapshot: features of all lines at one instant and the reference they were made with, as sorted arrays."""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl

from linerisk import as_of as clock
from linerisk.errors import ArtefactError, StoreError
from linerisk.features.reference import Found, Keys, Reference, positions
from linerisk.features.segments import COMPARED
from linerisk.features.tenure import current_accounts
from linerisk.model.risk_model import Rows
from linerisk.tables.durable_files import sha256_of

Instant = Annotated[datetime, msgspec.Meta(tz=True)]

META = "meta.json"
_OF_LINES = ("keys.npy", "features.npy", "verified.npy")
_OF_REFERENCE = ("found_lines.npy", "found_contacts.npy", "contact_by_found.npy", "contact_by_any.npy", "usual.npy")
_ARRAYS = _OF_LINES + _OF_REFERENCE
_NO_ACCOUNT, _NEVER = -2, -1
"""In `verified.npy`, in place of microseconds: no account known, account known and never verified."""


class SnapshotMeta(msgspec.Struct, frozen=True, kw_only=True):
    """Metadata of a snapshot.

    Attributes:
        id: `as_of` and the beginning of the hash over its arrays: the same content has the same id.
        as_of: The instant that its features are as of.
        created_at: When it was made.
        lines: Number of lines.
        without_account: How many of them have no account known at `as_of`.
        columns: Names of the feature columns, in order.
        compared: Names of the features whose usual the reference holds, in order.
        sha256: By file.
        keyed_by: Tells which secret keyed the lines (`tables.identity.fingerprint_of`); empty if not said.
        store: Folder of the record store that it was made from; empty if not said.
    """

    id: str
    as_of: Instant
    created_at: Instant
    lines: int
    without_account: int
    columns: tuple[str, ...]
    compared: tuple[str, ...]
    sha256: dict[str, str]
    keyed_by: str = ""
    store: str = ""


@dataclass(frozen=True)
class Snapshot:
    """Features of all lines at one instant, sorted by key, and what lines were compared with.

    Features and reference stay on disk, mapped into memory.
    """

    meta: SnapshotMeta
    keys: Keys
    features: Rows
    verified: Keys
    order: npt.NDArray[np.intp]
    reference: Reference

    def find(self, keys: Keys) -> npt.NDArray[np.intp]:
        """Row of each key; -1 for an unknown line."""
        return positions(self.keys, keys)

    def row_of(self, key: int) -> int:
        """Row of one key; see `find`."""
        row = bisect_left(self._sorted_keys, key)
        return row if row < len(self._sorted_keys) and self._sorted_keys[row] == key else -1

    @cached_property
    def _sorted_keys(self) -> memoryview:
        """The keys, to be looked up one at a time: numpy takes ten times as long for one."""
        return self.keys.data

    def rows(self, indexes: npt.NDArray[np.intp]) -> Rows:
        """Features of these rows, in the order of the model's columns."""
        return np.ascontiguousarray(self.features[indexes][:, self.order])

    def last_verified(self, index: int) -> datetime | None:
        """When the holder of a row's line last passed verification, if ever."""
        micros = int(self.verified[index])
        return None if micros < 0 else datetime.fromtimestamp(micros / 1e6, UTC)

    def has_account(self, index: int) -> bool:
        """Whether an account of a row's line was known."""
        return int(self.verified[index]) != _NO_ACCOUNT


def write_snapshot(
    folder: Path,
    features: pl.DataFrame,
    *,
    accounts: pl.LazyFrame,
    reference: Reference,
    catalogue: Sequence[str],
    keyed_by: str,
    store: str = "",
) -> SnapshotMeta:
    """Fill a folder with the files of a snapshot; see `put_snapshot`."""
    as_of = reference.as_of
    ordered = features.sort("line_key")
    verified = _verified(ordered, accounts, as_of=as_of)
    arrays = (
        ordered["line_key"].to_numpy(),
        ordered.select(pl.col(catalogue).cast(pl.Float32).fill_null(float("nan"))).to_numpy(order="c"),
        verified,
        reference.found.lines,
        reference.found.contacts,
        reference.found.by_found,
        reference.by_any,
        reference.usual.to_numpy(order="c"),
    )
    sums = {}
    for name, array in zip(_ARRAYS, arrays, strict=True):
        np.save(folder / name, array)
        sums[name] = sha256_of(folder / name)
    meta = SnapshotMeta(
        id=_snapshot_id(as_of, sums),
        as_of=as_of.astimezone(UTC),
        created_at=clock.now(),
        lines=ordered.height,
        without_account=int((verified == _NO_ACCOUNT).sum()),
        columns=tuple(catalogue),
        compared=tuple(COMPARED),
        sha256=sums,
        keyed_by=keyed_by,
        store=store,
    )
    (folder / META).write_bytes(msgspec.json.format(msgspec.json.encode(meta), indent=1))
    return meta


def open_snapshot(home: Path, *, feature_names: Sequence[str]) -> Snapshot:
    """Check every byte of a snapshot and map it into memory.

    Args:
        home: Its folder.
        feature_names: The columns of the model, in order.

    Raises:
        StoreError: It is damaged.
        ArtefactError: It lacks columns of the model, or its reference is of another catalogue.
    """
    try:
        meta = msgspec.json.decode((home / META).read_bytes(), type=SnapshotMeta)
        sums = {name: sha256_of(home / name) for name in _ARRAYS}
    except msgspec.ValidationError as error:
        raise StoreError(
            f"the snapshot {home.name} was written by another version",
            expected="what this version says of a snapshot",
            found=str(error),
            todo="publish it again with `linerisk publish`",
        ) from error
    except (OSError, msgspec.MsgspecError) as error:
        raise _damaged(home.name, found=type(error).__name__) from error
    if sums != meta.sha256:
        raise _damaged(home.name, found=", ".join(name for name in _ARRAYS if sums[name] != meta.sha256.get(name)))
    missing = [name for name in feature_names if name not in meta.columns]
    if missing:
        raise _misfit(
            "lacks columns of the model", f"{len(feature_names)} columns", f"without {', '.join(missing[:3])}"
        )
    if meta.compared != tuple(COMPARED):
        raise _misfit("has another reference", ", ".join(COMPARED), ", ".join(meta.compared))
    position = {name: i for i, name in enumerate(meta.columns)}
    order = np.array([position[name] for name in feature_names], dtype=np.intp)
    arrays = [np.load(home / name, mmap_mode="r", allow_pickle=False) for name in _ARRAYS]
    # A plain view of the map: indexing a memmap itself is several times slower.
    keys, features, verified, lines, contacts, by_found, by_any, usual = map(np.asarray, arrays)
    medians = pl.DataFrame(np.array(usual), schema=[base for base, _ in COMPARED.values()], nan_to_null=True)
    reference = Reference(meta.as_of, Found(lines, contacts, by_found), by_any, medians)
    return Snapshot(meta, keys, features, verified, order, reference)


def _misfit(wrong: str, expected: str, found: str) -> ArtefactError:
    return ArtefactError(
        f"the snapshot {wrong}",
        expected=expected,
        found=found,
        todo="publish a snapshot made by the same version of the feature catalogue",
    )


def _damaged(snapshot_id: str, *, found: str) -> StoreError:
    return StoreError(
        f"the snapshot {snapshot_id} is damaged",
        expected="the files that were published, byte for byte",
        found=found,
        todo="publish it again with `linerisk publish`",
    )


def _verified(ordered: pl.DataFrame, accounts: pl.LazyFrame, *, as_of: datetime) -> Keys:
    """Microseconds of the last verification per line, or why there are none."""
    known = current_accounts(accounts, as_of=as_of).select(
        "line_key", micros=pl.col("last_verified_at").dt.epoch("us").fill_null(_NEVER)
    )
    joined = ordered.lazy().select("line_key").join(known, on="line_key", how="left", maintain_order="left")
    micros: Keys = joined.collect()["micros"].fill_null(_NO_ACCOUNT).to_numpy()
    return micros


def _snapshot_id(as_of: datetime, sums: dict[str, str]) -> str:
    digest = hashlib.sha256("".join(sums[name] for name in _ARRAYS).encode()).hexdigest()
    return f"{as_of.astimezone(UTC):%Y%m%dT%H%M%SZ}-{digest[:12]}"
