"""A text message has at most three parts and complete facts."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import msgspec
import pytest

from linerisk.decisions.record import DecisionRecord, RecordedReason
from linerisk.explanation import Wording
from linerisk.explanation.value_text import BY_UNIT
from linerisk.features.catalogue import BY_NAME
from linerisk.policy import Policy
from linerisk.suspension.errors import NoticeError
from linerisk.suspension.local_time import LANGUAGES, Language
from linerisk.suspension.notice import make_notice
from linerisk.suspension.sms import MAX_PARTS, count_parts, text_message

Decide = Callable[..., DecisionRecord]
Policies = dict[str, Policy]

SHIPPED = ("shenzhen-2024-07-a", "shenzhen-2024-07-b")
LONG = {"count": 99_999, "share": 0.995, "days": 3_000, "s": 59_999, "ratio": 999.9, "0-1": 0.55, "0/1": 1}
"""A value of each unit with a long text."""


@pytest.mark.parametrize(
    ("text", "encoding", "parts"),
    [
        ("", "GSM-7", 1),
        ("a" * 160, "GSM-7", 1),
        ("a" * 161, "GSM-7", 2),
        ("a" * 306, "GSM-7", 2),
        ("a" * 307, "GSM-7", 3),
        ("€" * 80, "GSM-7", 1),
        ("€" * 81, "GSM-7", 2),
        # An extension character is two septets and is not split: 76 of them per part.
        ("€" * 152, "GSM-7", 2),
        ("€" * 153, "GSM-7", 3),
        ("é" * 160, "GSM-7", 1),
        ("ê" * 70, "UCS-2", 1),
        ("ê" * 71, "UCS-2", 2),
        ("号" * 134, "UCS-2", 2),
        ("号" * 135, "UCS-2", 3),
        # A surrogate pair is two units and is not split: 33 pairs per part.
        ("😀" * 66, "UCS-2", 2),
        ("😀" * 67, "UCS-2", 3),
    ],
)
def test_parts_are_counted_like_a_mobile_network(text: str, encoding: str, parts: int) -> None:
    assert (count_parts(text).encoding, count_parts(text).parts) == (encoding, parts)


def every_sentence(wording: Wording, language: Language) -> set[str]:
    """Every sentence, with long values and the longest comparison."""
    texts = set()
    for name, sentences in wording.sentences.items():
        comparison = wording.compared.of(BY_NAME[name].unit)
        longest = max((getattr(side, language) for side in (comparison.above, comparison.below)), key=len)
        for sentence in sentences:
            values = {each: BY_UNIT[BY_NAME[each].unit](LONG[BY_NAME[each].unit]) for each in sentence.facts}
            formatted = {each: text[LANGUAGES.index(language)] for each, text in values.items()}
            template = getattr(sentence, language)
            text = template.text % tuple(formatted[name] for name in template.placeholders)
            texts.add(text + (longest if sentence.compare else ""))
    return texts


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("policy", "tier"), list(itertools.product(SHIPPED, ["medium_low", "medium_high", "extremely_high"]))
)
def test_every_possible_reason_fits_a_text_message_of_every_tier(
    policy: str, tier: str, *, language: Language, decide: Decide, policies: Policies, wording: Wording
) -> None:
    sentences = every_sentence(wording, language)
    assert len(sentences) > 200
    template = decide(tier, policy).reasons[0]
    for text in sentences:
        reason = msgspec.structs.replace(template, zh=text, en=text)
        notice = make_notice(decide(tier, policy, reasons=(reason,)), policies[policy], language=language)
        message = text_message(notice, policies[policy])
        assert message.parts <= MAX_PARTS
        assert text in message.text
        assert message.encoding == ("UCS-2" if language == "zh" else "GSM-7")


def reasons_of(*texts: str) -> tuple[RecordedReason, ...]:
    return tuple(
        RecordedReason(code="A01", family="x", direction="raises", zh=text, en=text, contribution=1.0) for text in texts
    )


def test_reasons_that_do_not_fit_are_dropped_from_the_end(decide: Decide, policies: Policies) -> None:
    record = decide("medium_low", reasons=reasons_of("甲" * 20, "乙" * 20, "丙" * 60))
    policy = policies[record.policy]
    message = text_message(make_notice(record, policy, language="zh"), policy)
    assert f"{'甲' * 20}；{'乙' * 20}。" in message.text
    assert "丙" not in message.text


def test_if_the_first_reason_is_too_long_the_first_fitting_one_is_used(decide: Decide, policies: Policies) -> None:
    record = decide("medium_low", reasons=reasons_of("甲" * 200, "乙" * 200, "丙" * 20))
    policy = policies[record.policy]
    message = text_message(make_notice(record, policy, language="zh"), policy)
    assert "丙" * 20 in message.text
    assert not {"甲", "乙"} & set(message.text)


def test_a_text_message_is_refused_if_no_reason_fits(decide: Decide, policies: Policies) -> None:
    record = decide("medium_low", reasons=reasons_of("甲" * 200))
    policy = policies[record.policy]
    with pytest.raises(NoticeError, match="no reason fits"):
        text_message(make_notice(record, policy, language="zh"), policy)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_text_message_contains_every_required_fact(language: Language, decide: Decide, policies: Policies) -> None:
    record = decide("extremely_high")
    policy = policies[record.policy]
    notice = make_notice(record, policy, language=language)
    text = text_message(notice, policy).text
    short = [each.short for each in (*notice.steps, *notice.materials()) if each.short]
    halls = getattr(policy.halls.short, language)
    asking = {"zh": ("可要求人工", "验证码", "可替代"), "en": ("person", "codes", "substitute")}[language]
    facts = (notice.operator, notice.line_tail, notice.case, notice.objecting.short, halls, notice.reasons[0].text)
    assert all(fact in text for fact in (*facts, *short, *policy.always_open, *asking))
