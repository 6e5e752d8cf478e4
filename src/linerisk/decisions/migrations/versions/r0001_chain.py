"""Requests, the chain of decisions, and triggers that let neither be changed or removed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TABLES = ("decisions", "requests")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "requests",
        sa.Column("caller", sa.String, primary_key=True),
        sa.Column("request_id", sa.String, primary_key=True),
        sa.Column("body_hash", sa.String, nullable=False),
        sa.Column("created_at", sa.String, nullable=False),
        sa.Column("problems", sa.Text, nullable=False),
        sa.Column("first_seq", _SEQUENCE),
        sa.Column("last_seq", _SEQUENCE),
    )
    op.create_table(
        "decisions",
        sa.Column("seq", _SEQUENCE, primary_key=True, autoincrement=False),
        sa.Column("decision_id", sa.String, nullable=False, unique=True),
        sa.Column("request_id", sa.String, nullable=False),
        sa.Column("line_id", sa.String, nullable=False),
        sa.Column("as_of", sa.String, nullable=False),
        sa.Column("scored_at", sa.String, nullable=False),
        sa.Column("tier", sa.String, nullable=False),
        sa.Column("record", sa.Text, nullable=False),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("prev_hash", sa.String, nullable=False),
        sa.Column("hash", sa.String, nullable=False),
    )
    op.create_index("ix_requests_first_seq", "requests", ["first_seq"])
    op.create_index("ix_decisions_line_id", "decisions", ["line_id", "seq"])
    if op.get_context().dialect.name == "sqlite":
        _guard_sqlite()
    else:
        _guard_postgresql()


def _guard_sqlite() -> None:
    for table in _TABLES:
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
    # INSERT OR REPLACE removes rows without firing delete triggers unless recursive triggers are on.
    for table, same in (
        ("decisions", "seq = NEW.seq OR decision_id = NEW.decision_id"),
        ("requests", "caller = NEW.caller AND request_id = NEW.request_id"),
    ):
        op.execute(
            f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} "  # noqa: S608  # our own names
            f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {same}) "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )


def _guard_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION linerisk_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"
    )
    for table in _TABLES:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION linerisk_append_only()"
        )
