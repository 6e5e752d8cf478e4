"""The notice for the holder: the reasons with their facts, what to do, until when, and how to object.

A notice gives the reasons of its decision, each as it was said then, and only those that raised the tier. It has no way
to say "one of the following": without a reason there is no notice. Nothing of the model is in it: no score, no weight,
no cut point. Of the line it shows the last characters only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final

from linerisk.as_of import iso
from linerisk.decisions.case_numbers import case_number
from linerisk.decisions.record import DecisionRecord
from linerisk.errors import PolicyError
from linerisk.policy import Policy
from linerisk.policy.file_model import Words
from linerisk.suspension.errors import NoticeError
from linerisk.suspension.local_time import Language, full_hour_after, in_full
from linerisk.suspension.notice_model import GivenMaterial, GivenReason, GivenStep, Notice, Objecting

_TAIL = 4
_PLAIN = re.compile(r"[^0-9A-Za-z]")
AND: Final[Mapping[Language, str]] = {"zh": "；", "en": "; "}
LISTED: Final[Mapping[Language, str]] = {"zh": "、", "en": ", "}
_OR: Final[Mapping[Language, str]] = {"zh": "；或：", "en": "; or: "}
_OR_AT: Final[Mapping[Language, str]] = {"zh": "，或", "en": ", or "}
_IN_BRACKETS: Final[Mapping[Language, str]] = {"zh": "{}（{}）", "en": "{} ({})"}
_ELSE: Final[Mapping[Language, str]] = {"zh": "也可：", "en": "or: "}
_NOTHING: Final[Mapping[Language, str]] = {
    "zh": "【{operator}】尾号{line_tail}：{words}{anti_imposter}",
    "en": "[{operator}] Number ending in {line_tail}: {words} {anti_imposter}",
}


def make_notice(
    record: DecisionRecord,
    policy: Policy,
    *,
    language: Language,
    sent_at: datetime | None = None,
    case: str | None = None,
) -> Notice:
    """Make the notice of a decision.

    The time to verify in counts from `sent_at`, and is rounded up to a full hour.

    Args:
        record: The frozen decision.
        policy: The policy that it names.
        language: Of the notice.
        sent_at: When it is sent; without, when it was decided.
        case: Number of its dispute, where that is a later one than the first.

    Raises:
        NoticeError: Something is asked for and the decision gives no reason that raised its tier, or it would be sent
            before it was decided.
        PolicyError: The policy is another one, or lacks a step of the decision.
    """
    if policy.id != record.policy:
        raise PolicyError(
            "the policy is not the decision's",
            expected=record.policy,
            found=policy.id,
            todo="give the policy that the decision names",
        )
    if sent_at is not None and sent_at < record.scored_at:
        raise NoticeError(
            "a notice cannot be sent before its decision",
            expected=f"{iso(record.scored_at)} or later",
            found=iso(sent_at),
            todo="leave sent_at out, or give the instant at which the notice is sent",
            field="sent_at",
        )
    nothing = _nothing_to_do(record, policy)
    steps = () if nothing else _steps(record, policy, language)
    reasons = () if nothing else _reasons(record, language)
    until = None if nothing else full_hour_after(sent_at or record.scored_at, policy)
    notice = Notice(
        decision_id=record.decision_id,
        language=language,
        policy=policy.id,
        operator=_in(policy.operator, language),
        line_tail=tail_of(record.line_id),
        case=case or case_number(record.decision_id),
        asks=nothing is None,
        text="",
        reasons=reasons,
        steps=steps,
        until=until,
        until_said=None if until is None else in_full(until, language),
        stays_open=policy.always_open,
        objecting=_objecting(policy, language),
        anti_imposter=_in(policy.wording.anti_imposter, language),
    )
    return replace(notice, text=_text(notice, policy, nothing))


def tail_of(line_id: str) -> str:
    """The last four characters of a line's id, at most half of it; what is no plain letter or digit is a star.

    >>> tail_of("13800138000"), tail_of("7f"), tail_of("line.<b>")
    ('8000', 'f', '**b*')
    """
    shown = min(_TAIL, len(line_id) // 2)
    return _PLAIN.sub("*", line_id[len(line_id) - shown :])


def _in(words: Words, language: Language) -> str:
    text: str = getattr(words, language)
    return text


def _nothing_to_do(record: DecisionRecord, policy: Policy) -> Words | None:
    """Why nothing is asked for; None where something is."""
    if record.action.kind == "none":
        return policy.wording.nothing_to_do
    held = record.action.held_by or (None if record.status == "fresh" else record.status)
    words = {str(why): words for why, words in policy.wording.held.items()}
    if held is None:
        return None
    return words.get(held, policy.wording.nothing_to_do)


def _reasons(record: DecisionRecord, language: Language) -> tuple[GivenReason, ...]:
    raising = tuple(
        GivenReason(code=reason.code, text=getattr(reason, language), facts=reason.facts)
        for reason in record.reasons
        if reason.direction == "raises"
    )
    if not raising:
        raise NoticeError(
            "there is no notice without a reason",
            expected="a reason that raised the tier",
            found="none in the decision",
            todo="score the line again with reasons; ask for nothing meanwhile",
            field="id",
        )
    return raising


def _steps(record: DecisionRecord, policy: Policy, language: Language) -> tuple[GivenStep, ...]:
    unknown = [name for name in record.action.steps if name not in policy.steps]
    if unknown or not record.action.steps:
        raise PolicyError(
            "the policy lacks steps of the decision",
            expected=", ".join(policy.steps),
            found=", ".join(unknown) or "no step at all",
            todo="put the policy file back as it was: a change needs a file and an id of its own",
        )
    return tuple(_step(policy, name, language) for name in record.action.steps)


def _step(policy: Policy, name: str, language: Language) -> GivenStep:
    step = policy.steps[name]
    materials = [policy.materials[material] for material in step.materials]
    return GivenStep(
        text=_in(step, language),
        short=None if step.short is None else _in(step.short, language),
        channel=step.channel,
        where=_in(policy.halls, language) if step.channel == "hall" else None,
        where_short=_in(policy.halls.short, language) if step.channel == "hall" else None,
        materials=tuple(
            GivenMaterial(
                text=_in(material, language),
                short=None if material.short is None else _in(material.short, language),
                alternatives=tuple(_in(other, language) for other in material.alternatives),
            )
            for material in materials
        ),
    )


def _objecting(policy: Policy, language: Language) -> Objecting:
    appeal, clocks = policy.appeal, policy.clocks
    return Objecting(
        channels=tuple(_in(channel, language) for channel in appeal.channels),
        short=_in(appeal.short, language),
        human=_in(appeal.human, language),
        answer_target_hours=clocks.answer_target_hours,
        answer_limit_days=clocks.answer_limit_days,
        regulator=_in(appeal.regulator, language),
    )


def _text(notice: Notice, policy: Policy, nothing: Words | None) -> str:
    language = notice.language
    if nothing is not None:
        return _NOTHING[language].format(
            operator=notice.operator,
            line_tail=notice.line_tail,
            words=_in(nothing, language),
            anti_imposter=notice.anti_imposter,
        )
    return _in(policy.wording.notice, language).format(
        operator=notice.operator,
        line_tail=notice.line_tail,
        reasons=AND[language].join(reason.text for reason in notice.reasons),
        deadline=notice.until_said,
        suspends_at=notice.until_said,
        steps=AND[language].join(_steps_said(notice)),
        materials=LISTED[language].join(
            _IN_BRACKETS[language].format(each.text, _ELSE[language] + _OR[language].join(each.alternatives))
            for each in notice.materials()
        ),
        appeal=_OR_AT[language].join(notice.objecting.channels),
        case=notice.case,
    )


def _steps_said(notice: Notice) -> Iterator[str]:
    """Each step; the first in a hall says which halls."""
    halls_said = False
    for step in notice.steps:
        if step.where is None or halls_said:
            yield step.text
        else:
            halls_said = True
            yield _IN_BRACKETS[notice.language].format(step.text, step.where)
