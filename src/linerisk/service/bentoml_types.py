"""Pydantic types of the `@bentoml.api` methods: what BentoML shows in its schema, its page and its OpenAPI document.

They mirror the msgspec types of `request_types` and `decisions.record`, which check every request first; a test
compares the fields of both. BentoML's parent process imports this module too, so it imports nothing heavy.
"""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict

_CLOSED = ConfigDict(extra="forbid")
Id = str | int


class Line(BaseModel):
    """A line of the published snapshot."""

    model_config = _CLOSED
    line_id: Id


class Record(BaseModel):
    """One call leg or text."""

    model_config = _CLOSED
    peer_id: Id
    record_type: str
    started_at: str
    duration_s: int
    received_at: str | None = None
    ring_s: float | None = None
    answered: bool | None = None
    peer_block: Id | None = None
    peer_kind: str | None = None
    peer_area: str | None = None
    visited_area: str | None = None
    cell_id: Id | None = None
    device_id: Id | None = None
    device_model: Id | None = None


class Account(BaseModel):
    """What the operator knows about a line."""

    model_config = _CLOSED
    activated_on: str
    home_area: str
    plan_kind: str
    status: str
    known_at: str | None = None
    number_since: str | None = None
    ported_in_on: str | None = None
    customer_since: str | None = None
    holder_id: Id | None = None
    declared_use: str | None = None
    declared_until: str | None = None
    last_verified_at: str | None = None


class LineRecords(BaseModel):
    """A line with its records and its account."""

    model_config = _CLOSED
    line_id: Id
    records: list[Record]
    account: Account | None = None


class Action(BaseModel):
    """What the policy in force asks for."""

    kind: str
    policy: str
    steps: list[str]
    held_by: str | None


class Reason(BaseModel):
    """One reason, in both languages."""

    code: str
    contribution: float
    direction: str
    en: str
    facts: dict[str, float]
    family: str
    zh: str


class Model(BaseModel):
    """The model that scored."""

    name: str
    version: str


class Decision(BaseModel):
    """One decision. `base + calibration + sum(contributions)` is the log-odds of `probability`."""

    decision_id: str
    request_id: str
    line_id: str
    as_of: datetime
    scored_at: datetime
    status: str
    margin: float
    probability: float
    probability_low: float
    probability_high: float
    tier: str
    action: Action
    reasons: list[Reason]
    base: float
    calibration: float
    contributions: dict[str, float]
    model: Model
    features_from: str
    snapshot_id: str | None


class Problem(BaseModel):
    """A problem with one line."""

    line_id: str
    code: str
    message: str


class Scored(BaseModel):
    """Decisions, and problems with lines."""

    request_id: str
    decisions: list[Decision]
    problems: list[Problem]
