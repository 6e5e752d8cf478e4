"""Making a model or a snapshot live: checked first, then moved to its place, then pointed at."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import polars as pl

from linerisk import as_of as clock
from linerisk.errors import LineriskError, StoreError
from linerisk.features.catalogue import FEATURE_NAMES
from linerisk.features.reference import Reference
from linerisk.live.bundle import MODELS, SNAPSHOTS, model_of, snapshot_of
from linerisk.live.pointer import (
    ModelMeta,
    Pointer,
    Promotion,
    changing,
    place,
    read_pointer,
    scratch_beside,
    write_pointer,
)
from linerisk.live.precomputed_scores import PrecomputedScores, open_scores, scores_folder, write_scores
from linerisk.live.snapshot import META, Snapshot, SnapshotMeta, open_snapshot, write_snapshot
from linerisk.model.risk_model import ARTEFACT_FILES, RiskModel

SNAPSHOTS_KEPT = 3
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS})


Precompute = Callable[[RiskModel, Snapshot], PrecomputedScores]
"""Computes the scores of every row of a snapshot."""


def put_model(
    folder: Path,
    artefact: Path,
    *,
    name: str,
    version: str,
    expires_at: datetime | None,
    promotion: Promotion | None = None,
    precompute: Precompute | None = None,
) -> ModelMeta:
    """Make a model live. A snapshot that is live stays so.

    Args:
        folder: The live folder; see `Settings.live`.
        artefact: Folder of the artefact.
        name: Name in the registry.
        version: Version in the registry.
        expires_at: When it expires; None means never.
        promotion: Who promoted it, and why.
        precompute: Computes the scores of the live snapshot before the model goes live. None: the model goes live at
            once, and requests compute the scores.

    Raises:
        ArtefactError: The artefact is damaged, or the snapshot that is live lacks its columns. Nothing was changed.
        StoreError: The snapshot that is live is damaged, or the folder cannot be written. Nothing was changed.
    """
    model = RiskModel.load(artefact, version=version)
    meta = ModelMeta(
        fingerprint=model.fingerprint,
        name=name,
        version=version,
        live_since=clock.now(),
        expires_at=expires_at,
        promotion=promotion,
    )
    with _written_in(folder), changing(folder) as pointer:
        snapshot = None if pointer.snapshot is None else snapshot_of(folder, pointer.snapshot, model)
        with scratch_beside(folder / MODELS) as made:
            for file in ARTEFACT_FILES:
                shutil.copyfile(artefact / file, made / file)
            if not _is_intact(folder, model.fingerprint):
                place(made, folder / MODELS / model.fingerprint)
        if snapshot is not None:
            try:
                _precompute(folder / SNAPSHOTS / snapshot.meta.id, snapshot, model, precompute)
            except OSError as error:
                # The model was approved: it goes live even if the disk has no room for precomputed scores.
                if error.errno not in _NO_ROOM:
                    raise
        write_pointer(folder, Pointer(model=meta, snapshot=pointer.snapshot))
    return meta


def put_snapshot(
    folder: Path,
    features: pl.DataFrame,
    *,
    accounts: pl.LazyFrame | pl.DataFrame,
    reference: Reference,
    catalogue: Sequence[str] = FEATURE_NAMES,
    keyed_by: str = "",
    store: Path | None = None,
    precompute: Precompute | None = None,
) -> SnapshotMeta:
    """Make a snapshot live, and drop those before the last few.

    Args:
        folder: The live folder; see `Settings.live`.
        features: `line_key` and feature columns. Grain: one row per line.
        accounts: `tables.schemas.Accounts`; says when a line was last verified, as known then.
        reference: What the features were compared with (`features.build.survey_store`), and the instant of both.
        catalogue: The feature columns to keep, in order.
        keyed_by: Which secret keyed the lines (`tables.identity.fingerprint_of`).
        store: The record store behind it, so that a model promoted later finds the records of the lines it raises.
        precompute: Computes the scores by the live model before the snapshot goes live.

    Raises:
        ArtefactError: The model that is live needs a column that is not there. Nothing was changed.
        StoreError: The folder cannot be written. Nothing was changed.
    """
    with _written_in(folder), changing(folder) as pointer, scratch_beside(folder / SNAPSHOTS) as made:
        meta = write_snapshot(
            made,
            features,
            accounts=accounts.lazy(),
            reference=reference,
            catalogue=catalogue,
            keyed_by=keyed_by,
            store="" if store is None else str(store.resolve()),
        )
        model = None if pointer.model is None else model_of(folder, pointer.model.fingerprint)
        if model is not None:
            snapshot = open_snapshot(made, feature_names=model.feature_names)
            _precompute(made, snapshot, model, precompute)
        place(made, folder / SNAPSHOTS / meta.id)
        write_pointer(folder, Pointer(model=pointer.model, snapshot=meta.id))
        _prune(folder / SNAPSHOTS, keep=meta.id)
    return meta


def has_precomputed_scores(folder: Path) -> bool:
    """Whether the live snapshot has precomputed scores by the live model; also true when there is no such bundle."""
    pointer = read_pointer(folder)
    if pointer.model is None or pointer.snapshot is None:
        return True
    return scores_folder(folder / SNAPSHOTS / pointer.snapshot, pointer.model.fingerprint).exists()


@contextmanager
def _written_in(folder: Path) -> Iterator[None]:
    """Turn an OSError such as a full disk into a StoreError; the live bundle is unchanged."""
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        raise StoreError(
            f"the live folder {folder} cannot be written; what was live stays live",
            expected="room on its disk",
            found=error.strerror or type(error).__name__,
            todo="make room (a snapshot takes about 1 kB a line), then give the command again",
        ) from error


def _precompute(home: Path, snapshot: Snapshot, model: RiskModel, precompute: Precompute | None) -> None:
    """Add the scores by a model to a snapshot, unless they are there."""
    target = scores_folder(home, model.fingerprint)
    if precompute is None or not snapshot.meta.lines or open_scores(target, lines=snapshot.meta.lines) is not None:
        return
    with scratch_beside(home) as made:
        write_scores(made, precompute(model, snapshot))
        place(made, target)


def _is_intact(folder: Path, fingerprint: str) -> bool:
    """Whether this artefact is stored here, undamaged."""
    try:
        model_of(folder, fingerprint)
    except LineriskError:
        return False
    return True


def _prune(snapshots: Path, *, keep: str) -> None:
    ages = {path.parent: path.stat().st_mtime_ns for path in snapshots.glob(f"*/{META}")}
    for old in sorted(ages, key=lambda path: ages[path], reverse=True)[SNAPSHOTS_KEPT:]:
        if old.name != keep:
            shutil.rmtree(old)
