"""Events of disputes as rows of the chain, and two tables that say them again so that they are found fast."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_STAYS = (
    "seq",
    "dispute_id",
    "number",
    "caller",
    "decision_id",
    "happened_at",
    "content",
    "digest",
    "prev_hash",
    "hash",
)
# An event is emptied with its decision, and not otherwise. `!` as in revision 0002.
_MAY_ERASE = " AND ".join(
    [
        *(f"NEW.{name} ! OLD.{name}" for name in _STAYS),
        "NEW.record ! ''",
        "NEW.body_hash ! ''",
        "NEW.request_id LIKE 'erased:%'",
        "EXISTS (SELECT 1 FROM decisions d WHERE d.decision_id = OLD.decision_id AND d.erasure IS NOT NULL)",
    ]
)
_INDEXES = {
    "events": {"ix_events_decision_id": ["decision_id"]},
    "disputes": {
        "ix_disputes_queue": ["is_open", "answer_by", "dispute_id"],
        "ix_disputes_state": ["state", "answer_by", "dispute_id"],
        "ix_disputes_assigned_to": ["assigned_to", "is_open", "answer_by", "dispute_id"],
        "ix_disputes_line_id": ["line_id", "dispute_id"],
        "ix_disputes_decision_id": ["decision_id"],
        "ix_disputes_decision_seq": ["decision_seq"],
        "ix_disputes_seq": ["seq"],
        "ix_disputes_closed_at": ["closed_at"],
    },
    "lifts": {"ix_lifts_dispute_id": ["dispute_id"], "ix_lifts_line_id": ["line_id"]},
}


def upgrade() -> None:
    """Apply."""
    _make_events()
    _make_register()
    for table, indexes in _INDEXES.items():
        for name, columns in indexes.items():
            op.create_index(name, table, columns)
    if op.get_context().dialect.name == "sqlite":
        _guard_sqlite()
    else:
        _guard_postgresql()


def _make_events() -> None:
    op.create_table(
        "events",
        sa.Column("seq", _SEQUENCE, primary_key=True, autoincrement=False),
        sa.Column("dispute_id", _text(), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("caller", _text(), nullable=False),
        sa.Column("request_id", _text(), nullable=False),
        sa.Column("body_hash", sa.String, nullable=False),
        sa.Column("decision_id", _text(), nullable=False),
        sa.Column("happened_at", _text(), nullable=False),
        sa.Column("record", sa.Text, nullable=False),
        sa.Column("content", sa.String, nullable=False),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("prev_hash", sa.String, nullable=False),
        sa.Column("hash", sa.String, nullable=False),
    )
    op.create_index("ux_events_number", "events", ["dispute_id", "number"], unique=True)
    op.create_index("ux_events_request", "events", ["caller", "request_id"], unique=True)


def _make_register() -> None:
    op.create_table(
        "disputes",
        sa.Column("dispute_id", _text(), primary_key=True),
        sa.Column("case_number", _text(), nullable=False, unique=True),
        sa.Column("decision_id", _text(), nullable=False),
        sa.Column("decision_seq", _SEQUENCE, nullable=False),
        sa.Column("line_id", _text(), nullable=False),
        sa.Column("tier", sa.String, nullable=False),
        sa.Column("model", sa.String, nullable=False),
        sa.Column("reasons", sa.String, nullable=False),
        sa.Column("state", _text(), nullable=False),
        sa.Column("is_open", sa.Integer, nullable=False),
        sa.Column("assigned_to", _text()),
        sa.Column("warn_at", _text(), nullable=False),
        sa.Column("answer_by", _text(), nullable=False),
        sa.Column("alarm_at", _text(), nullable=False),
        sa.Column("hard_limit", _text(), nullable=False),
        sa.Column("closed_at", _text()),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("seq", _SEQUENCE, nullable=False),
        sa.Column("record", sa.Text, nullable=False),
    )
    op.create_table(
        "lifts",
        sa.Column("seq", _SEQUENCE, primary_key=True, autoincrement=False),
        sa.Column("dispute_id", _text(), nullable=False),
        sa.Column("case_number", sa.String, nullable=False),
        sa.Column("decision_id", sa.String, nullable=False),
        sa.Column("line_id", _text(), nullable=False),
        sa.Column("outcome", sa.String, nullable=False),
        sa.Column("tier", sa.String, nullable=False),
        sa.Column("lowered_to", sa.String),
        sa.Column("lifted_at", _text(), nullable=False),
    )
    # One decision is not reviewed twice at once.
    still_open = sa.text("is_open = 1")
    op.create_index(
        "ux_disputes_open",
        "disputes",
        ["decision_id"],
        unique=True,
        sqlite_where=still_open,
        postgresql_where=still_open,
    )


def _text() -> sa.String:
    """Text that sorts by its bytes on both databases."""
    return sa.String().with_variant(sa.String(collation="C"), "postgresql")


def _guard_sqlite() -> None:
    same = "seq = NEW.seq OR dispute_id = NEW.dispute_id AND number = NEW.number"
    same += " OR caller = NEW.caller AND request_id = NEW.request_id"
    for name, when in (
        ("no_update", f"UPDATE ON events WHEN NOT ({_MAY_ERASE.replace('!', 'IS')})"),
        ("no_delete", "DELETE ON events"),
        ("no_replace", f"INSERT ON events WHEN EXISTS (SELECT 1 FROM events WHERE {same})"),  # noqa: S608  # our names
    ):
        op.execute(
            f"CREATE TRIGGER events_{name} BEFORE {when} BEGIN SELECT RAISE(ABORT, 'events is append-only'); END"
        )


def _guard_postgresql() -> None:
    refuse = "RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation'"
    op.execute(
        "CREATE FUNCTION linerisk_erase_events() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF {_MAY_ERASE.replace('!', 'IS NOT DISTINCT FROM')} THEN RETURN NEW; END IF; {refuse}; END $$"
    )
    op.execute(
        "CREATE TRIGGER events_no_update BEFORE UPDATE ON events FOR EACH ROW EXECUTE FUNCTION linerisk_erase_events()"
    )
    op.execute(
        "CREATE TRIGGER events_append_only BEFORE DELETE OR TRUNCATE ON events "
        "FOR EACH STATEMENT EXECUTE FUNCTION linerisk_append_only()"
    )
