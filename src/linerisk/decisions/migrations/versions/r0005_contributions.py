"""What each family added to a disputed decision, beside its dispute, so that decided cases can be compared fast."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Apply; disputes that there are already get it from their decisions."""
    op.add_column("disputes", sa.Column("contributions", sa.Text))
    op.create_index("ix_disputes_ended", "disputes", ["tier", "closed_at"])
    connection = op.get_bind()
    found = connection.execute(
        sa.text(
            "SELECT disputes.dispute_id AS dispute_id, decisions.record AS record "
            "FROM disputes JOIN decisions ON decisions.decision_id = disputes.decision_id WHERE decisions.record <> ''"
        )
    )
    filled = [{"of": row.dispute_id, "contributions": _contributions(row.record)} for row in found]
    if filled:
        change = sa.text("UPDATE disputes SET contributions = :contributions WHERE dispute_id = :of")
        connection.execute(change, filled)


def _contributions(record: str) -> str | None:
    """Of a record that somebody damaged there are none; it is for the walk along the chain to say so."""
    try:
        return json.dumps(json.loads(record)["contributions"])
    except (ValueError, KeyError, TypeError):
        return None
