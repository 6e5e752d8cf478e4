"""The catalogue as a whole: what every feature must say of itself, and what none may look at."""

import re
from pathlib import Path

import pytest

from linerisk.errors import InputError
from linerisk.features.catalogue import BY_NAME, FEATURE_NAMES, FEATURES, WITH_REFERENCE, Features
from linerisk.features.manual import load_specs, render
from linerisk.features.segments import COMPARED
from linerisk.features.spec import Spec
from linerisk.features.stages import FAMILIES, RECORD_COLUMNS
from linerisk.tables.schemas import Records

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

# Law forbids deciding by them, or they are what was said rather than that it was.
FORBIDDEN_WORDS = re.compile(
    r"\b(sex|gender|male|female|ethnic\w*|nationalit\w*|religio\w*|disab\w*|province|birth\w*|content\w*|keyword\w*"
    r"|transcript\w*|recording|social insurance)\b"
    r"|性别|民族|省份|残疾|宗教|内容|社保"
)


def test_every_feature_has_an_example() -> None:
    shown = {name for specs in load_specs(HERE).values() for spec in specs for name in spec.values}
    assert [name for name in FEATURE_NAMES if name not in shown] == []


def test_examples_stand_with_the_family_of_a_feature_they_show() -> None:
    for family, specs in load_specs(HERE).items():
        for spec in specs:
            assert family in {BY_NAME[name].family for name in spec.values}, spec.says


def test_the_manual_is_current() -> None:
    """If not: `python -m linerisk.features.manual`."""
    assert (ROOT / "docs" / "features.md").read_text(encoding="utf-8") == render(load_specs(HERE))


def test_a_family_without_examples_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError) as raised:
        load_specs(tmp_path)
    assert "test_activity.py" in str(raised.value.expected)


def test_an_example_with_a_broken_table_is_refused() -> None:
    with pytest.raises(InputError) as raised:
        Spec("", {}, "ago | peer\n1h").found()
    assert raised.value.found == "1h"
    with pytest.raises(InputError):
        Spec("", {}, "ago\nyesterday").found()


def test_the_table_of_features_has_the_columns_of_the_catalogue() -> None:
    assert Features.column_names() == ["line_key", *FEATURE_NAMES]
    assert Features.primary_key() == ["line_key"]


def test_names_labels_and_meanings_are_unique_and_complete() -> None:
    assert len(set(FEATURE_NAMES)) == len(FEATURES)
    assert len({feature.label_zh for feature in FEATURES}) == len(FEATURES)
    assert len({feature.label_en for feature in FEATURES}) == len(FEATURES)
    for feature in FEATURES:
        assert feature.family in FAMILIES
        assert feature.meaning, feature.name
        assert feature.null_means, feature.name
        assert re.search(r"[\u4e00-\u9fff]", feature.label_zh), feature.name
        assert feature.label_en.isascii(), feature.name


def test_names_end_with_their_window_and_hold_their_unit() -> None:
    for feature in FEATURES:
        if feature.window != "now":
            assert feature.name.endswith(f"_{feature.window}")
        if feature.unit in {"count", "share"}:
            assert f"_{feature.unit}" in feature.name


def test_reason_codes_are_those_of_the_wording() -> None:
    for feature in FEATURES:
        assert re.fullmatch(r"A(0[1-9]|1[0-4])", feature.reason_code), feature.name
        assert feature.lowers_code is None or re.fullmatch(r"B0[1-3]", feature.lowers_code), feature.name


def test_what_protects_can_only_lower_the_risk_and_says_so() -> None:
    """The tier promise stands on these: age, verification and declared use never raise a tier."""
    constrained = {f.name: f.monotone for f in FEATURES if f.monotone and f.name not in COMPARED}
    assert constrained == {
        "tenure_days": -1,
        "number_age_days": -1,
        "customer_days": -1,
        "days_since_port_in": -1,
        "days_to_burst_28d": -1,
        "days_since_verification": 1,
        "use_declared": -1,
    }
    assert all(BY_NAME[name].lowers_code for name in constrained)


def test_a_feature_that_other_lines_move_says_so() -> None:
    for name in WITH_REFERENCE:
        assert re.search(r"other lines (do|are found)", BY_NAME[name].meaning), name
        assert "reference" in BY_NAME[name].null_means, name


def test_no_feature_looks_at_the_person_or_at_what_was_said() -> None:
    for feature in FEATURES:
        for text in (feature.name.replace("_", " "), feature.meaning, feature.label_zh, feature.label_en.lower()):
            assert not FORBIDDEN_WORDS.search(text), feature.name


def test_records_are_read_without_their_handset_model_and_hold_no_content() -> None:
    assert set(Records.column_names()) - set(RECORD_COLUMNS) == {"device_model"}
    assert not [name for name in RECORD_COLUMNS if FORBIDDEN_WORDS.search(name.replace("_", " "))]
