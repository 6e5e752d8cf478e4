"""The notice has reasons, steps, deadline and how to object, and nothing of the model."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from linerisk.decisions.record import DecisionRecord, RecordedAction
from linerisk.errors import PolicyError
from linerisk.explanation import Wording
from linerisk.policy import Policy
from linerisk.suspension.errors import NoticeError
from linerisk.suspension.local_time import LANGUAGES, Language
from linerisk.suspension.notice import make_notice, masked_tail
from linerisk.suspension.notice_page import notice_page
from linerisk.suspension.sms import text_message

Decide = Callable[..., DecisionRecord]
Policies = dict[str, Policy]

RAISED = ("medium_low", "medium_high", "extremely_high")
SHIPPED = ("shenzhen-2024-07-a", "shenzhen-2024-07-b")
STORED_TEXTS = Path(__file__).with_name("notices")
LIST_TO_GUESS_FROM = re.compile(r"之一|等原因|可能原因|\b(?:one|any|either) of\b", re.IGNORECASE)
ACCUSING = re.compile(r"诈|骗|犯罪|违法|嫌疑|fraud|scam|crim|suspect", re.IGNORECASE)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("tier", ["normal", *RAISED])
@pytest.mark.parametrize("policy", SHIPPED)
def test_notice_texts_match_the_stored_files(
    policy: str, tier: str, language: Language, decide: Decide, policies: Policies
) -> None:
    # To accept a change of wording, delete the file and run the test twice; then read the new text.
    notice = make_notice(decide(tier, policy), policies[policy], language=language)
    text = f"{notice.text}\n\n{text_message(notice, policies[policy]).text}\n"
    file = STORED_TEXTS / f"{policy}-{tier}-{language}.txt"
    if not file.exists():
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
        pytest.fail(f"{file.name} was not there; it is now")
    assert text == file.read_text(encoding="utf-8")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("tier", RAISED)
@pytest.mark.parametrize("policy", SHIPPED)
def test_text_and_page_contain_every_required_fact(
    policy: str, tier: str, language: Language, decide: Decide, policies: Policies
) -> None:
    rules = policies[policy]
    notice = make_notice(decide(tier, policy), rules, language=language)
    page = html.unescape(notice_page(notice, rules).decode())
    for text in (notice.text, page):
        assert all(reason.text in text for reason in notice.reasons)
        assert all(step.text in text for step in notice.steps)
        assert all(material.text in text for material in notice.materials())
        assert all(other in text for material in notice.materials() for other in material.alternatives)
        assert all(number in text for number in rules.always_open)
        assert all(channel in text for channel in notice.objecting.channels)
        for fact in (notice.until_said, notice.case, notice.line_tail, notice.anti_imposter, notice.operator):
            assert fact
            assert fact in text
    assert notice.objecting.human in page
    assert notice.objecting.regulator in page


@pytest.mark.parametrize("tier", RAISED)
@pytest.mark.parametrize("policy", SHIPPED)
def test_a_notice_asks_for_the_steps_of_the_policy_and_tier(
    policy: str, tier: str, decide: Decide, policies: Policies
) -> None:
    notice = make_notice(decide(tier, policy), policies[policy], language="zh")
    rule = policies[policy].tiers[next(name for name in policies[policy].tiers if name.value == tier)]
    assert [step.text for step in notice.steps] == [policies[policy].steps[name].zh for name in rule.steps]
    materials = {material for name in rule.steps for material in policies[policy].steps[name].materials}
    assert {each.text for each in notice.materials()} == {policies[policy].materials[name].zh for name in materials}


def test_no_notice_of_the_policy_in_force_asks_for_social_insurance(decide: Decide, policies: Policies) -> None:
    for tier in RAISED:
        for language in LANGUAGES:
            notice = make_notice(decide(tier), policies["shenzhen-2024-07-b"], language=language)
            assert not re.search("社保|insurance", notice.text + text_message(notice, policies[notice.policy]).text)


def test_a_notice_quotes_the_raising_reasons_word_for_word(decide: Decide, policies: Policies) -> None:
    record = decide()
    notice = make_notice(record, policies[record.policy], language="en")
    raising = [reason for reason in record.reasons if reason.direction == "raises"]
    assert [reason.text for reason in notice.reasons] == [reason.en for reason in raising]
    assert [dict(reason.facts) for reason in notice.reasons] == [reason.facts for reason in raising]
    assert "8.8" not in notice.text


@pytest.mark.parametrize("reasons", [(), "only what lowers"])
def test_a_notice_without_a_reason_is_refused(reasons: Any, decide: Decide, policies: Policies) -> None:
    record = decide()
    left = tuple(reason for reason in record.reasons if reason.direction == "lowers") if reasons else ()
    with pytest.raises(NoticeError, match="no notice without a reason") as refused:
        make_notice(msgspec.structs.replace(record, reasons=left), policies[record.policy], language="zh")
    assert refused.value.todo


def test_no_sentence_is_a_list_to_guess_from_or_accuses(wording: Wording) -> None:
    sentences = [text for own in wording.sentences.values() for each in own for text in (each.zh.text, each.en.text)]
    assert len(sentences) > 500
    assert [text for text in sentences if LIST_TO_GUESS_FROM.search(text) or ACCUSING.search(text)] == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("held_by", ["cool_down", "stale", "degraded"])
def test_a_held_measure_asks_for_nothing_and_gives_the_cause(
    held_by: str, language: Language, decide: Decide, policies: Policies
) -> None:
    record = decide(held_by=held_by, reasons=())
    policy = policies[record.policy]
    notice = make_notice(record, policy, language=language)
    held = {str(why): words for why, words in policy.wording.held.items()}[held_by]
    assert not notice.asks
    assert (notice.reasons, notice.steps, notice.until) == ((), (), None)
    assert getattr(held, language) in notice.text
    assert text_message(notice, policy).text == notice.text
    assert getattr(held, language) in notice_page(notice, policy).decode()


@pytest.mark.parametrize("status", ["stale", "degraded"])
def test_a_notice_on_stale_or_degraded_data_asks_for_nothing(status: str, decide: Decide, policies: Policies) -> None:
    record = decide(status=status)
    assert not make_notice(record, policies[record.policy], language="zh").asks


def test_the_notice_of_a_normal_line_asks_for_nothing(decide: Decide, policies: Policies) -> None:
    record = decide("normal")
    policy = policies[record.policy]
    notice = make_notice(record, policy, language="zh")
    assert policy.wording.nothing_to_do.zh in notice.text
    assert not notice.asks


def test_the_deadline_counts_from_sending_and_is_rounded_up_to_a_full_hour(decide: Decide, policies: Policies) -> None:
    record = decide()
    policy = policies[record.policy]
    assert make_notice(record, policy, language="en").until_said == "28 Jul 2024, 13:00 (UTC+8)"
    sent_at = datetime(2024, 7, 27, 23, 0, tzinfo=UTC)
    later = make_notice(record, policy, language="zh", sent_at=sent_at)
    assert later.until_said == "2024年7月29日7时（UTC+8）"
    assert later.until is not None
    assert later.until - sent_at == timedelta(hours=policy.clocks.verify_within_hours)


def test_sending_before_the_decision_is_refused(decide: Decide, policies: Policies) -> None:
    record = decide()
    with pytest.raises(NoticeError) as refused:
        make_notice(
            record, policies[record.policy], language="zh", sent_at=record.scored_at - timedelta(microseconds=1)
        )
    assert refused.value.field == "sent_at"


def test_the_case_number_of_a_later_dispute_replaces_that_of_the_decision(decide: Decide, policies: Policies) -> None:
    record = decide()
    policy = policies[record.policy]
    assert make_notice(record, policy, language="zh").case == "01J3S1W6V0PQRS"
    assert make_notice(record, policy, language="zh", case="01J3S1W6V0PQRS-2").case == "01J3S1W6V0PQRS-2"


def test_a_notice_under_another_policy_is_refused(decide: Decide, policies: Policies) -> None:
    with pytest.raises(PolicyError, match="not the decision's"):
        make_notice(decide(), policies["shenzhen-2024-07-a"], language="zh")


@pytest.mark.parametrize("steps", [(), ("employment_proof",)])
def test_a_step_that_the_policy_lacks_is_refused(steps: tuple[str, ...], decide: Decide, policies: Policies) -> None:
    action = RecordedAction(kind="verify", policy="shenzhen-2024-07-b", steps=steps)
    with pytest.raises(PolicyError, match="lacks steps"):
        make_notice(decide(action=action), policies[action.policy], language="zh")


@pytest.mark.parametrize(
    ("line_id", "tail"),
    [
        ("13912345678", "5678"),
        ("0012", "12"),
        ("7", ""),
        ("line-{case}", "ase*"),
        ("号码一二三四", "***"),
        ("\t<b>", "b*"),
    ],
)
def test_a_line_id_is_masked_to_its_last_four_characters_or_half(line_id: str, tail: str) -> None:
    assert masked_tail(line_id) == tail


def test_the_notice_page_has_no_script_and_no_external_resource(decide: Decide, policies: Policies) -> None:
    record = decide(line_id="<script>alert(1)</script>")
    page = notice_page(make_notice(record, policies[record.policy], language="zh"), policies[record.policy]).decode()
    assert "<script" not in page
    assert not re.search(r"\b(?:src|href|action)=|url\(|@import", page)
    assert "default-src &#39;none&#39;" in page
