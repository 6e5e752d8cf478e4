"""A small summary of a line's records without ids, stored with a decision that raised its tier.

It is no feature: no model reads it. It shows a reviewer the line's month after its records were erased.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final

import msgspec
import numpy as np
import polars as pl

from linerisk.features.local_time import hour_and_weekend
from linerisk.features.stages import DAY_S, OBSERVATION, at, local_clock

DAYS: Final = OBSERVATION.days
HOURS: Final = 24
MOST_AREAS: Final = 8
"""Areas beyond the most frequent ones are added up under `OTHER_AREAS`."""
OTHER_AREAS: Final = "other"
UNKNOWN: Final = "unknown"
_MOST = 255

Counts = dict[str, int]


class RecordsSummary(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Summary of a line's records of 28 days.

    Attributes:
        until: The instant at which the days end.
        out_calls: Outgoing calls by day and local hour, 28 times 24 bytes, the oldest day first; 255 is that or more.
        peers_by_kind: Different parties by kind.
        peers_by_area: Different parties by prefecture (first four digits of GB/T 2260).
        devices: Different handsets.
        cells_by_area: Different cells by the prefecture where the line was; never which ones.
    """

    until: Annotated[datetime, msgspec.Meta(tz=True)]
    out_calls: bytes
    peers_by_kind: Counts
    peers_by_area: Counts
    devices: int
    cells_by_area: Counts


def summarise(records: pl.LazyFrame, *, as_of: datetime, time_zone: str) -> dict[int, RecordsSummary]:
    """Summaries by line key of lines that have a record in the 28 days; few lines at a time.

    Args:
        records: `tables.schemas.Records` of these lines.
        as_of: The instant stood at; later rows, and rows received later, do not exist.
        time_zone: Local time zone of hours.
    """
    c, end = pl.col, at(as_of)
    known = (c("started_at") > at(as_of - OBSERVATION)) & (c("started_at") <= end) & (c("received_at") <= end)
    hour, _ = hour_and_weekend(c("started_at"), local_clock(as_of, time_zone))
    rows = (
        records.filter(known)
        .select(
            "line_key",
            "peer_key",
            "device_key",
            "cell_key",
            is_out=c("record_type") == "call_out",
            hour=hour,
            day=(end - c("started_at")).dt.total_seconds() // DAY_S,
            kind=c("peer_kind").cast(pl.String).fill_null(UNKNOWN),
            peer_area=(c("peer_area") // 100).cast(pl.String).fill_null(UNKNOWN),
            visited_area=(c("visited_area") // 100).cast(pl.String).fill_null(UNKNOWN),
        )
        .collect()
    )
    by_hour = rows.filter("is_out").group_by("line_key", "day", "hour").len()
    kinds, areas = _distinct(rows, "kind", "peer_key"), _distinct(rows, "peer_area", "peer_key")
    cells = _distinct(rows, "visited_area", "cell_key")
    handsets = dict(rows.group_by("line_key").agg(c("device_key").drop_nulls().n_unique()).iter_rows())
    calendars = {key: np.zeros((DAYS, HOURS), dtype=np.uint8) for key in handsets}
    for key, day, local_hour, number in by_hour.iter_rows():
        calendars[key][DAYS - 1 - day, local_hour] = min(number, _MOST)
    return {
        key: RecordsSummary(
            until=as_of,
            out_calls=calendars[key].tobytes(),
            peers_by_kind=kinds.get(key, {}),
            peers_by_area=_few(areas.get(key, {})),
            devices=number,
            cells_by_area=_few(cells.get(key, {})),
        )
        for key, number in handsets.items()
    }


def calendar(summary: RecordsSummary) -> list[list[int]]:
    """Outgoing calls by day, the oldest first, and local hour."""
    made: list[list[int]] = np.frombuffer(summary.out_calls, dtype=np.uint8).reshape(DAYS, HOURS).tolist()
    return made


def _distinct(rows: pl.DataFrame, by: str, what: str) -> dict[int, Counts]:
    """Distinct values of one column of a line, grouped by another, largest first."""
    counted = rows.drop_nulls(what).group_by("line_key", by).agg(number=pl.col(what).n_unique())
    found: dict[int, Counts] = {}
    for key, name, number in counted.sort(["number", by], descending=[True, False]).iter_rows():
        found.setdefault(key, {})[name] = number
    return found


def _few(counts: Counts) -> Counts:
    named = dict(list(counts.items())[:MOST_AREAS])
    rest = sum(list(counts.values())[MOST_AREAS:])
    return {**named, OTHER_AREAS: rest} if rest else named
