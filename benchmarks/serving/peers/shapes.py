"""Requests and answers in pydantic, as in the manuals of FastAPI and BentoML."""

from __future__ import annotations

from pydantic import BaseModel


class Line(BaseModel):
    """A line to score."""

    line_id: str


class ScoreRequest(BaseModel):
    """Lines to score."""

    request_id: str
    lines: list[Line]


class Decision(BaseModel):
    """The score of a line."""

    line_id: str
    probability: float
    tier: str


class ScoreAnswer(BaseModel):
    """The scores of all lines of a request."""

    request_id: str
    decisions: list[Decision]
