"""A reasons file that lacks texts for a feature, a code or a language is refused."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from linerisk.errors import PolicyError
from linerisk.explanation import Wording

SHIPPED = Path(__file__).parents[3] / "policies"


@pytest.fixture
def change(tmp_path: Path) -> Callable[[str, str], Path]:
    shutil.copy(SHIPPED / "reasons.toml", tmp_path)

    def replace_text(old: str, new: str) -> Path:
        file = tmp_path / "reasons.toml"
        text = file.read_text(encoding="utf-8")
        assert old in text
        file.write_text(text.replace(old, new), encoding="utf-8")
        return tmp_path

    return replace_text


ADDED = """
[[sentences]]
features = ["{feature}"]
zh = "{zh}"
en = "{en}"
{more}

# Contacts"""


@pytest.mark.parametrize(
    ("feature", "zh", "en", "more", "found"),
    [
        ("social_insurance", "社保", "insurance", "", "social_insurance"),
        ("tenure_days", "{age_years}", "{age_years}", "", "age_years"),
        ("tenure_days", "{value}", "old", "", "[]"),
        ("tenure_days", "{window}", "{window}", "", "tenure_days"),
        ("tenure_days", "x", "x", "when = { wealth = { at_least = 1 } }", "wealth"),
        ("tenure_days", "x", "x", 'code = "B99"', "B99"),
        ("tenure_days", "x", "x", 'code = "B01"\ndirection = "raises"', "B01"),
        ("tenure_days", "x", "x", "missing = true", "True"),
        ("tenure_days", "x", "x", "compare = true", "True"),
        ("tenure_days", "x", "x", 'compare = "above"\ndirection = "lowers"', "above"),
        ("tenure_days", "{out_calls_count}", "{out_calls_count}", "", "out_calls_count"),
        ("in_calls_count_28d", "x", "x", "when = { active_hours_count = { at_least = 1 } }", "active_hours_count"),
        ("tenure_days", "", "x", "", "''"),
        ("tenure_days", "x", "x", 'direction = "upwards"', "upwards"),
    ],
)
def test_the_error_names_a_wrong_sentence(
    *, change: Callable[[str, str], Path], feature: str, zh: str, en: str, more: str, found: str
) -> None:
    added = ADDED.format(feature=feature, zh=zh, en=en, more=more)
    with pytest.raises(PolicyError, match=r"reasons\.toml") as error:
        Wording.load(change("\n# Contacts", added))
    assert str(error.value.field).startswith("sentences.")
    assert found in str(error.value.found)


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("\nA06 = ", "\nA36 = ", "active_days_count_28d"),
        ("\nB14 = ", "\nB34 = ", "families.places"),
        ('raises = "A99"', 'raises = "A77"', "unknown.raises"),
        ("\nA99 = ", "\nOTHER = ", "codes.OTHER.[key]"),
        ("\nnetwork = ", "\nnetworks = ", "families"),
        ("\n28d = ", "\n29d = ", "windows"),
        ('{ zh = "{label}：{value}"', '{ zh = "{value}"', "plain.value.zh"),
        ('code = "B02"\n', "", "sentences"),
        ("号码使用预付费套餐", "", "sentences"),
    ],
)
def test_the_error_names_a_wrong_key(change: Callable[[str, str], Path], old: str, new: str, field: str) -> None:
    with pytest.raises(PolicyError) as error:
        Wording.load(change(old, new))
    assert str(error.value.field).startswith(field)


def test_a_yes_no_feature_needs_a_sentence_for_both_values(change: Callable[[str, str], Path]) -> None:
    old = 'features = ["is_prepaid"]\nwhen = { value = { at_most = 0 } }'
    with pytest.raises(PolicyError, match="yes and no of is_prepaid"):
        Wording.load(change(old, old.replace("at_most = 0", "at_least = 1")))


def test_a_feature_without_a_sentence_falls_back_to_its_label(change: Callable[[str, str], Path]) -> None:
    old = 'features = ["main_cell_share_24h", "main_cell_share_7d"]'
    wording = Wording.load(change(old, old.replace("main_cell_share_7d", "away_call_share_7d")))
    reason = wording.describe("main_cell_share_7d", direction="raises", values={"main_cell_share_7d": 0.5})
    assert (reason.code, reason.zh) == ("A09", "近7天最常用位置的占比：50%")
