"""The notice for the holder: the reasons with their facts, the steps and their deadline, and how to object.

A notice has the recorded reasons that raised the tier, word for word. It never says "one of the following": without a
reason there is no notice. It has no score, weight or cut point of the model, and only the last characters of the line.
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
from linerisk.suspension.local_time import Language, format_full, verification_deadline
from linerisk.suspension.notice_model import Notice, NoticeMaterial, NoticeReason, NoticeStep, ObjectionInfo

_TAIL = 4
_NOT_ALPHANUMERIC = re.compile(r"[^0-9A-Za-z]")
CLAUSE_SEPARATOR: Final[Mapping[Language, str]] = {"zh": "；", "en": "; "}
LIST_SEPARATOR: Final[Mapping[Language, str]] = {"zh": "、", "en": ", "}
_ALTERNATIVE_SEPARATOR: Final[Mapping[Language, str]] = {"zh": "；或：", "en": "; or: "}
_CHANNEL_SEPARATOR: Final[Mapping[Language, str]] = {"zh": "，或", "en": ", or "}
_IN_BRACKETS: Final[Mapping[Language, str]] = {"zh": "{}（{}）", "en": "{} ({})"}
_ALTERNATIVE_PREFIX: Final[Mapping[Language, str]] = {"zh": "也可：", "en": "or: "}
_NOTHING_TO_DO: Final[Mapping[Language, str]] = {
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

    The time to verify counts from `sent_at` and is rounded up to a full hour.

    Args:
        record: The recorded decision.
        policy: The policy that it names.
        language: Language of the notice.
        sent_at: When it is sent; default when it was decided.
        case: Case number of its dispute, if it is a later one than the first.

    Raises:
        NoticeError: It asks for steps but the decision has no reason that raised the tier, or `sent_at` is before the
            decision.
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
    nothing_to_do = _nothing_to_do(record, policy)
    steps = () if nothing_to_do else _steps(record, policy, language)
    reasons = () if nothing_to_do else _reasons(record, language)
    until = None if nothing_to_do else verification_deadline(sent_at or record.scored_at, policy)
    notice = Notice(
        decision_id=record.decision_id,
        language=language,
        policy=policy.id,
        operator=_text_in(policy.operator, language),
        line_tail=masked_tail(record.line_id),
        case=case or case_number(record.decision_id),
        asks=nothing_to_do is None,
        text="",
        reasons=reasons,
        steps=steps,
        until=until,
        until_said=None if until is None else format_full(until, language),
        stays_open=policy.always_open,
        objecting=_objection_info(policy, language),
        anti_imposter=_text_in(policy.wording.anti_imposter, language),
    )
    return replace(notice, text=_text(notice, policy, nothing_to_do))


def masked_tail(line_id: str) -> str:
    """The last four characters of a line id, at most half of it; a star replaces all but ASCII letters and digits.

    >>> masked_tail("13800138000"), masked_tail("7f"), masked_tail("line.<b>")
    ('8000', 'f', '**b*')
    """
    length = min(_TAIL, len(line_id) // 2)
    return _NOT_ALPHANUMERIC.sub("*", line_id[len(line_id) - length :])


def _text_in(words: Words, language: Language) -> str:
    text: str = getattr(words, language)
    return text


def _nothing_to_do(record: DecisionRecord, policy: Policy) -> Words | None:
    """Text for a notice that asks for nothing; None if it asks for steps."""
    if record.action.kind == "none":
        return policy.wording.nothing_to_do
    held = record.action.held_by or (None if record.status == "fresh" else record.status)
    words = {str(why): words for why, words in policy.wording.held.items()}
    if held is None:
        return None
    return words.get(held, policy.wording.nothing_to_do)


def _reasons(record: DecisionRecord, language: Language) -> tuple[NoticeReason, ...]:
    raising = tuple(
        NoticeReason(code=reason.code, text=getattr(reason, language), facts=reason.facts)
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


def _steps(record: DecisionRecord, policy: Policy, language: Language) -> tuple[NoticeStep, ...]:
    unknown = [name for name in record.action.steps if name not in policy.steps]
    if unknown or not record.action.steps:
        raise PolicyError(
            "the policy lacks steps of the decision",
            expected=", ".join(policy.steps),
            found=", ".join(unknown) or "no step at all",
            todo="put the policy file back as it was: a change needs a file and an id of its own",
        )
    return tuple(_step(policy, name, language) for name in record.action.steps)


def _step(policy: Policy, name: str, language: Language) -> NoticeStep:
    step = policy.steps[name]
    materials = [policy.materials[material] for material in step.materials]
    return NoticeStep(
        text=_text_in(step, language),
        short=None if step.short is None else _text_in(step.short, language),
        channel=step.channel,
        where=_text_in(policy.halls, language) if step.channel == "hall" else None,
        where_short=_text_in(policy.halls.short, language) if step.channel == "hall" else None,
        materials=tuple(
            NoticeMaterial(
                text=_text_in(material, language),
                short=None if material.short is None else _text_in(material.short, language),
                alternatives=tuple(_text_in(other, language) for other in material.alternatives),
            )
            for material in materials
        ),
    )


def _objection_info(policy: Policy, language: Language) -> ObjectionInfo:
    appeal, clocks = policy.appeal, policy.clocks
    return ObjectionInfo(
        channels=tuple(_text_in(channel, language) for channel in appeal.channels),
        short=_text_in(appeal.short, language),
        human=_text_in(appeal.human, language),
        answer_target_hours=clocks.answer_target_hours,
        answer_limit_days=clocks.answer_limit_days,
        regulator=_text_in(appeal.regulator, language),
    )


def _text(notice: Notice, policy: Policy, nothing_to_do: Words | None) -> str:
    language = notice.language
    if nothing_to_do is not None:
        return _NOTHING_TO_DO[language].format(
            operator=notice.operator,
            line_tail=notice.line_tail,
            words=_text_in(nothing_to_do, language),
            anti_imposter=notice.anti_imposter,
        )
    return _text_in(policy.wording.notice, language).format(
        operator=notice.operator,
        line_tail=notice.line_tail,
        reasons=CLAUSE_SEPARATOR[language].join(reason.text for reason in notice.reasons),
        deadline=notice.until_said,
        suspends_at=notice.until_said,
        steps=CLAUSE_SEPARATOR[language].join(_step_texts(notice)),
        materials=LIST_SEPARATOR[language].join(
            _IN_BRACKETS[language].format(
                each.text, _ALTERNATIVE_PREFIX[language] + _ALTERNATIVE_SEPARATOR[language].join(each.alternatives)
            )
            for each in notice.materials()
        ),
        appeal=_CHANNEL_SEPARATOR[language].join(notice.objecting.channels),
        case=notice.case,
    )


def _step_texts(notice: Notice) -> Iterator[str]:
    """Text of each step; the first one in a hall names the halls."""
    halls_named = False
    for step in notice.steps:
        if step.where is None or halls_named:
            yield step.text
        else:
            halls_named = True
            yield _IN_BRACKETS[notice.language].format(step.text, step.where)
