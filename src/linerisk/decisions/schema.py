"""The tables of the decision log, the same on SQLite and PostgreSQL; migrations make them, this module reads them.

Instants are ISO 8601 text of fixed width in UTC, which sorts as time does and reads the same on both. Hashes are hex.

`decisions`, `erasures` and `events` are one chain: they share the numbers of `seq`, and each row follows the row before
it, whichever table that is in. `disputes` and `lifts` are projections of events for fast reads; they can be
rebuilt from the events. `accesses` is a chain of its own (`decisions.access_log`); `sessions` comes and goes.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, String, Table, Text, text

HEAD = "0006"

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
    # The erasure that emptied it; null while it has its content.
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
    # The erasure that emptied it; null while it has its content.
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
    # Hash of the remains of its decisions.
    Column("remains", String, nullable=False),
    Column("digest", String, nullable=False),
    Column("prev_hash", String, nullable=False),
    Column("hash", String, nullable=False),
)


events = Table(
    "events",
    metadata,
    Column("seq", _Sequence, primary_key=True, autoincrement=False),
    Column("dispute_id", String, nullable=False),
    # Consecutive within a dispute: a caller who saw an older number is refused.
    Column("number", Integer, nullable=False),
    Column("caller", String, nullable=False),
    Column("request_id", String, nullable=False),
    Column("body_hash", String, nullable=False),
    Column("decision_id", String, nullable=False),
    Column("happened_at", String, nullable=False),
    # Empty once its decision was erased.
    Column("record", Text, nullable=False),
    # Hash of what is erased with the decision; the digest goes over it, so that the chain still holds.
    Column("content", String, nullable=False),
    Column("digest", String, nullable=False),
    Column("prev_hash", String, nullable=False),
    Column("hash", String, nullable=False),
    Index("ux_events_number", "dispute_id", "number", unique=True),
    Index("ux_events_request", "caller", "request_id", unique=True),
    Index("ix_events_decision_id", "decision_id"),
)

disputes = Table(
    "disputes",
    metadata,
    Column("dispute_id", String, primary_key=True),
    Column("case_number", String, nullable=False, unique=True),
    Column("decision_id", String, nullable=False),
    Column("decision_seq", _Sequence, nullable=False),
    Column("line_id", String, nullable=False),
    Column("tier", String, nullable=False),
    Column("model", String, nullable=False),
    # Codes of the reasons that raised, with spaces between.
    Column("reasons", String, nullable=False),
    Column("state", String, nullable=False),
    Column("is_open", Integer, nullable=False),
    Column("assigned_to", String),
    Column("warn_at", String, nullable=False),
    Column("answer_by", String, nullable=False),
    Column("alarm_at", String, nullable=False),
    Column("hard_limit", String, nullable=False),
    Column("closed_at", String),
    # Number and position of its last event.
    Column("number", Integer, nullable=False),
    Column("seq", _Sequence, nullable=False),
    Column("record", Text, nullable=False),
    # Of the decision, log-odds by family as JSON, for the similarity of cases.
    Column("contributions", Text),
    Index("ix_disputes_queue", "is_open", "answer_by", "dispute_id"),
    Index("ix_disputes_state", "state", "answer_by", "dispute_id"),
    Index("ix_disputes_assigned_to", "assigned_to", "is_open", "answer_by", "dispute_id"),
    Index("ix_disputes_line_id", "line_id", "dispute_id"),
    Index("ix_disputes_decision_id", "decision_id"),
    Index("ix_disputes_decision_seq", "decision_seq"),
    Index("ix_disputes_seq", "seq"),
    Index("ix_disputes_closed_at", "closed_at"),
    Index("ix_disputes_ended", "tier", "closed_at"),
    # One decision is not reviewed twice at once.
    Index(
        "ux_disputes_open",
        "decision_id",
        unique=True,
        sqlite_where=text("is_open = 1"),
        postgresql_where=text("is_open = 1"),
    ),
)

lifts = Table(
    "lifts",
    metadata,
    # Position of the event that lifts: a poller asks for later positions.
    Column("seq", _Sequence, primary_key=True, autoincrement=False),
    Column("dispute_id", String, nullable=False),
    Column("case_number", String, nullable=False),
    Column("decision_id", String, nullable=False),
    Column("line_id", String, nullable=False),
    Column("outcome", String, nullable=False),
    Column("tier", String, nullable=False),
    Column("lowered_to", String),
    Column("lifted_at", String, nullable=False),
    Index("ix_lifts_dispute_id", "dispute_id"),
    Index("ix_lifts_line_id", "line_id"),
)

accesses = Table(
    "accesses",
    metadata,
    Column("number", _Sequence, primary_key=True),
    Column("at", String, nullable=False),
    Column("name", String, nullable=False),
    Column("role", String, nullable=False),
    # What was opened: `case`, `decision` or `line`, and which one; of a line its key, never the operator's id.
    Column("kind", String, nullable=False),
    Column("subject", String, nullable=False),
    # Hash of what is erased at the end of its retention; the digest goes over it and `at`.
    Column("content", String),
    Column("digest", String),
    Column("prev_hash", String),
    Column("hash", String),
    Index("ix_accesses_subject", "subject", "number"),
)

sessions = Table(
    "sessions",
    metadata,
    # SHA-256 of the cookie's secret: reading the table does not allow a login.
    Column("secret_hash", String, primary_key=True),
    Column("token_hash", String, nullable=False),
    Column("csrf", String, nullable=False),
    Column("language", String, nullable=False),
    Column("seen_at", String, nullable=False),
    Column("expires_at", String, nullable=False),
    Index("ix_sessions_expires_at", "expires_at"),
)


@lru_cache  # the lines of a request share their instants
def sortable(instant: datetime) -> str:
    """An instant as the tables keep it.

    >>> sortable(datetime(2024, 7, 1, tzinfo=UTC))
    '2024-07-01T00:00:00.000000Z'
    """
    return instant.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
