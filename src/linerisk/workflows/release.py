"""Release: make a version champion, go back to the one before, publish the snapshot that the service answers from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from linerisk.as_of import iso, now, parse_instant
from linerisk.evaluation.card import Override, with_overrides
from linerisk.evaluation.report import CARD
from linerisk.features.build import survey_store
from linerisk.live import Promotion, SnapshotMeta, put_model, put_snapshot
from linerisk.policy import load_limits
from linerisk.registry import Move, Registry
from linerisk.settings import Settings
from linerisk.tables.store import RecordStore
from linerisk.workflows.train import registry_for

SERVED = "linerisk"
"""The one model that the service answers from; others can be promoted, and then are champion and not live."""


def promote(
    settings: Settings,
    version: str,
    *,
    by: str,
    approver: str,
    reason: str = "",
    override: Sequence[str] = (),
    name: str = SERVED,
) -> Move:
    """Make a version champion, and live if it is of the model that is served. See `Registry.promote` for who may.

    It expires the limits' `model_valid_days` after now.
    """
    registry = registry_for(settings, name)
    expires_at = now().replace(microsecond=0) + timedelta(days=load_limits(settings.policies).model_valid_days)
    move = registry.promote(
        version, by=by, approver=approver, reason=reason, override=override, expires_at=iso(expires_at)
    )
    _amend_card(settings, registry, move)
    _go_live(settings, registry, move)
    return move


def rollback(settings: Settings, *, by: str, reason: str, name: str = SERVED) -> Move:
    """Make the version that was live before champion again, and live if it is of the model that is served.

    It expires when it would have: going back makes no evidence younger.
    """
    registry = registry_for(settings, name)
    move = registry.rollback(by=by, reason=reason)
    _go_live(settings, registry, move)
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


def _amend_card(settings: Settings, registry: Registry, move: Move) -> None:
    """Say on the model card beside the report which failed gates were set aside, by whom and why."""
    card = settings.reports / f"{registry.name}-{move.version}.{CARD}"
    if move.overridden and card.is_file():
        people = f"{move.by} and {move.approver}"
        set_aside = [Override(gate, people, move.reason) for gate in move.overridden]
        card.write_text(with_overrides(card.read_text(encoding="utf-8"), set_aside), encoding="utf-8")


def _go_live(settings: Settings, registry: Registry, move: Move) -> None:
    if registry.name != SERVED:
        return
    put_model(
        settings.live,
        registry.folder(move.version),
        name=registry.name,
        version=move.version,
        expires_at=None if move.expires_at is None else parse_instant(move.expires_at),
        promotion=Promotion(
            what=move.what, by=move.by, approver=move.approver, reason=move.reason, overridden=move.overridden
        ),
    )
