"""Figures of disputes for `/metrics`: asked of the store at each scrape, so that they are those of all processes."""

from __future__ import annotations

from linerisk.review.queries import DisputeCounts
from linerisk.web.metrics import gauges


def disputes_text(figures: DisputeCounts) -> str:
    """What is open, how it stands in time, and what was overturned, in the Prometheus text format."""
    overturns = [
        ({"reason": key.reason, "model": key.model}, decided) for key, decided in sorted(figures.overturns.items())
    ]
    lines = [
        *gauges(
            "linerisk_disputes_open",
            "Open disputes",
            [({"state": state.value}, count) for state, count in figures.open.items()],
        ),
        *gauges(
            "linerisk_disputes_clock",
            "Open disputes by how they stand in time",
            [({"clock": clock.value}, count) for clock, count in figures.deadlines.items()],
        ),
        *gauges(
            "linerisk_disputes_expired",
            "Disputes that ended unanswered, since their hard limit passed",
            [({}, figures.expired)],
        ),
        *gauges(
            "linerisk_disputes_decided",
            "Disputes that were decided, by reason of the decision and version of the model",
            [(labels, decided.decided) for labels, decided in overturns],
        ),
        *gauges(
            "linerisk_disputes_overturned",
            "Disputes that were cleared or lowered, by reason of the decision and version of the model",
            [(labels, decided.overturned) for labels, decided in overturns],
        ),
    ]
    return "\n".join(lines) + "\n"
