"""Converts simulated arrays to tables of the input contract, and writes them as Parquet files."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from linerisk.records.simulation import areas, numbers
from linerisk.records.simulation.call_legs import DAY_US, RECORD_TYPES, SECOND_US, Legs
from linerisk.records.simulation.numbers import Floats, Ints
from linerisk.records.simulation.places import Locations
from linerisk.records.simulation.population import DEVICE_CLASSES

TIME_ZONE = "Asia/Shanghai"
_INSTANT = pl.Datetime("us", "UTC")
_ROWS_A_GROUP = 262_144
_LATE_SHARE, _LATE_DAYS = 0.015, 1.2
_ROAMING_DAYS = 0.5
_COLUMNS = (
    "line_id", "peer_id", "peer_block", "record_type", "started_at", "received_at", "ring_s", "duration_s", "answered",
    "peer_kind", "peer_area", "visited_area", "cell_id", "device_id", "device_model",
)  # fmt: skip
_TYPE_CODES = {"smart": 86, "feature": 35, "module": 99}


@dataclass(frozen=True, slots=True)
class Calendar:
    """Turns days and microseconds since the simulation's first local midnight into instants and dates."""

    start: date

    @property
    def midnight(self) -> datetime:
        """The first local midnight as a UTC instant."""
        local = datetime(self.start.year, self.start.month, self.start.day, tzinfo=ZoneInfo(TIME_ZONE))
        return local.astimezone(UTC)

    def instants(self, micros: Ints) -> pl.Series:
        """Microseconds since the start as UTC instants."""
        return pl.Series(micros + int(self.midnight.timestamp()) * SECOND_US).cast(_INSTANT)

    def instant(self, column: str) -> pl.Expr:
        """A column of days since the start as UTC instants."""
        return (pl.col(column) * DAY_US).cast(pl.Int64).cast(pl.Duration("us")) + pl.lit(self.midnight, dtype=_INSTANT)

    def local_date(self, column: str) -> pl.Expr:
        """A column of days since the start as local dates."""
        return pl.lit(self.start) + pl.duration(days=pl.col(column).floor().cast(pl.Int64))


def _chosen(table: list[str], index: Ints) -> pl.Series:
    return pl.Series(table, dtype=pl.String).gather(index)


def _received(legs: Legs, where: Locations, rng: np.random.Generator) -> Ints:
    """Receive times of rows: the end of the call; for a few, more often while roaming, minutes to days later."""
    size = len(legs)
    minutes = rng.exponential(4.0, size)
    late = rng.random(size) < _LATE_SHARE
    roaming = (where.area != areas.HOME) & numbers.happens(0.1, size, rng)
    days = np.where(late, rng.exponential(_LATE_DAYS, size), np.where(roaming, rng.exponential(_ROAMING_DAYS, size), 0))
    wait: Floats = minutes * 60.0 * SECOND_US + np.minimum(days, 6.0) * DAY_US
    return legs.at + legs.talk.astype(np.int64) * SECOND_US + np.where(late | roaming, wait, 0).astype(np.int64)


def record_frame(
    legs: Legs, where: Locations, own: Ints, *, calendar: Calendar, seed: int, rng: np.random.Generator
) -> pl.DataFrame:
    """Call records of the contract, sorted as the legs are. `own` holds the numbers of the chunk's lines."""
    kinds = numbers.kind_of(legs.number)
    area = numbers.area_of(legs.number)
    block = numbers.permute(legs.number // 100 + (1 << 40), seed).astype(np.int64)
    text = legs.kind >= RECORD_TYPES.index("sms_out")
    codes = pl.Series([*areas.CODES, None], dtype=pl.String)
    models = (where.model // 1000, where.model % 1000)
    type_codes = np.asarray([_TYPE_CODES[name] for name in DEVICE_CLASSES])[models[0]] * 1_000_000 + models[1] * 37 + 11
    return pl.DataFrame(
        {
            "line_id": numbers.id_text(own, seed).gather(legs.line),
            "peer_id": numbers.id_text(legs.number, seed),
            "peer_block": pl.Series(block).set(pl.Series(kinds > 2), None),  # noqa: PLR2004
            "record_type": _chosen(list(RECORD_TYPES), legs.kind.astype(np.int64)),
            "started_at": calendar.instants(legs.at),
            "received_at": calendar.instants(_received(legs, where, rng)),
            "ring_s": pl.Series(legs.ring).set(pl.Series(text), None),
            "duration_s": legs.talk,
            "answered": legs.answered,
            "peer_kind": _chosen(list(numbers.KINDS), kinds),
            "peer_area": codes.gather(np.where(area < 0, len(areas.CODES), area)),
            "visited_area": codes.gather(where.area),
            "cell_id": _cells(where.cell),
            "device_id": numbers.id_text(where.device, seed + 1),
            "device_model": pl.Series(type_codes).cast(pl.String),
        }
    ).select(_COLUMNS)


def _cells(cell: Ints) -> pl.Series:
    # Cells are few small integers, so marking those that occur is faster than sorting.
    seen = np.zeros(int(cell.max(initial=0)) + 1, dtype=np.bool_)
    seen[cell] = True
    index = np.cumsum(seen) - 1
    names = (pl.lit("c") + pl.Series(np.flatnonzero(seen)).cast(pl.String)).pipe(pl.select).to_series()
    return names.gather(index[cell])


def account_frame(
    changes: pl.DataFrame, constants: pl.DataFrame, own: Ints, holder: Ints, *, calendar: Calendar, seed: int
) -> pl.DataFrame:
    """Accounts of the contract, sorted by line and time."""
    ids = constants.with_columns(line_id=numbers.id_text(own, seed), holder_id=numbers.id_text(holder, seed + 2))
    return changes.join(ids, on="line", how="left", maintain_order="left").select(
        "line_id",
        known_at=calendar.instant("day"),
        activated_on=calendar.local_date("activated"),
        number_since=calendar.local_date("number_since"),
        ported_in_on=calendar.local_date("ported_in"),
        customer_since=calendar.local_date("customer_since"),
        home_area="home_area",
        plan_kind="plan_kind",
        holder_id="holder_id",
        declared_use="declared_use",
        declared_until=calendar.local_date("declared_until"),
        last_verified_at=calendar.instant("verified"),
        status="status",
    )


def label_frame(labels: pl.DataFrame, own: Ints, *, calendar: Calendar, seed: int) -> pl.DataFrame:
    """Labels of the contract."""
    return labels.select(
        line_id=numbers.id_text(own, seed).gather(labels["line"]),
        label="label",
        source="source",
        occurred_at=calendar.instant("occurred"),
        known_at=calendar.instant("known"),
    )


def write(frame: pl.DataFrame, path: Path) -> None:
    """Write one Parquet file, the same bytes for the same rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.write_parquet(path, compression="zstd", compression_level=1, row_group_size=_ROWS_A_GROUP)
