"""Sentences are true of the values that they describe, in either direction."""

import itertools
import math
import re

import pytest

from linerisk.explanation import Wording
from linerisk.explanation.reason_text import Direction
from linerisk.explanation.value_text import BY_UNIT
from linerisk.features.catalogue import BY_NAME, FEATURES
from linerisk.features.stages import HISTORY
from linerisk.features.tenure import MAX_TENURE_DAYS

SILENT = {"silent_days_before_7d": 5.0, "out_calls_vs_own_past_ratio_7d": 4.0, "tenure_days": 900.0}
MANY = {"out_calls_count_7d": 400.0}
FEW = {"out_calls_count_7d": 3.0}
WOKEN = {"tenure_days": 900.0, "out_calls_count_7d": 400.0}
OLD_LINE = {"tenure_days": 900.0}
NEW_LINE = {"silent_days_before_7d": 49.0, "out_calls_vs_own_past_ratio_7d": 154.0, "tenure_days": 26.0}


@pytest.mark.parametrize(
    ("feature", "direction", "value", "others", "code", "zh", "en"),
    [
        ("out_of_town_share_7d", "raises", 0.93, {}, "A02", "占比较高（93%）", "high share of calls (93 %)"),
        ("out_of_town_share_7d", "raises", 0.02, {}, "A02", "占2%", "2 % of calls"),
        ("out_of_town_share_7d", "lowers", 0.02, {}, "B14", "占比较低（2%）", "low share of calls (2 %)"),
        ("out_of_town_share_7d", "lowers", 0.93, {}, "B14", "占93%", "93 % of calls"),
        ("new_callees_count_7d", "raises", 153, SILENT, "A01", "明显多于您此前七周", "well above its own weekly"),
        ("new_callees_count_7d", "lowers", 153, SILENT, "B12", "153个此前未联系过", "153 numbers it had no contact"),
        ("out_calls_count_7d", "raises", 153, SILENT, "A01", "明显多于您此前七周", "well above its own weekly"),
        ("answered_call_share_7d", "raises", 0.12, {}, "A04", "大多无人接听（接通率12%）", "were not answered (12 %"),
        ("answered_call_share_7d", "raises", 0.9, {}, "A04", "接通率为90%", "90 % of calls"),
        ("reciprocal_callee_share_7d", "raises", 0.0, {}, "A03", "都没有来电", "no number called also called"),
        ("reciprocal_callee_share_7d", "raises", 0.6, {}, "A03", "也有来电的占60%", "60 % of the numbers called"),
        ("tenure_days", "raises", 25, MANY, "A06", "即出现大量呼出", "many outgoing calls soon"),
        ("tenure_days", "raises", 25, FEW, "A06", "开通时间较短（25天）", "not long ago (25 days)"),
        ("tenure_days", "raises", 3225, MANY, "A06", "号码开通至今8.8年", "8.8 years ago"),
        ("tenure_days", "lowers", 3225, {}, "B01", "号码使用年限较长（8.8年）", "long-standing number (8.8 years)"),
        ("tenure_days", "lowers", 5475, {}, "B01", "15年以上", "15 years or more"),
        ("tenure_days", "lowers", 25, {}, "B16", "号码开通至今25天", "opened 25 days ago"),
        ("days_since_verification", "lowers", 10, {}, "B02", "近期已通过实人核验（距今10天）", "recently verified"),
        ("days_since_verification", "lowers", 400, {}, "B16", "距最近一次通过实人核验已有1年", "1 year"),
        ("days_since_verification", "raises", 5475, {}, "A06", "没有实人核验通过的记录", "no passed verification"),
        ("use_declared", "lowers", 1, {}, "B03", "已登记业务用途", "business use is registered"),
        ("use_declared", "lowers", 0, {}, "B16", "没有登记有效的业务用途", "no valid business use"),
        ("use_declared", "raises", 0, {}, "A06", "没有登记有效的业务用途", "no valid business use"),
        ("is_enterprise", "lowers", 0, {}, "B16", "使用的不是单位（集团）套餐", "not on an enterprise plan"),
        ("silent_days_before_7d", "raises", 30, WOKEN, "A07", "未使用之后大量呼出", "many calls after 30"),
        ("silent_days_before_7d", "raises", 30, {**OLD_LINE, **FEW}, "A07", "重新使用", "again after 30 days"),
        ("silent_days_before_7d", "raises", 49, WOKEN, "A07", "此前七周没有使用记录", "no record of use"),
        ("silent_days_before_7d", "lowers", 0, OLD_LINE, "B13", "没有较长时间的停用", "not out of use for long"),
        ("busy_lines_per_cell_count_7d", "raises", 1, {}, "A09", "没有其他号码", "no other number"),
        ("max_lines_per_device_count_28d", "lowers", 1, {}, "B15", "没有与其他号码共用终端", "no other number"),
        ("holder_lines_count", "raises", 5, {}, "A13", "5个在用号码，请确认是否均由本人使用", "please confirm"),
        ("night_call_share_7d", "lowers", 0.0, {}, "B13", "夜间（23点至6点）没有呼出", "no call went out at night"),
    ],
)  # fmt: skip
def test_sentences_of_hand_made_cases(
    *,
    wording: Wording,
    feature: str,
    direction: Direction,
    value: float,
    others: dict[str, float],
    code: str,
    zh: str,
    en: str,
) -> None:
    reason = wording.describe(feature, direction=direction, values={**others, feature: float(value)})
    assert reason.code == code
    assert zh in reason.zh
    assert en in reason.en[0].lower() + reason.en[1:]
    assert reason.facts[feature] == value


