"""Batch scoring: every line of a store, or every row of a feature table, by the champion or a version by number."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import polars as pl

from linerisk.as_of import now
from linerisk.batch import score_table
from linerisk.decisions.log import DecisionLog
from linerisk.explanation import Wording
from linerisk.features.tenure import current_accounts
from linerisk.model.risk_model import RiskModel
from linerisk.policy import in_force, load_policies
from linerisk.review.cool_downs import CoolDowns
from linerisk.settings import Settings
from linerisk.tables.store import RecordStore
from linerisk.training.from_table import read_frame
from linerisk.training.table_columns import check_columns
from linerisk.workflows.features import features_by_id
from linerisk.workflows.registries import registry_for


def score_store(
    settings: Settings,
    store_path: Path,
    *,
    as_of: datetime,
    name: str = "linerisk",
    version: str | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> pl.DataFrame:
    """Score every line of a store. Grain: one row per line, as `tables.schemas.Scores`."""
    model = _model(settings, name, version)
    features = features_by_id(settings, store_path, as_of=as_of, on_progress=on_progress)
    current = current_accounts(RecordStore.open(store_path).accounts(), as_of=as_of)
    known = current.select("line_key", "last_verified_at", line_status="status").collect()
    return _scored(settings, model, features.join(known, on="line_key", how="left"), as_of)


def score_table_file(
    settings: Settings,
    path: Path,
    *,
    id_column: str,
    as_of: datetime | None = None,
    name: str = "linerisk",
    version: str | None = None,
) -> pl.DataFrame:
    """Score every row of a feature table. Grain: one row per row, as `tables.schemas.Scores`.

    Args:
        settings: Where state lives.
        path: Parquet or CSV.
        id_column: Column that names the row.
        as_of: The instant that the features stand at; default now.
        name: Name of the registered model.
        version: Which version; default the champion.
    """
    model = _model(settings, name, version)
    frame = read_frame(path)
    check_columns(frame, {"--id": id_column})
    named = frame.select(pl.exclude("line_id"), line_id=id_column)
    return _scored(settings, model, named, as_of or now())


def _model(settings: Settings, name: str, version: str | None) -> RiskModel:
    registry = registry_for(settings, name)
    return registry.load(version or registry.champion().version)


def _scored(settings: Settings, model: RiskModel, features: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    return score_table(
        model,
        _with_disputes(settings, features),
        policy=in_force(load_policies(settings.policies), as_of),
        wording=Wording.load(settings.policies),
        as_of=as_of,
    )


def _with_disputes(settings: Settings, features: pl.DataFrame) -> pl.DataFrame:
    """When a dispute about each line last ended in the holder's favour, as `cleared_at`, where there is a log."""
    cleared: dict[str, datetime] = {}
    if settings.has_decision_log:
        with DecisionLog(settings.decision_log_url, create=False) as log:
            cleared = CoolDowns(log).by_line()
    schema = {"line_id": pl.String(), "cleared_at": pl.Datetime("us", "UTC")}
    known = pl.DataFrame(list(cleared.items()), schema=schema, orient="row")
    found = features.select(pl.col("line_id").cast(pl.String)).join(
        known, on="line_id", how="left", maintain_order="left"
    )
    return features.with_columns(found["cleared_at"])
