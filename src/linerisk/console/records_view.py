"""The summary of a line's records on a page: a calendar of hours, and who and where in numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from linerisk.console.translations import translator
from linerisk.features.records_summary import OTHER_AREAS, UNKNOWN
from linerisk.suspension.evidence import RecordsEvidence
from linerisk.suspension.evidence_charts import (
    CALENDAR_CELL,
    CALENDAR_LEFT,
    CALENDAR_ROW,
    CALENDAR_TOP,
    Cell,
    cells,
    day_label,
)
from linerisk.suspension.local_time import Language
from linerisk.tables.schemas import PEER_KINDS

_HOURS = 24
_EVERY_DAYS, _EVERY_HOURS = 7, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordsView:
    """Records of a line, as a page shows them.

    Attributes:
        cells: Hours with an outgoing call.
        days: Place and name of every seventh day.
        hours: Place and number of every third hour.
        size: Width and height of the drawing.
        until: When the 28 days end.
        total: Outgoing calls in all.
        most: Outgoing calls in the busiest hour.
        parties: Different parties by kind, in words.
        areas: Different parties by prefecture code.
        devices: Different handsets.
        places: Different cells by prefecture code.
    """

    cells: tuple[Cell, ...]
    days: tuple[tuple[int, str], ...]
    hours: tuple[tuple[int, int], ...]
    size: tuple[int, int]
    until: datetime
    total: int
    most: int
    parties: str
    areas: str
    devices: int
    places: str


def records_view_of(records: RecordsEvidence | None, language: Language) -> RecordsView | None:
    """The summary in a language; None where none was kept."""
    if records is None:
        return None
    days, translate = len(records.out_calls), translator(language)
    kinds = {
        (translate(f"peer_{name}") if name in PEER_KINDS else name): many
        for name, many in records.peers_by_kind.items()
    }
    return RecordsView(
        cells=cells(records.out_calls, records.until),
        days=tuple(
            (CALENDAR_TOP + at * CALENDAR_ROW + 11, day_label(records.until, days - at))
            for at in range(0, days, _EVERY_DAYS)
        ),
        hours=tuple((CALENDAR_LEFT + hour * CALENDAR_CELL, hour) for hour in range(0, _HOURS, _EVERY_HOURS)),
        size=(CALENDAR_LEFT + _HOURS * CALENDAR_CELL + 8, CALENDAR_TOP + days * CALENDAR_ROW + 6),
        until=records.until,
        total=sum(sum(day) for day in records.out_calls),
        most=max((max(day) for day in records.out_calls), default=0),
        parties=_listed(kinds, language),
        areas=_listed(_areas(records.peers_by_area, language), language),
        devices=records.devices,
        places=_listed(_areas(records.cells_by_area, language), language),
    )


def _areas(counts: Mapping[str, int], language: Language) -> dict[str, int]:
    """Codes of prefectures stand for themselves; what is no code is said in words."""
    translate = translator(language)
    words = {OTHER_AREAS: translate("area_other"), UNKNOWN: translate("area_unknown")}
    return {words.get(name, name): many for name, many in counts.items()}


def _listed(counts: Mapping[str, int], language: Language) -> str:
    ordered = sorted(counts.items(), key=lambda each: -each[1])
    return ("、" if language == "zh" else ", ").join(f"{name} {many:,}" for name, many in ordered) or "–"
