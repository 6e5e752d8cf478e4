"""Rules of sentences: no history of a young line, no "high" share of few calls, comparisons on one side only."""

import itertools
import math
import re

import pytest

from linerisk.explanation import Wording
from linerisk.explanation.reason_text import Direction
from linerisk.features.catalogue import BY_NAME, FEATURES

RATIO = "out_calls_vs_own_past_ratio_7d"
OLD = {"tenure_days": 900.0, "silent_days_before_7d": 2.0}
YOUNG = {"tenure_days": 26.0}
NAMES = [feature.name for feature in FEATURES]
SHARES = [name for name in NAMES if BY_NAME[name].unit == "share"]


@pytest.mark.parametrize(
    ("values", "zh", "en"),
    [
        (
            {**OLD, "out_calls_count_28d": 240.0, "out_calls_count_7d": 0.0},
            "此前几周呼出较多，近7天明显减少（近28天呼出240次，其中近7天0次）",
            "(240 calls in the last 28 days, 0 of them in the last 7 days)",
        ),
        (
            {**OLD, "out_calls_count_28d": 90.0, "out_calls_count_7d": 25.0},
            "此前几周呼出较多，近7天明显减少",
            "Your number called much in the weeks before and much less in the last 7 days",
        ),
        (
            {**YOUNG, "out_calls_count_28d": 90.0, "out_calls_count_7d": 5.0},
            "号码开通至今26天，前一段时间呼出较多，近7天明显减少",
            "Your number was opened 26 days ago; it called much at first and much less in the last 7 days",
        ),
        (
            {**OLD, "out_calls_count_28d": 8.0, "out_calls_count_7d": 0.0},
            "近28天呼出8次，其中近7天呼出0次",
            "Calls from your number in the last 28 days: 8, of these in the last 7 days: 0",
        ),
        (
            {**OLD, "out_calls_count_28d": 0.0, "out_calls_count_7d": 0.0},
            "号码近28天没有呼出，更早的几周有过呼出",
            "No call went out in the last 28 days; in the weeks before these some did",
        ),
    ],
)
def test_a_burst_that_has_stopped_is_described_as_one(
    wording: Wording, values: dict[str, float], zh: str, en: str
) -> None:
    reason = wording.describe(RATIO, direction="raises", values={**values, RATIO: 0.2})
    assert reason.zh == zh
    assert reason.en.endswith(en)


def test_less_use_than_before_is_described_plainly_if_it_lowers_the_risk(wording: Wording) -> None:
    reason = wording.describe(RATIO, direction="lowers", values={**OLD, RATIO: 0.4, "out_calls_count_7d": 3.0})
    assert reason.zh == "近7天的呼出次数少于您此前七周的周均用量"


@pytest.mark.parametrize("feature", NAMES)
@pytest.mark.parametrize("tenure", [26.0, 55.0, math.nan])
def test_a_number_younger_than_seven_weeks_is_not_compared_with_seven_weeks(
    wording: Wording, feature: str, tenure: float
) -> None:
    own = [0.0, 0.3, 1.0, 5.0, 30.0, 49.0, 154.0]
    directions: tuple[Direction, ...] = ("raises", "lowers")
    for value, direction, silent, ratio in itertools.product(own, directions, (2.0, 30.0, 49.0), (0.2, 1.0, 9.0)):
        line = {
            "out_calls_count_7d": 154.0,
            "out_calls_count_28d": 200.0,
            "silent_days_before_7d": silent,
            RATIO: ratio,
            "tenure_days": tenure,
            feature: value,
        }
        if line["tenure_days"] >= 56:  # the feature is the tenure itself
            continue
        reason = wording.describe(feature, direction=direction, values=line)
        assert not re.search("此前七周|此前几周|停用", reason.zh)
        assert not re.search("seven weeks|weeks before|out of use", reason.en)


