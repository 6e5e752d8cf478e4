"""What is known of a line: its decisions and its disputes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from linerisk.console.page_request import ConsoleContext, PageRequest
from linerisk.console.queue_page import QueueRow, row_of
from linerisk.decisions.record import DecisionRecord

MOST_DECISIONS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRow:
    """One decision of a line.

    Attributes:
        decision_id: Its id.
        scored_at: When.
        tier: Its tier.
        probability: P(fraud).
        kind: What was asked for.
        held_by: Why that was held back; None where it was not.
        model: Version of the model.
        reasons: Reason codes that raised.
    """

    decision_id: str
    scored_at: datetime
    tier: str
    probability: float
    kind: str
    held_by: str | None
    model: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The history of a line.

    Attributes:
        decisions: Newest first.
        before: Decision to turn the page after; None where these are the oldest.
        disputes: Oldest first.
    """

    decisions: tuple[DecisionRow, ...]
    before: str | None
    disputes: tuple[QueueRow, ...]


def history_of(context: ConsoleContext, request: PageRequest, line_id: str, *, before: str | None = None) -> History:
    """Decisions and disputes of a line."""
    found = context.state.log.by_line(line_id, limit=MOST_DECISIONS + 1, before=before)
    records = found[:MOST_DECISIONS]
    return History(
        decisions=tuple(map(decision_row, records)),
        before=records[-1].decision_id if len(found) > len(records) else None,
        disputes=tuple(row_of(each, request) for each in context.state.disputes.of_line(line_id)),
    )


def decision_row(record: DecisionRecord) -> DecisionRow:
    """A decision as a row."""
    return DecisionRow(
        decision_id=record.decision_id,
        scored_at=record.scored_at,
        tier=record.tier,
        probability=record.probability,
        kind=record.action.kind,
        held_by=record.action.held_by,
        model=record.model.version,
        reasons=tuple(sorted({reason.code for reason in record.reasons if reason.direction == "raises"})),
    )
