"""Release: make a version champion, go back to the one before, publish the snapshot that the service answers from."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from linerisk.as_of import now
from linerisk.features.build import survey_store
from linerisk.live import SnapshotMeta, put_model, put_snapshot
from linerisk.policy import load_limits
from linerisk.registry import Move, Registry
from linerisk.settings import Settings
from linerisk.tables.store import RecordStore
from linerisk.workflows.train import registry_for


def promote(settings: Settings, version: str, *, by: str, approver: str, reason: str = "") -> Move:
    """Make a version champion and live. See `Registry.promote` for who may."""
    registry = registry_for(settings)
    move = registry.promote(version, by=by, approver=approver, reason=reason)
    _go_live(settings, registry, version)
    return move


def rollback(settings: Settings, *, by: str, reason: str) -> Move:
    """Make the version that was live before champion and live again."""
    registry = registry_for(settings)
    move = registry.rollback(by=by, reason=reason)
    _go_live(settings, registry, move.version)
    return move


def publish(
    settings: Settings,
    store_path: Path,
    *,
    as_of: datetime,
    on_progress: Callable[[int, int], None] | None = None,
) -> SnapshotMeta:
    """Build the features of every line as of an instant and swap them in as the snapshot to answer from."""
    store = RecordStore.open(store_path)
    made = survey_store(store, as_of=as_of, time_zone=settings.time_zone, on_progress=on_progress)
    return put_snapshot(
        settings.live, made.features, accounts=store.accounts(), reference=made.reference, keyed_by=store.id_key
    )


def _go_live(settings: Settings, registry: Registry, version: str) -> None:
    valid = timedelta(days=load_limits(settings.policies).model_valid_days)
    put_model(settings.live, registry.folder(version), name=registry.name, version=version, expires_at=now() + valid)
