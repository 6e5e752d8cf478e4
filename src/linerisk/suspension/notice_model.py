"""Data model of a notice, in one language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from linerisk.suspension.local_time import Language


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeReason:
    """One reason, as recorded with the decision."""

    code: str
    text: str
    facts: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeMaterial:
    """What to bring or do, and all alternatives for a holder who cannot."""

    text: str
    short: str | None
    alternatives: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeStep:
    """One thing to do. `where` names the halls; None for a step that is done online."""

    text: str
    short: str | None
    channel: Literal["online", "hall"]
    where: str | None
    where_short: str | None
    materials: tuple[NoticeMaterial, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectionInfo:
    """How to object: channels, request for a person, time to answer, and the regulator to turn to next."""

    channels: tuple[str, ...]
    short: str
    human: str
    answer_target_hours: int
    answer_limit_days: int
    regulator: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A notice to the holder, in one language.

    Attributes:
        decision_id: The decision.
        language: `zh` or `en`.
        policy: Id of the policy of the decision.
        operator: The operator that sends it.
        line_tail: Last characters of the line's id; empty for a very short id.
        case: Case number to name when calling.
        asks: Whether it asks for steps; if not, `text` gives the cause, and there are no reasons and no steps.
        text: The whole notice as one text.
        reasons: At least one if it asks for steps.
        steps: In order.
        until: Deadline of the steps; None if it asks for none.
        until_said: The deadline as text, in local time.
        stays_open: Numbers that can always be called.
        objecting: How to object.
        anti_imposter: What the operator never asks for.
    """

    decision_id: str
    language: Language
    policy: str
    operator: str
    line_tail: str
    case: str
    asks: bool
    text: str
    reasons: tuple[NoticeReason, ...]
    steps: tuple[NoticeStep, ...]
    until: datetime | None
    until_said: str | None
    stays_open: tuple[str, ...]
    objecting: ObjectionInfo
    anti_imposter: str

    def materials(self) -> tuple[NoticeMaterial, ...]:
        """The materials of all steps, without duplicates."""
        return tuple({material.text: material for step in self.steps for material in step.materials}.values())
