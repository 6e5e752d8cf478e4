"""Values are formatted by unit, and rounding never changes a claim."""

import pytest

from linerisk.explanation.value_text import BY_UNIT
from linerisk.features.catalogue import FEATURES


@pytest.mark.parametrize(
    ("unit", "value", "zh", "en"),
    [
        ("share", 0.0, "0%", "0 %"),
        ("share", 0.004, "不到1%", "less than 1 %"),
        ("share", 0.934, "93%", "93 %"),
        ("share", 0.999, "99%以上", "over 99 %"),
        ("share", 1.0, "100%", "100 %"),
        ("count", 153.0, "153", "153"),
        ("days", 0.0, "不到1天", "less than a day"),
        ("days", 1.0, "1天", "1 day"),
        ("days", 364.0, "364天", "364 days"),
        ("days", 365.0, "1年", "1 year"),
        ("days", 729.0, "1.9年", "1.9 years"),
        ("days", 5474.0, "14.9年", "14.9 years"),
        ("days", 5475.0, "15年以上", "15 years or more"),
        ("s", 14.4, "14秒", "14 s"),
        ("s", 90.0, "1.5分钟", "1.5 min"),
        ("s", 5400.0, "1.5小时", "1.5 h"),
        ("ratio", 1.26, "1.3", "1.3"),
        ("0-1", 0.934, "0.93", "0.93"),
        ("0/1", 1.0, "是", "yes"),
        ("0/1", 0.0, "否", "no"),
    ],
)
def test_values_are_formatted_by_unit(unit: str, value: float, zh: str, en: str) -> None:
    assert BY_UNIT[unit](value) == (zh, en)


def test_every_unit_of_the_catalogue_has_a_format() -> None:
    assert {feature.unit for feature in FEATURES} <= set(BY_UNIT)
