"""Schemas (dataframely) of the tables of the contract, in the form in which the store keeps them.

Ids arrive as opaque strings or integers and become Int64 keys by a keyed hash (`tables.identity`). Instants are UTC
microseconds. GB/T 2260 area codes are integers, because they are only compared for equality.
"""

from __future__ import annotations

from datetime import UTC, datetime

import dataframely as dy
import polars as pl

RECORD_TYPES = ("call_out", "call_in", "call_forwarded", "sms_out", "sms_in")
PEER_KINDS = ("mobile", "fixed", "short_code", "service", "international", "virtual", "emergency", "unknown")
PLAN_KINDS = ("prepaid", "postpaid", "enterprise", "iot")
LINE_STATUS = ("active", "suspended", "closed")
LABELS = ("fraud", "legitimate")
LABEL_SOURCES = (
    "police",
    "complaint",
    "verification_failed",
    "verification_passed",
    "dispute_upheld",
    "dispute_cleared",
    "random_audit",
)

TIER_NAMES = ("normal", "medium_low", "medium_high", "extremely_high")

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
"""Earlier instants are rejected: they are defaults or come from a broken clock."""


def _instant(*, nullable: bool = False) -> dy.Datetime:
    return dy.Datetime(time_unit="us", time_zone="UTC", nullable=nullable, min=EARLIEST)


def _area(*, nullable: bool = False) -> dy.Int32:
    """A GB/T 2260 code: six digits, the first not 0."""
    return dy.Int32(nullable=nullable, min=100_000, max=999_999)


class Records(dy.Schema):
    """Call legs and texts as seen by one line. Grain: one row per leg or text per line.

    Null means that the source has no value. `answered` null means that the source keeps no failed attempts, and then
    `duration_s` > 0.
    """

    line_key = dy.Int64()
    peer_key = dy.Int64()
    peer_block = dy.Int64(nullable=True)
    record_type = dy.Enum(RECORD_TYPES)
    started_at = _instant()
    received_at = _instant()
    ring_s = dy.Float32(nullable=True, min=0.0, allow_inf=False, allow_nan=False)
    duration_s = dy.Int32(min=0)
    answered = dy.Bool(nullable=True)
    peer_kind = dy.Enum(PEER_KINDS, nullable=True)
    peer_area = _area(nullable=True)
    visited_area = _area(nullable=True)
    cell_key = dy.Int64(nullable=True)
    device_key = dy.Int64(nullable=True)
    device_model = dy.String(nullable=True)

    @dy.rule()
    def unknown_answer_has_duration(cls) -> pl.Expr:  # noqa: N805 - dataframely passes the schema
        """Where failed attempts are not kept, a record is a call that was answered, or a text."""
        call = cls.record_type.col.is_in(["call_out", "call_in", "call_forwarded"])
        return cls.answered.col.is_not_null() | ~call | (cls.duration_s.col > 0)


class Accounts(dy.Schema):
    """What the operator knew about a line, from `known_at` on. Grain: one row per line per change."""

    line_key = dy.Int64()
    known_at = _instant()
    activated_on = dy.Date()
    number_since = dy.Date(nullable=True)
    ported_in_on = dy.Date(nullable=True)
    customer_since = dy.Date(nullable=True)
    home_area = _area()
    plan_kind = dy.Enum(PLAN_KINDS)
    holder_key = dy.Int64(nullable=True)
    declared_use = dy.String(nullable=True)
    declared_until = dy.Date(nullable=True)
    last_verified_at = _instant(nullable=True)
    status = dy.Enum(LINE_STATUS)


class Labels(dy.Schema):
    """Findings about a line. Grain: one row per line per finding."""

    line_key = dy.Int64()
    label = dy.Enum(LABELS)
    source = dy.Enum(LABEL_SOURCES)
    occurred_at = _instant()
    known_at = _instant()


class Lines(dy.Schema):
    """The operator's own (pseudonymous) id of every key seen. Grain: one row per line."""

    line_key = dy.Int64(primary_key=True)
    line_id = dy.String()


class Scores(dy.Schema):
    """Batch scores. Grain: one row per line, sorted by `line_id`."""

    line_id = dy.String(primary_key=True)
    as_of = _instant()
    margin = dy.Float64(allow_inf=False, allow_nan=False)
    probability = dy.Float64(min=0.0, max=1.0)
    probability_low = dy.Float64(min=0.0, max=1.0)
    probability_high = dy.Float64(min=0.0, max=1.0)
    tier = dy.Enum(TIER_NAMES)
    action = dy.String()
    reasons = dy.List(dy.String())
    model_version = dy.String()
    line_status = dy.Enum(LINE_STATUS, nullable=True)

    @dy.rule()
    def interval_holds_the_probability(cls) -> pl.Expr:  # noqa: N805 - dataframely passes the schema
        """The probability lies within its own interval."""
        return cls.probability.col.is_between(cls.probability_low.col, cls.probability_high.col)
