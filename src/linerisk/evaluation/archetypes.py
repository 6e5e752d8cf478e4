"""Archetype suite: honest lines of kinds that were wrongly suspended before, and the share that a model raises.

The simulator generates the lines; they pass the same intake and features as real lines. Rows are cached per home until
the code that computes them changes.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import polars as pl

from linerisk import features, records, tables
from linerisk.evaluation.metrics import Estimate, share_estimate
from linerisk.features.build import build_store
from linerisk.features.catalogue import BY_NAME, FEATURE_NAMES
from linerisk.model.risk_model import RiskModel, Rows
from linerisk.model.tiers import TIERS, Tier
from linerisk.records.simulation.archetypes import ARCHETYPES, write_archetypes
from linerisk.tables.intake import ingest
from linerisk.tables.store import RecordStore

LINES_EACH = 200
SEED = 20240725
_ID_KEY = b"archetypes are made up: all may know their ids"
"""Public on purpose: the ids are synthetic."""


@dataclass(frozen=True, eq=False)
class ArchetypeRows:
    """Feature rows of the suite's lines. Grain: one row per line.

    Attributes:
        columns: Names of the columns of `rows`.
        rows: Shape (n, f), Float32; NaN where a feature is missing.
        archetype: Key of `records.simulation.archetypes.ARCHETYPES`, per row.
    """

    columns: tuple[str, ...]
    rows: Rows
    archetype: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ArchetypeShare:
    """Share of one archetype's lines that a model raises.

    Attributes:
        name: Key of `ARCHETYPES`.
        en: Description in English.
        zh: Description in Chinese.
        lines: Lines tested.
        medium_high: Share of them at or above `medium_high`, exact interval; None without a line.
        extremely_high: Share of them at `extremely_high`, exact interval; None without a line.
    """

    name: str
    en: str
    zh: str
    lines: int
    medium_high: Estimate | None
    extremely_high: Estimate | None


def has_only_catalogue_columns(columns: Sequence[str]) -> bool:
    """Whether all columns are catalogue features, so that lines can be simulated for a model."""
    return all(name in BY_NAME for name in columns)


def archetype_rows(cache_dir: Path, *, time_zone: str, lines_each: int = LINES_EACH, seed: int = SEED) -> ArchetypeRows:
    """The suite's rows, read from the cache or computed and cached.

    Args:
        cache_dir: Folder of the cache; holds one file.
        time_zone: Local time zone of hours, weekdays and dates.
        lines_each: Lines per archetype.
        seed: Seed of all randomness.
    """
    cached = cache_dir / f"{_cache_key(time_zone, lines_each, seed)}.parquet"
    if not cached.is_file():
        cache_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache_dir, prefix=".making-") as scratch:
            computed = Path(scratch, "rows.parquet")
            _compute(Path(scratch), time_zone=time_zone, lines_each=lines_each, seed=seed).write_parquet(computed)
            computed.replace(cached)
        for other in cache_dir.glob("*.parquet"):
            if other != cached:
                other.unlink()
    table = pl.read_parquet(cached)
    return ArchetypeRows(
        columns=FEATURE_NAMES,
        rows=table.select(FEATURE_NAMES).fill_null(float("nan")).to_numpy(order="c"),
        archetype=tuple(table["archetype"]),
    )


def archetype_shares(model: RiskModel, suite: ArchetypeRows) -> tuple[ArchetypeShare, ...]:
    """Share of lines in raised tiers; one entry per archetype, also without lines."""
    position = {name: index for index, name in enumerate(suite.columns)}
    rows = np.ascontiguousarray(suite.rows[:, [position[name] for name in model.feature_names]])
    tier = model.tier(model.margin(rows)) if len(rows) else np.empty(0, dtype=np.int8)
    names = np.array(suite.archetype)
    shares = []
    for name, archetype in ARCHETYPES.items():
        own = tier[names == name]
        lines = len(own)
        hit = {level: int((own >= TIERS.index(level)).sum()) for level in (Tier.MEDIUM_HIGH, Tier.EXTREMELY_HIGH)}
        shares.append(
            ArchetypeShare(
                name=name,
                en=archetype.en,
                zh=archetype.zh,
                lines=lines,
                medium_high=share_estimate(hit[Tier.MEDIUM_HIGH], lines) if lines else None,
                extremely_high=share_estimate(hit[Tier.EXTREMELY_HIGH], lines) if lines else None,
            )
        )
    return tuple(shares)


def _compute(scratch: Path, *, time_zone: str, lines_each: int, seed: int) -> pl.DataFrame:
    """Feature rows with `archetype`, in the order of the lines' keys."""
    written = write_archetypes(scratch / "source", lines_each=lines_each, seed=seed)
    ingest(scratch / "source", scratch / "store", secret=_ID_KEY)
    store = RecordStore.open(scratch / "store")
    rows = build_store(store, as_of=written.as_of, time_zone=time_zone)
    names = store.lines().collect().join(written.lines, on="line_id", how="inner").select("line_key", "archetype")
    return rows.join(names, on="line_key", how="inner", maintain_order="left").select("archetype", *FEATURE_NAMES)


def _cache_key(time_zone: str, lines_each: int, seed: int) -> str:
    """Hash of the arguments and of the code from simulated records to features."""
    digest = hashlib.sha256(repr((time_zone, lines_each, seed, version("polars"))).encode())
    for package in (records, tables, features):
        for folder in package.__path__:
            for file in sorted(Path(folder).rglob("*.py")):
                digest.update(file.read_bytes())
    return digest.hexdigest()[:32]
