"""Who opened what in the console, append-only; and the sessions of those who are logged in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "accesses",
        sa.Column("number", _SEQUENCE, primary_key=True),
        sa.Column("at", _text(), nullable=False),
        sa.Column("name", _text(), nullable=False),
        sa.Column("role", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("subject", _text(), nullable=False),
    )
    op.create_index("ix_accesses_subject", "accesses", ["subject", "number"])
    op.create_table(
        "sessions",
        sa.Column("secret_hash", _text(), primary_key=True),
        sa.Column("token_hash", sa.String, nullable=False),
        sa.Column("csrf", sa.String, nullable=False),
        sa.Column("language", sa.String, nullable=False),
        sa.Column("seen_at", _text(), nullable=False),
        sa.Column("expires_at", _text(), nullable=False),
    )
    op.create_index("ix_sessions_expires_at", "sessions", ["expires_at"])
    if op.get_context().dialect.name == "sqlite":
        for name, when in (
            ("no_update", "UPDATE ON accesses"),
            ("no_delete", "DELETE ON accesses"),
            ("no_replace", "INSERT ON accesses WHEN EXISTS (SELECT 1 FROM accesses WHERE number = NEW.number)"),
        ):
            op.execute(
                f"CREATE TRIGGER accesses_{name} BEFORE {when} "
                "BEGIN SELECT RAISE(ABORT, 'accesses is append-only'); END"
            )
    else:
        op.execute(
            "CREATE TRIGGER accesses_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON accesses "
            "FOR EACH STATEMENT EXECUTE FUNCTION linerisk_append_only()"
        )


def _text() -> sa.String:
    """Text that sorts by its bytes on both databases."""
    return sa.String().with_variant(sa.String(collation="C"), "postgresql")
