"""What a notice is made of, in one language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from linerisk.suspension.local_time import Language


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenReason:
    """One reason, as it was said with the decision."""

    code: str
    text: str
    facts: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenMaterial:
    """What to bring or do, and every other way for who cannot."""

    text: str
    short: str | None
    alternatives: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenStep:
    """One thing to do. `where` names the halls; None of what is done online."""

    text: str
    short: str | None
    channel: Literal["online", "hall"]
    where: str | None
    where_short: str | None
    materials: tuple[GivenMaterial, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Objecting:
    """Where to object, how to ask for a person, how long an answer may take, who is next."""

    channels: tuple[str, ...]
    short: str
    human: str
    answer_target_hours: int
    answer_limit_days: int
    regulator: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What the holder is told, in one language.

    Attributes:
        decision_id: The decision.
        language: `zh` or `en`.
        policy: Id of the policy of the decision.
        operator: Who writes.
        line_tail: Last characters of the line's id; none of a very short one.
        case: Number to name when calling.
        asks: Whether anything is asked for; if not, `text` says so and why, and there are no reasons and no steps.
        text: All of it as one text.
        reasons: At least one where something is asked for.
        steps: In order.
        until: Until when to have done them; None where nothing is asked for.
        until_said: The same, in local time, as words.
        stays_open: Numbers that can be called whatever happens.
        objecting: How to object.
        anti_imposter: What nobody of us ever asks for.
    """

    decision_id: str
    language: Language
    policy: str
    operator: str
    line_tail: str
    case: str
    asks: bool
    text: str
    reasons: tuple[GivenReason, ...]
    steps: tuple[GivenStep, ...]
    until: datetime | None
    until_said: str | None
    stays_open: tuple[str, ...]
    objecting: Objecting
    anti_imposter: str

    def materials(self) -> tuple[GivenMaterial, ...]:
        """Every material of every step, each once."""
        return tuple({material.text: material for step in self.steps for material in step.materials}.values())
