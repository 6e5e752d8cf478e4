"""The tables of the decision log, the same on SQLite and PostgreSQL; migrations make them, this module reads them.

Instants are ISO 8601 text of fixed width in UTC, which sorts as time does and reads the same on both. Hashes are hex.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, String, Table, Text

HEAD = "0001"

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
    # The chain goes over this digest, so that a retention rule can one day take a record away and leave the chain.
    Column("digest", String, nullable=False),
    Column("prev_hash", String, nullable=False),
    Column("hash", String, nullable=False),
    Index("ix_decisions_line_id", "line_id", "seq"),
)


@lru_cache  # the lines of a request share their instants
def sortable(instant: datetime) -> str:
    """An instant as the tables keep it.

    >>> sortable(datetime(2024, 7, 1, tzinfo=UTC))
    '2024-07-01T00:00:00.000000Z'
    """
    return instant.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
