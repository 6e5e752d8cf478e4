"""Accesses as a chain of their own, and one change of a row that the triggers let through: its erasure."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from linerisk.decisions import chain
from linerisk.decisions.access_log import GENESIS, chained

revision = "0006"
down_revision = "0005"

_HASHES = ("content", "digest", "prev_hash", "hash")
_STAYS = ("number", "at", *_HASHES)
_GONE = ("name", "role", "kind", "subject")
# No rule keeps accesses shorter than 184 days; a day of it is left to clocks that differ. `!` as in revision 0002.
_MAY_ERASE = " AND ".join(
    [
        *(f"NEW.{name} ! OLD.{name}" for name in _STAYS),
        *(f"NEW.{name} ! ''" for name in _GONE),
        "OLD.at < {half_a_year_ago}",
    ]
)
_HALF_A_YEAR_AGO = {
    "sqlite": "strftime('%Y-%m-%dT%H:%M:%S', 'now', '-183 days')",
    "postgresql": """to_char(now() AT TIME ZONE 'utc' - interval '183 days', 'YYYY-MM-DD"T"HH24:MI:SS')""",
}


def upgrade() -> None:
    """Apply."""
    dialect = op.get_context().dialect.name
    trigger = "accesses_no_update" if dialect == "sqlite" else "accesses_append_only ON accesses"
    for name in _HASHES:
        op.add_column("accesses", sa.Column(name, sa.String))
    op.execute(f"DROP TRIGGER {trigger}")
    _chain_what_is_there()
    may_erase = _MAY_ERASE.format(half_a_year_ago=_HALF_A_YEAR_AGO[dialect])
    if dialect == "sqlite":
        op.execute(
            f"CREATE TRIGGER accesses_no_update BEFORE UPDATE ON accesses WHEN NOT ({may_erase.replace('!', 'IS')}) "
            "BEGIN SELECT RAISE(ABORT, 'accesses is append-only'); END"
        )
    else:
        _guard_postgresql(may_erase.replace("!", "IS NOT DISTINCT FROM"))


def _chain_what_is_there() -> None:
    """From now on older rows prove what they say as of now; nothing proves what they said before."""
    connection = op.get_bind()
    accesses = sa.table("accesses", *map(sa.column, (*_STAYS, *_GONE)))
    end = chain.End(0, GENESIS)
    columns = [accesses.c[name] for name in ("number", "at", *_GONE)]
    rows = connection.execute(sa.select(*columns).order_by(accesses.c.number)).all()
    filled = []
    for row in rows:
        said = {name: value for name, value in row._asdict().items() if name != "number"}
        hashes = {name: chained(said, end, number=row.number)[name] for name in _HASHES}
        end = chain.End(row.number, hashes["hash"])
        filled.append({"which": row.number, **{f"new_{name}": value for name, value in hashes.items()}})
    if filled:
        changes: dict[str, Any] = {name: sa.bindparam(f"new_{name}") for name in _HASHES}
        connection.execute(
            sa.update(accesses).where(accesses.c.number == sa.bindparam("which")).values(changes), filled
        )


def _guard_postgresql(may_erase: str) -> None:
    refuse = "RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation'"
    op.execute(
        "CREATE FUNCTION linerisk_erase_accesses() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF {may_erase} THEN RETURN NEW; END IF; {refuse}; END $$"
    )
    op.execute(
        "CREATE TRIGGER accesses_no_update BEFORE UPDATE ON accesses "
        "FOR EACH ROW EXECUTE FUNCTION linerisk_erase_accesses()"
    )
    op.execute(
        "CREATE TRIGGER accesses_append_only BEFORE DELETE OR TRUNCATE ON accesses "
        "FOR EACH STATEMENT EXECUTE FUNCTION linerisk_append_only()"
    )
