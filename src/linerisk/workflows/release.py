"""Release: promote a version, roll back to the one before, publish a snapshot."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from linerisk.as_of import iso, now, parse_instant
from linerisk.errors import RegistryError, StoreError
from linerisk.evaluation.gates.run import GATES
from linerisk.evaluation.release_duties import ImpactAssessment
from linerisk.evaluation.report.model_card import Override, with_overrides
from linerisk.evaluation.report.render import CARD, PAGE, page_with_overrides
from linerisk.explanation import Attribution, attribute
from linerisk.features.build import survey_store
from linerisk.features.records_summary import RecordsSummary, summarise
from linerisk.features.stages import OBSERVATION
from linerisk.live import (
    Precompute,
    PrecomputedScores,
    Promotion,
    Snapshot,
    SnapshotMeta,
    put_model,
    put_snapshot,
)
from linerisk.model.risk_model import RiskModel
from linerisk.policy import load_limits
from linerisk.registry import SERVED, Move, Registry
from linerisk.scoring import Scored, score
from linerisk.settings import Settings
from linerisk.tables.store import RecordStore
from linerisk.workflows.as_of_checks import check_as_of
from linerisk.workflows.challenger import bring_challenger
from linerisk.workflows.registries import registry_for

_CHUNK_LINES = 2_000


def promote(
    settings: Settings,
    version: str,
    *,
    by: str,
    approver: str,
    reason: str = "",
    override: Sequence[str] = (),
    name: str = SERVED,
    on_progress: Callable[[int, int], None] | None = None,
) -> Move:
    """Make a version champion, and live if it is of the served model. `Registry.promote` says who may.

    It expires `model_valid_days` of the limits after now. Scores of the published snapshot are computed first;
    `on_progress` is called with (lines done, lines in all).
    """
    _check_codes(override)
    registry = registry_for(settings, name)
    expires_at = now().replace(microsecond=0) + timedelta(days=load_limits(settings.policies).model_valid_days)
    move = registry.promote(
        version, by=by, approver=approver, reason=reason, override=override, expires_at=iso(expires_at)
    )
    precompute = partial(
        precompute_scores,
        on_progress=on_progress,
        time_zone=settings.time_zone,
    )
    _go_live(settings, registry, move, precompute=precompute)
    _report_overrides(settings, registry, move)
    bring_challenger(settings, registry)
    return move


def rollback(settings: Settings, *, by: str, reason: str, name: str = SERVED) -> Move:
    """Make the version before champion again, and live if it is of the served model.

    It keeps its expiry date. It goes live at once, with its earlier precomputed scores if there are any.
    """
    registry = registry_for(settings, name)
    move = registry.rollback(by=by, reason=reason)
    _go_live(settings, registry, move)
    bring_challenger(settings, registry)
    return move


def unfinished_assessment(settings: Settings, version: str, *, name: str = SERVED) -> str | None:
    """The impact assessment of a version and its open points; None if there are none."""
    seen = registry_for(settings, name).load(version).facts.get("impact_assessment")
    if seen is None:
        return None
    unfinished = ImpactAssessment(**{**seen, "lacking": tuple(seen["lacking"])}).unfinished()
    return None if unfinished is None else f"{seen['path']}: {unfinished}"


def publish(
    settings: Settings,
    store_path: Path,
    *,
    as_of: datetime,
    on_progress: Callable[[str, int, int], None] | None = None,
) -> SnapshotMeta:
    """Build the features of every line as of an instant and make them the live snapshot.

    The challenger is copied too: with a shared registry it may have been trained under another home. `on_progress` is
    called with (step, done, in all), first for features, then for scores.
    """
    notify = on_progress or _silent
    store = RecordStore.open(store_path)
    check_as_of(store.days, as_of)
    made = survey_store(store, as_of=as_of, time_zone=settings.time_zone, on_progress=partial(notify, "features"))
    meta = put_snapshot(
        settings.live,
        made.features,
        accounts=store.accounts(),
        reference=made.reference,
        keyed_by=store.id_key,
        store=store_path,
        precompute=partial(
            precompute_scores,
            on_progress=partial(notify, "scores"),
            store=store,
            time_zone=settings.time_zone,
        ),
    )
    # Before the first training there is no registry and no challenger.
    with suppress(RegistryError):
        bring_challenger(settings, registry_for(settings))
    return meta


def precompute_scores(
    model: RiskModel,
    snapshot: Snapshot,
    *,
    on_progress: Callable[[int, int], None] | None = None,
    store: RecordStore | None = None,
    time_zone: str = "UTC",
) -> PrecomputedScores:
    """Scores and contributions of every snapshot row, with the same bits as row by row.

    Chunks run on all cores, because LightGBM releases Python's lock. Lines with a raised tier also get a summary of
    their records: from `store`, or else from the store behind the snapshot if it is still there.
    """
    store = store or _store_behind(snapshot)
    starts = range(0, snapshot.meta.lines, _CHUNK_LINES)

    def work(start: int) -> tuple[Scored, Attribution]:
        rows = snapshot.rows(np.arange(start, min(start + _CHUNK_LINES, snapshot.meta.lines)))
        return score(model, rows), attribute(model, rows)

    done: list[tuple[Scored, Attribution]] = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for scored, attribution in pool.map(work, starts):
            done.append((scored, attribution))
            if on_progress is not None:
                on_progress(min(len(done) * _CHUNK_LINES, snapshot.meta.lines), snapshot.meta.lines)
    tiers = np.concatenate([scored.tier_index for scored, _ in done])
    return PrecomputedScores(
        margin=np.concatenate([scored.margin for scored, _ in done]),
        probability=np.concatenate([scored.probability for scored, _ in done]),
        low=np.concatenate([scored.low for scored, _ in done]),
        high=np.concatenate([scored.high for scored, _ in done]),
        tier_index=tiers,
        by_family=np.concatenate([text.by_family for _, text in done]),
        named=np.concatenate([text.named for _, text in done]).astype(np.int8),
        column=np.concatenate([text.column for _, text in done]).astype(np.int16),
        split=np.array([done[0][1].base, done[0][1].calibration]),
        summaries={} if store is None else _summaries(store, snapshot, np.flatnonzero(tiers), time_zone=time_zone),
    )


def _store_behind(snapshot: Snapshot) -> RecordStore | None:
    """The record store of a snapshot; None if it is gone or keyed by another secret."""
    try:
        store = RecordStore.open(Path(snapshot.meta.store)) if snapshot.meta.store else None
    except StoreError:
        return None
    return store if store is not None and store.id_key == snapshot.meta.keyed_by else None


def _summaries(
    store: RecordStore, snapshot: Snapshot, rows: npt.NDArray[np.intp], *, time_zone: str
) -> dict[int, RecordsSummary]:
    """Summaries of the records of some rows, by row."""
    keys, as_of = snapshot.keys[rows].tolist(), snapshot.meta.as_of
    records = store.records(start=as_of - OBSERVATION, end=as_of).filter(pl.col("line_key").is_in(keys))
    found = summarise(records, as_of=as_of, time_zone=time_zone)
    return {row: found[key] for row, key in zip(rows.tolist(), keys, strict=True) if key in found}


def _check_codes(override: Sequence[str]) -> None:
    codes = [code for code, _, _ in GATES]
    unknown = [code for code in override if code not in codes]
    if unknown:
        raise RegistryError(
            "there is no such gate",
            expected=f"one of {codes[0]} to {codes[-1]}",
            found=", ".join(unknown),
            todo="name the gates that failed, as the training and the card do",
            field="--override",
        )


def _report_overrides(settings: Settings, registry: Registry, move: Move) -> None:
    """Show overridden gates on card and page, in the home's reports and in the registry; deleted files stay deleted."""
    if not move.overridden:
        return
    overrides = [Override(gate, f"{move.by} and {move.approver}", move.reason) for gate in move.overridden]
    report = settings.reports / f"{registry.name}-{move.version}.html"
    for name, file, amended in (
        (CARD, report.with_name(f"{registry.name}-{move.version}.{CARD}"), with_overrides),
        (PAGE, report, page_with_overrides),
    ):
        if file.is_file():
            file.write_text(amended(file.read_text(encoding="utf-8"), overrides), encoding="utf-8")
        registry.rewrite(move.version, name, partial(amended, overrides=overrides))


def _go_live(settings: Settings, registry: Registry, move: Move, *, precompute: Precompute | None = None) -> None:
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
        precompute=precompute,
    )


def _silent(_step: str, _done: int, _total: int) -> None:
    """Discard progress."""
