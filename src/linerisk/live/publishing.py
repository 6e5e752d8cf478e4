"""Making a model or a snapshot live: checked first, then moved to its place, then pointed at."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import polars as pl

from linerisk import as_of as clock
from linerisk.errors import LineriskError
from linerisk.features.catalogue import FEATURE_NAMES
from linerisk.live.pair import MODELS, SNAPSHOTS, model_of, snapshot_of
from linerisk.live.pointer import ModelMeta, Pointer, Promotion, changing, place, scratch_beside, write_pointer
from linerisk.live.snapshot import META, SnapshotMeta, open_snapshot, write_snapshot
from linerisk.model.risk_model import ARTEFACT_FILES, RiskModel

SNAPSHOTS_KEPT = 3


def put_model(
    folder: Path,
    artefact: Path,
    *,
    name: str,
    version: str,
    expires_at: datetime | None,
    promotion: Promotion | None = None,
) -> ModelMeta:
    """Make a model live. A snapshot that is live stays so.

    Args:
        folder: The live folder; see `Settings.live`.
        artefact: Folder of the artefact.
        name: Name in the registry.
        version: Version in the registry.
        expires_at: Until when its evidence is said to carry; None is for ever.
        promotion: On whose word, and why.

    Raises:
        ArtefactError: The artefact is damaged, or the snapshot that is live lacks its columns. Nothing was changed.
        StoreError: The snapshot that is live is damaged. Nothing was changed.
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
    with changing(folder) as pointer:
        if pointer.snapshot is not None:
            snapshot_of(folder, pointer.snapshot, model)
        with scratch_beside(folder / MODELS) as made:
            for file in ARTEFACT_FILES:
                shutil.copyfile(artefact / file, made / file)
            if not _stands(folder, model.fingerprint):
                place(made, folder / MODELS / model.fingerprint)
        write_pointer(folder, Pointer(model=meta, snapshot=pointer.snapshot))
    return meta


def put_snapshot(
    folder: Path,
    features: pl.DataFrame,
    *,
    accounts: pl.LazyFrame | pl.DataFrame,
    as_of: datetime,
    catalogue: Sequence[str] = FEATURE_NAMES,
    keyed_by: str = "",
) -> SnapshotMeta:
    """Make a snapshot live, and drop those before the last few.

    Args:
        folder: The live folder; see `Settings.live`.
        features: `line_key` and feature columns. Grain: one row per line.
        accounts: `tables.schemas.Accounts`; says when a line was last verified, as known at `as_of`.
        as_of: The instant that the features stand at.
        catalogue: The feature columns to keep, in order.
        keyed_by: Which secret keyed the lines (`tables.identity.fingerprint_of`).

    Raises:
        ArtefactError: The model that is live needs a column that is not there. Nothing was changed.
    """
    with changing(folder) as pointer, scratch_beside(folder / SNAPSHOTS) as made:
        meta = write_snapshot(
            made, features, accounts=accounts.lazy(), as_of=as_of, catalogue=catalogue, keyed_by=keyed_by
        )
        model = None if pointer.model is None else model_of(folder, pointer.model.fingerprint)
        if model is not None:
            open_snapshot(made, feature_names=model.feature_names)
        place(made, folder / SNAPSHOTS / meta.id)
        write_pointer(folder, Pointer(model=pointer.model, snapshot=meta.id))
        _prune(folder / SNAPSHOTS, keep=meta.id)
    return meta


def _stands(folder: Path, fingerprint: str) -> bool:
    """Whether this very artefact is here already, whole."""
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
