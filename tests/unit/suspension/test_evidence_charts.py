"""Charts of the evidence page: no mark overlaps a label or an edge."""

from __future__ import annotations

import pytest

from linerisk.explanation import AtAge
from linerisk.model.tiers import Tier
from linerisk.suspension.evidence_charts import CURVE_WIDTH, marks

LABELS_END, RING_RADIUS_WITH_STROKE = 44, 11
"""As in the templates of the console and the evidence page."""


@pytest.mark.parametrize("own", [0, 2])
def test_the_ring_of_the_own_age_overlaps_no_label_and_no_edge(own: int) -> None:
    ages = [AtAge(days, 0.999, Tier.EXTREMELY_HIGH, own=at == own) for at, days in enumerate((3, 365, 3650))]
    ring = next(mark for mark in marks(ages) if mark.own)
    assert ring.x - RING_RADIUS_WITH_STROKE > LABELS_END
    assert ring.x + RING_RADIUS_WITH_STROKE < CURVE_WIDTH