@pytest.mark.parametrize(
    ("feature", "value", "zh"),
    [
        (RATIO, 154.0, "号码开通至今26天，近7天呼出153次"),
        ("silent_days_before_7d", 49.0, "号码开通至今26天，近7天才开始使用"),
        ("silent_days_before_7d", 15.0, "号码开通至今26天，其间15天未使用，近7天重新使用"),
        ("new_callees_count_7d", 140.0, "号码开通至今26天，近7天向140个此前未联系过的号码拨出电话"),
    ],
)
def test_a_young_number_is_described_by_its_age(wording: Wording, feature: str, value: float, zh: str) -> None:
    line = {"out_calls_count_7d": 153.0, "silent_days_before_7d": 49.0, RATIO: 154.0, **YOUNG, feature: value}
    assert wording.describe(feature, direction="raises", values=line).zh == zh


def line_with_counts(feature: str, count: float) -> dict[str, float]:
    """A line with `count` outgoing calls, parties, texts and incoming calls in every window."""
    counts = ("out_calls_count", "distinct_callees_count", "text_recipients_count", "in_calls_count")
    line = {f"{name}_{window}": count for name in counts for window in ("1h", "24h", "7d", "28d")}
    return {name: value for name, value in line.items() if name in BY_NAME and name != feature}


@pytest.mark.parametrize("feature", SHARES)
@pytest.mark.parametrize("calls", [1.0, 4.0])
def test_a_share_of_fewer_than_five_is_never_called_high_or_most(wording: Wording, feature: str, calls: float) -> None:
    for value in (0.25, 0.5, 0.75, 1.0):
        reason = wording.describe(
            feature, direction="raises", values={**line_with_counts(feature, calls), feature: value}, typical=0.1
        )
        assert not re.search("较高|大多|几乎|多、来电少", reason.zh)
        assert not re.search("high share|most (calls|numbers|answered)|hardly|many calls", reason.en)


def test_few_calls_are_stated_as_a_count(wording: Wording) -> None:
    line = {"out_calls_count_28d": 1.0, "out_of_town_share_28d": 1.0}
    reason = wording.describe("out_of_town_share_28d", direction="raises", values=line, typical=0.2)
    assert reason.zh == "近28天您的号码仅呼出1次，拨往外地（既非归属地也非所在地）的占100%"
    assert reason.facts == {"out_of_town_share_28d": 1.0, "out_calls_count_28d": 1.0}
    reason = wording.describe("out_of_town_share_28d", direction="raises", values={**line, "out_calls_count_28d": 5.0})
    assert "占比较高（100%）" in reason.zh


NEVER_0 = {
    "top_callee_share_24h",
    "top_callee_share_7d",
    "top_callee_share_28d",
    "distinct_callee_areas_count_24h",
    "distinct_callee_areas_count_7d",
    "distinct_visited_areas_count_7d",
    "distinct_visited_areas_count_28d",
    "distinct_cells_count_24h",
    "distinct_cells_count_7d",
    "distinct_devices_count_7d",
    "distinct_devices_count_28d",
    "max_lines_per_device_count_28d",
}
"""These are missing, not 0, if there is nothing to count."""
COMPARISON = "于多数正常号码|typical line"


@pytest.mark.parametrize("feature", NAMES)
def test_a_value_that_lowers_the_risk_has_no_comparison(wording: Wording, feature: str) -> None:
    for value, typical, calls in itertools.product((0.0, 0.3, 1.0, 60.0), (0.5, 40.0), (1.0, 300.0)):
        values = {**line_with_counts(feature, calls), feature: value}
        reason = wording.describe(feature, direction="lowers", values=values, typical=typical)
        assert not re.search(COMPARISON, reason.zh + reason.en)


