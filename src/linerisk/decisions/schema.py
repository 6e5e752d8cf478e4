"""The tables of the decision log, the same on SQLite and PostgreSQL; migrations make them, this module reads them.

Instants are ISO 8601 text of fixed width in UTC, which sorts as time does and reads the same on both. Hashes are hex.

`decisions` and `erasures` are one chain: they share the numbers of `seq`, and each row follows the row before it,
whichever table that is in.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, String, Table, Text

HEAD = "0002"

metadata = MetaData()

_Sequence = BigInteger().with_variant(Integer(), "sqlite")

requests = Table(
    "requests",
    metadata,
    Column("caller", String, primary_key=True),
    Column("request_id", String, primary_key=True),
    Column("body_hash", String, nullable=False),
    Column("created_at", String, nullable=False),
    Column("problems", Text, nullable=False),
    # Its decisions are neighbours in the chain; both null where every line was a problem.
    Column("first_seq", _Sequence),
    Column("last_seq", _Sequence),
    # The erasure that took its content away; null while it stands.
    Column("erasure", _Sequence),
    Index("ix_requests_first_seq", "first_seq"),
)

decisions = Table(
    "decisions",
    metadata,
    Column("seq", _Sequence, primary_key=True, autoincrement=False),
    Column("decision_id", String, nullable=False, unique=True),
    Column("request_id", String, nullable=False),
    Column("line_id", String, nullable=False),
    Column("as_of", String, nullable=False),
    Column("scored_at", String, nullable=False),
    Column("tier", String, nullable=False),
    Column("record", Text, nullable=False),
    # The chain goes over this digest, so that a record can be erased and the chain still holds.
    Column("digest", String, nullable=False),
    Column("prev_hash", String, nullable=False),
    Column("hash", String, nullable=False),
    # The erasure that took its content away; null while it stands.
    Column("erasure", _Sequence),
    Index("ix_decisions_line_id", "line_id", "seq"),
)

erasures = Table(
    "erasures",
    metadata,
    Column("seq", _Sequence, primary_key=True, autoincrement=False),
    Column("erased_at", String, nullable=False),
    # Everything erased was scored before this, `days` before `erased_at`.
    Column("scored_before", String, nullable=False),
    Column("days", Integer, nullable=False),
    # Neighbours in the chain; both null where only requests without a decision were erased.
    Column("first_seq", _Sequence),
    Column("last_seq", _Sequence),
    # Hash of what remains of its decisions.
    Column("remains", String, nullable=False),
    Column("digest", String, nullable=False),
    Column("prev_hash", String, nullable=False),
    Column("hash", String, nullable=False),
)


@lru_cache  # the lines of a request share their instants
def sortable(instant: datetime) -> str:
    """An instant as the tables keep it.

    >>> sortable(datetime(2024, 7, 1, tzinfo=UTC))
    '2024-07-01T00:00:00.000000Z'
    """
    return instant.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
