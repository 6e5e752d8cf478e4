"""The evidence as one HTML file: inline charts, no script, no external resource."""

from __future__ import annotations

from itertools import groupby
from operator import attrgetter
from typing import Any, Final

from linerisk.as_of import iso
from linerisk.explanation.value_text import BY_UNIT, format_number
from linerisk.suspension.evidence import Evidence, RecordsEvidence
from linerisk.suspension.evidence_charts import (
    BAR_HEIGHT,
    BARS_WIDTH,
    CALENDAR_CELL,
    CALENDAR_LEFT,
    CALENDAR_ROW,
    CALENDAR_TOP,
    CURVE_HEIGHT,
    CURVE_WIDTH,
    bars,
    cells,
    day_label,
    marks,
    ticks,
)
from linerisk.suspension.notice_page import render_page

TIER_LABELS: Final = {
    "normal": "正常 · normal",
    "medium_low": "中低 · medium-to-low",
    "medium_high": "中高 · medium-to-high",
    "extremely_high": "极高 · extremely high",
}


def evidence_page(evidence: Evidence) -> bytes:
    """Render the page, in UTF-8."""
    by_family = groupby(sorted(evidence.features, key=attrgetter("family")), key=attrgetter("family"))
    ages = marks(evidence.at_ages)
    return render_page(
        "evidence.html.j2",
        "evidence.css",
        evidence=evidence,
        decision=evidence.decision,
        tiers=TIER_LABELS,
        families=[(family, list(features)) for family, features in by_family],
        bars=bars(evidence.decision["contributions"]),
        bars_size=(BARS_WIDTH, BAR_HEIGHT * len(evidence.decision["contributions"])),
        ages=ages,
        curve=" ".join(f"{mark.x:.1f},{mark.y:.1f}" for mark in ages),
        curve_size=(CURVE_WIDTH, CURVE_HEIGHT),
        curve_ticks=ticks(),
        calendar=_calendar(evidence.records),
        format_value=format_value,
    )


def _calendar(records: RecordsEvidence | None) -> dict[str, Any] | None:
    """Geometry of the calendar: cells and labels."""
    if records is None:
        return None
    days = len(records.out_calls)
    return {
        "cells": cells(records.out_calls, records.until),
        "days": [
            (CALENDAR_TOP + at * CALENDAR_ROW + 11, day_label(records.until, days - at)) for at in range(0, days, 7)
        ],
        "hours": [(CALENDAR_LEFT + hour * CALENDAR_CELL, hour) for hour in range(0, 24, 3)],
        "size": (CALENDAR_LEFT + 24 * CALENDAR_CELL + 8, CALENDAR_TOP + days * CALENDAR_ROW + 6),
        "until": iso(records.until),
        "most": max(max(day) for day in records.out_calls),
        "total": sum(sum(day) for day in records.out_calls),
    }


def format_value(value: float | None, unit: str) -> str:
    """Format a value in its unit, in English; a dash for None.

    >>> format_value(0.931, "share"), format_value(None, "count"), format_value(12.5, "")
    ('93 %', '–', '12.5')
    """
    return "–" if value is None else BY_UNIT.get(unit, format_number)(value)[1]
