"""Dispute metrics for `/metrics`, read from the store at each scrape, so that they count all processes."""

from __future__ import annotations

import asyncio

from linerisk import as_of as clock
from linerisk.errors import LineriskError
from linerisk.review.dispute_service import DisputeService
from linerisk.review.queries import DisputeCounts
from linerisk.web.logs import log
from linerisk.web.metrics import gauges

_READ_WITHIN_S = 0.5


class DisputeMetrics:
    """Keeps the dispute metrics of the last scrape.

    Args:
        disputes: Where they are read.

    Attributes:
        text: In the Prometheus text format; empty if the store cannot be read.
    """

    def __init__(self, disputes: DisputeService) -> None:
        self._disputes = disputes
        self._reading: asyncio.Future[None] | None = None
        self.text = ""

    async def refresh(self) -> None:
        """Read them on a thread. A store that does not answer in time leaves those of the last scrape."""
        if self._reading is None or self._reading.done():
            self._reading = asyncio.ensure_future(asyncio.to_thread(self._read))
        await asyncio.wait({self._reading}, timeout=_READ_WITHIN_S)

    def _read(self) -> None:
        try:
            self.text = disputes_text(self._disputes.counts(clock.now()))
        except LineriskError as error:
            # A scrape must not fail with the store: the other metrics show what is wrong.
            log().error("no figures of disputes", reason=error.paragraph())
            self.text = ""


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
