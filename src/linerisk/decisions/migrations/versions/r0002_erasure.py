"""Erasure at the end of retention: one change of a row that the triggers let through, and a chained row for it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

# What must stay as it is, what must be gone, and which erasure must cover it. `!` stands for "is the same, or both are
# null", which the two databases spell differently.
_MAY_ERASE = {
    "decisions": (
        "OLD.erasure IS NULL AND NEW.seq ! OLD.seq AND NEW.decision_id ! OLD.decision_id "
        "AND NEW.scored_at ! OLD.scored_at AND NEW.digest ! OLD.digest AND NEW.prev_hash ! OLD.prev_hash "
        "AND NEW.hash ! OLD.hash AND NEW.record ! '' AND NEW.line_id ! '' AND NEW.request_id ! '' AND NEW.as_of ! '' "
        "AND NEW.tier ! '' AND EXISTS (SELECT 1 FROM erasures e WHERE e.seq = NEW.erasure "
        "AND OLD.seq BETWEEN e.first_seq AND e.last_seq AND OLD.scored_at < e.scored_before)"
    ),
    "requests": (
        "OLD.erasure IS NULL AND NEW.caller ! OLD.caller AND NEW.created_at ! OLD.created_at "
        "AND NEW.first_seq ! OLD.first_seq AND NEW.last_seq ! OLD.last_seq AND NEW.request_id LIKE 'erased:%' "
        "AND NEW.body_hash ! '' AND NEW.problems ! '[]' AND EXISTS (SELECT 1 FROM erasures e "
        "WHERE e.seq = NEW.erasure AND (OLD.first_seq >= e.first_seq AND OLD.last_seq <= e.last_seq "
        "OR OLD.first_seq IS NULL AND OLD.created_at < e.scored_before))"
    ),
}


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "erasures",
        sa.Column("seq", _SEQUENCE, primary_key=True, autoincrement=False),
        sa.Column("erased_at", sa.String, nullable=False),
        sa.Column("scored_before", sa.String, nullable=False),
        sa.Column("days", sa.Integer, nullable=False),
        sa.Column("first_seq", _SEQUENCE),
        sa.Column("last_seq", _SEQUENCE),
        sa.Column("remains", sa.String, nullable=False),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("prev_hash", sa.String, nullable=False),
        sa.Column("hash", sa.String, nullable=False),
    )
    for table in _MAY_ERASE:
        op.add_column(table, sa.Column("erasure", _SEQUENCE))
    if op.get_context().dialect.name == "sqlite":
        _guard_sqlite()
    else:
        _guard_postgresql()
        _compare_bytes_on_postgresql()


def _guard_sqlite() -> None:
    for table, may_erase in _MAY_ERASE.items():
        op.execute(f"DROP TRIGGER {table}_no_update")
        op.execute(
            f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} WHEN NOT ({may_erase.replace('!', 'IS')}) "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )
    for name, when in (
        ("no_update", "UPDATE ON erasures"),
        ("no_delete", "DELETE ON erasures"),
        ("no_replace", "INSERT ON erasures WHEN EXISTS (SELECT 1 FROM erasures WHERE seq = NEW.seq)"),
    ):
        op.execute(
            f"CREATE TRIGGER erasures_{name} BEFORE {when} BEGIN SELECT RAISE(ABORT, 'erasures is append-only'); END"
        )


def _guard_postgresql() -> None:
    # The same class of error as SQLite's, so that the program need not tell the two apart.
    refuse = "RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation'"
    op.execute(
        "CREATE OR REPLACE FUNCTION linerisk_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN {refuse}; END $$"
    )
    for table, may_erase in _MAY_ERASE.items():
        op.execute(f"DROP TRIGGER {table}_append_only ON {table}")
        op.execute(
            f"CREATE FUNCTION linerisk_erase_{table}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"IF {may_erase.replace('!', 'IS NOT DISTINCT FROM')} THEN RETURN NEW; END IF; {refuse}; END $$"
        )
        op.execute(
            f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION linerisk_erase_{table}()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION linerisk_append_only()"
        )
    op.execute(
        "CREATE TRIGGER erasures_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON erasures "
        "FOR EACH STATEMENT EXECUTE FUNCTION linerisk_append_only()"
    )


def _compare_bytes_on_postgresql() -> None:
    """Keys and instants sort by their bytes: an index sorted by a locale breaks when the machine's locale changes."""
    for table, columns in {
        "requests": ("caller", "request_id", "created_at"),
        "decisions": ("decision_id", "line_id", "scored_at"),
        "erasures": ("erased_at", "scored_before"),
    }.items():
        changes = ", ".join(f'ALTER COLUMN {column} TYPE VARCHAR COLLATE "C"' for column in columns)
        op.execute(f"ALTER TABLE {table} {changes}")