@pytest.mark.parametrize("feature", ["new_callees_count_7d", "out_calls_count_7d", "out_calls_vs_own_past_ratio_7d"])
@pytest.mark.parametrize(
    "past",
    [
        NEW_LINE,
        {},
        {"silent_days_before_7d": 5.0, "out_calls_vs_own_past_ratio_7d": 1.1},
        {**SILENT, "tenure_days": 26.0},
    ],
)
def test_own_past_is_mentioned_only_if_it_exists_and_was_exceeded(
    wording: Wording, feature: str, past: dict[str, float]
) -> None:
    values = {"out_calls_count_7d": 153.0, "new_callees_count_7d": 140.0, "out_calls_vs_own_past_ratio_7d": 1.1, **past}
    reason = wording.describe(feature, direction="raises", values=values)
    assert "明显" not in reason.zh
    assert not re.search("well above|far more", reason.en)


def test_a_fact_without_a_value_falls_back_to_a_sentence_without_it(wording: Wording) -> None:
    values = {"new_callees_count_7d": 153.0, "silent_days_before_7d": 5.0, "out_calls_vs_own_past_ratio_7d": math.nan}
    reason = wording.describe("new_callees_count_7d", direction="raises", values=values)
    assert reason.zh == "近7天您的号码向153个此前未联系过的号码拨出电话"
    assert reason.facts == {"new_callees_count_7d": 153.0}


@pytest.mark.parametrize("feature", [feature.name for feature in FEATURES])
def test_every_feature_has_a_sentence_for_any_value_in_either_direction(wording: Wording, feature: str) -> None:
    whole = feature.endswith("_share") or "_share_" in feature or BY_NAME[feature].unit in {"share", "0-1", "0/1"}
    values = (0.0, 0.004, 0.2, 0.5, 0.997, 1.0) if whole else (0.0, 1.0, 2.0, 14.0, 60.0, 400.0, 5475.0)
    for value, direction, calls in itertools.product(values, ("raises", "lowers"), (0.0, 300.0)):
        line = {"out_calls_count_7d": calls, **SILENT, feature: value}
        reason = wording.describe(feature, direction=direction, values=line, typical=0.3)
        assert reason.code[0] == ("A" if direction == "raises" else "B")
        for text in (reason.zh, reason.en):
            assert text.strip() == text != ""
            assert not re.search(r"[{}]|nan|inf", text)
            assert not re.search("诈|犯罪|嫌疑|fraud|scam|crim|suspect|threshold|score|阈值|分数", text.lower())
        assert reason.en[0].isupper() or reason.en[0].isdigit()


@pytest.mark.parametrize("feature", [feature.name for feature in FEATURES])
@pytest.mark.parametrize("direction", ["raises", "lowers"])
def test_numbers_in_a_sentence_are_facts_windows_or_definitions_never_limits(
    wording: Wording, feature: str, direction: Direction
) -> None:
    entry = BY_NAME[feature]
    for value in (0.0, 0.03, 0.3, 0.97, 1.0, 3.0, 77.0, 5475.0):
        reason = wording.describe(
            feature, direction=direction, values={"out_calls_count_7d": 77.0, **SILENT, feature: value}
        )
        formatted = " ".join(BY_UNIT[BY_NAME[name].unit](fact)[1] for name, fact in reason.facts.items())
        known = set(re.findall(r"[\d.]+", f"{formatted} {entry.label_en}")) | {"10", "23", "6", "9", "18", "7"}
        assert set(re.findall(r"\d[\d.]*", reason.en)) <= known


def test_sentences_use_the_maximum_values_of_their_features(wording: Wording) -> None:
    never = [s for s in wording.sentences["days_since_verification"] if "没有实人核验" in s.zh.text]
    assert [(name, least) for name, least, _ in never[0].ranges] == [("days_since_verification", MAX_TENURE_DAYS)]
    assert never[0].fits({"days_since_verification": 10.0 * MAX_TENURE_DAYS})
    assert not never[0].fits({"days_since_verification": math.inf})
    without_past = [s for s in wording.sentences["silent_days_before_7d"] if "此前七周没有" in s.zh.text]
    assert without_past[0].ranges[0][1] == HISTORY.days - 7


def test_a_column_may_have_any_name(wording: Wording) -> None:
    reason = wording.describe("{value} of {label}", direction="lowers", values={"{value} of {label}": 7.5})
    assert (reason.code, reason.zh, reason.en) == ("B99", "{value} of {label}：7.5", "{value} of {label}: 7.5")
