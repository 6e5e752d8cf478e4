"""The evidence as one HTML file: drawings inside, no script, nothing fetched."""

from __future__ import annotations

from itertools import groupby
from operator import attrgetter
from typing import Final

from linerisk.explanation.values import BY_UNIT, plainly
from linerisk.suspension.drawings import BAR_HEIGHT, BARS_WIDTH, CURVE_HEIGHT, CURVE_WIDTH, bars, marks
from linerisk.suspension.evidence import Evidence
from linerisk.suspension.page import rendered

TIERS_SAID: Final = {
    "normal": "正常 · normal",
    "medium_low": "中低 · medium-to-low",
    "medium_high": "中高 · medium-to-high",
    "extremely_high": "极高 · extremely high",
}


def evidence_page(evidence: Evidence) -> bytes:
    """The page, in UTF-8."""
    by_family = groupby(sorted(evidence.features, key=attrgetter("family")), key=attrgetter("family"))
    ages = marks(evidence.at_ages)
    return rendered(
        "evidence.html.j2",
        "evidence.css",
        told=evidence,
        decision=evidence.decision,
        tiers=TIERS_SAID,
        families=[(family, list(features)) for family, features in by_family],
        bars=bars(evidence.decision["contributions"]),
        bars_size=(BARS_WIDTH, BAR_HEIGHT * len(evidence.decision["contributions"])),
        ages=ages,
        curve=" ".join(f"{mark.x:.1f},{mark.y:.1f}" for mark in ages),
        curve_size=(CURVE_WIDTH, CURVE_HEIGHT),
        say=said,
    )


def said(value: float | None, unit: str) -> str:
    """A value in its unit, in English; a dash where there is none.

    >>> said(0.931, "share"), said(None, "count"), said(12.5, "")
    ('93 %', '–', '12.5')
    """
    return "–" if value is None else BY_UNIT.get(unit, plainly)(value)[1]