@pytest.mark.parametrize("feature", NAMES)
def test_a_feature_is_compared_on_one_side_only(wording: Wording, feature: str) -> None:
    sides = set()
    for value, typical, calls in itertools.product((0.0, 0.004, 0.3, 1.0, 3.0, 60.0), (0.5, 40.0), (1.0, 300.0)):
        values = {**line_with_counts(feature, calls), feature: value}
        reason = wording.describe(feature, direction="raises", values=values, typical=typical)
        sides |= set(re.findall("[多高长少低短]于多数正常号码", reason.zh))
        if sides:
            assert bool(re.search("于多数", reason.zh)) == bool(re.search("typical line", reason.en))
    assert len(sides) <= 1


@pytest.mark.parametrize(
    ("feature", "value", "typical", "zh", "en"),
    [
        ("distinct_callees_count_7d", 60.0, 12.0, "60个不同号码，多于多数正常号码", "more than a typical line"),
        ("in_calls_count_28d", 3.0, 40.0, "3次来电，少于多数正常号码", "fewer than a typical line"),
        ("mean_call_duration_s_7d", 14.0, 70.0, "14秒，短于多数正常号码", "shorter than on a typical line"),
        ("short_call_share_7d", 0.3, 0.1, "占30%，高于多数正常号码", "above a typical line"),
        ("distinct_callees_count_7d", 3.0, 12.0, "3个不同号码", "different numbers"),
        ("distinct_callees_count_7d", 12.0, 12.3, "12个不同号码", "different numbers"),  # equal texts
        ("distinct_callees_count_7d", 12.0, math.nan, "12个不同号码", "different numbers"),
        ("distinct_callees_count_7d", 12.0, None, "12个不同号码", "different numbers"),
        ("same_block_callee_share_7d", 0.004, 0.0005, "相近号码的占不到1%", "just before"),
    ],
)
def test_a_value_is_compared_with_a_typical_line_on_its_unusual_side(
    *, wording: Wording, feature: str, value: float, typical: float | None, zh: str, en: str
) -> None:
    values = {**line_with_counts(feature, 300.0), feature: value}
    reason = wording.describe(feature, direction="raises", values=values, typical=typical)
    assert reason.zh.endswith(zh)
    assert en in reason.en


def test_a_request_is_not_followed_by_a_comparison(wording: Wording) -> None:
    reason = wording.describe("holder_lines_count", direction="raises", values={"holder_lines_count": 5.0}, typical=1.0)
    assert reason.zh == "同一证件名下有5个在用号码，请确认是否均由本人使用"
    assert reason.en.endswith("please confirm that they are yours")


@pytest.mark.parametrize("feature", NAMES)
def test_every_reason_is_a_sentence_not_a_label_with_a_value(wording: Wording, feature: str) -> None:
    unit = BY_NAME[feature].unit
    shares = {"share": (0.0, 0.004, 0.3, 0.83, 1.0), "0-1": (0.0, 0.3, 0.83, 1.0), "0/1": (0.0, 1.0)}
    own = [v for v in shares.get(unit, (0.0, 1.0, 2.0, 7.0, 289.0)) if v > 0 or feature not in NEVER_0]
    directions: tuple[Direction, ...] = ("raises", "lowers")
    for value, direction, calls in itertools.product(own, directions, (1.0, 300.0)):
        line = {
            **line_with_counts(feature, calls),
            **OLD,
            RATIO: 1.6,
            "distinct_callee_areas_count_24h": 4.0,
            "distinct_callee_areas_count_7d": 4.0,
            feature: value,
        }
        reason = wording.describe(feature, direction=direction, values=line, typical=0.5)
        assert reason.zh != f"{BY_NAME[feature].label_zh}：{reason.zh.rpartition('：')[2]}"
        assert "占0%，" not in reason.zh


def test_a_place_without_a_window_gets_the_window_of_its_feature(wording: Wording) -> None:
    for window in ("24h", "7d", "28d"):
        share = f"out_of_town_share_{window}"
        reason = wording.describe(share, direction="lowers", values={share: 0.5, f"out_calls_count_{window}": 2.0})
        assert reason.facts == {share: 0.5, f"out_calls_count_{window}": 2.0}
