"""Reading decisions back: one by its id, those of a line from the newest."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, select

from linerisk.decisions.record import DecisionRecord
from linerisk.decisions.schema import decisions


def by_id(connection: Connection, decision_id: str) -> DecisionRecord | None:
    """The record of a decision; None if it is unknown or erased."""
    text = connection.execute(_BY_ID, {"decision_id": decision_id}).scalar()
    return DecisionRecord.from_json(text) if text else None


def by_line(connection: Connection, line_id: str, *, limit: int, before: str | None) -> tuple[DecisionRecord, ...]:
    """See `DecisionLog.by_line`."""
    query = _BY_LINE if before is None else _BY_LINE_BEFORE
    texts = connection.execute(query, {"line_id": line_id, "limit": limit, "before": before}).scalars().all()
    return tuple(DecisionRecord.from_json(text) for text in texts)


_BY_ID = select(decisions.c.record).where(decisions.c.decision_id == bindparam("decision_id"))
_BY_LINE = (
    select(decisions.c.record)
    .where(decisions.c.line_id == bindparam("line_id"))
    .order_by(decisions.c.seq.desc())
    .limit(bindparam("limit"))
)
_BY_LINE_BEFORE = _BY_LINE.where(
    decisions.c.seq < select(decisions.c.seq).where(decisions.c.decision_id == bindparam("before")).scalar_subquery()
)
