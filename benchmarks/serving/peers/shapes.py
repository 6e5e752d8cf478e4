"""Requests and answers in pydantic, as both FastAPI's and BentoML's manuals write them."""

from __future__ import annotations

from pydantic import BaseModel


class Line(BaseModel):
    """A line that is asked for."""

    line_id: str


class ScoreRequest(BaseModel):
    """Lines that are asked for."""

    request_id: str
    lines: list[Line]


class Decision(BaseModel):
    """What is said about a line."""

    line_id: str
    probability: float
    tier: str


class ScoreAnswer(BaseModel):
    """What is said about all of them."""

    request_id: str
    decisions: list[Decision]
