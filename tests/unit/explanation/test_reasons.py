"""Reasons: at most four, the largest first, each about a family that moved the line in its direction."""

import math
from collections.abc import Callable
from typing import Literal

import numpy as np
import numpy.typing as npt
import pytest

from linerisk.explanation import Wording, contributions, explain, feature_contributions, reason_codes
from linerisk.features.catalogue import BY_NAME, FEATURES
from linerisk.model.risk_model import FeatureColumn, RiskModel

Rows = npt.NDArray[np.float32]


def families_with_reasons(model: RiskModel, row: npt.NDArray[np.float32]) -> list[str]:
    """Families with a feature that has a value and moved the family in its direction."""
    parts = contributions(model, row[None])
    by_feature = feature_contributions(model, row[None])[0].tolist()
    return [
        family
        for k, family in enumerate(model.families)
        if any(
            math.isfinite(value) and column.family == family and amount * parts.by_family[0, k] > 0
            for column, value, amount in zip(model.columns, row.tolist(), by_feature, strict=True)
        )
    ]


def test_reasons_are_the_families_with_the_largest_contributions(
    model: RiskModel, lines: Rows, wording: Wording
) -> None:
    for row, explanation in zip(lines[:200], explain(model, lines[:200], wording), strict=True):
        assert set(explanation.contributions) == set(model.families)
        expected = families_with_reasons(model, row)
        largest = sorted(expected, key=lambda f: -abs(explanation.contributions[f]))[:4]
        named = [reason.family for reason in explanation.reasons]
        assert named[:3] == largest[:3]
        assert named[3] == largest[3] or len({reason.direction for reason in explanation.reasons[:3]}) == 1
        for reason in explanation.reasons:
            assert reason.contribution == explanation.contributions[reason.family]
            assert reason.direction == ("raises" if reason.contribution > 0 else "lowers")


def test_if_the_largest_agree_in_direction_the_last_reason_is_the_strongest_opposite_one(
    model: RiskModel, lines: Rows, wording: Wording
) -> None:
    one_sided = 0
    for row, explanation in zip(lines[:600], explain(model, lines[:600], wording), strict=True):
        amounts = {family: explanation.contributions[family] for family in families_with_reasons(model, row)}
        by_size = sorted(amounts.items(), key=lambda item: -abs(item[1]))
        sign = math.copysign(1, by_size[0][1])
        others = [(family, amount) for family, amount in by_size if amount * sign < 0]
        if all(amount * sign >= 0 for _, amount in by_size[:4]) and others and abs(others[0][1]) >= 0.1:
            one_sided += 1
            assert explanation.reasons[3].family == others[0][0]
    assert one_sided > 0


def test_every_reason_has_both_languages_and_facts_of_its_family(
    model: RiskModel, lines: Rows, wording: Wording
) -> None:
    reasons = [reason for explanation in explain(model, lines, wording) for reason in explanation.reasons]
    assert {reason.direction for reason in reasons} == {"raises", "lowers"}
    for reason in reasons:
        assert reason.zh
        assert reason.en
        assert reason.zh.isascii() is False
        assert "{" not in reason.zh + reason.en
        assert reason.code in wording.codes
        assert reason.code[0] == ("A" if reason.direction == "raises" else "B")
        assert all(math.isfinite(value) for value in reason.facts.values())
        assert BY_NAME[next(iter(reason.facts))].family == reason.family


def test_facts_equal_the_scored_values(model: RiskModel, lines: Rows, wording: Wording) -> None:
    for row, explanation in zip(lines[:100], explain(model, lines[:100], wording), strict=True):
        for reason in explanation.reasons:
            for name, value in reason.facts.items():
                assert np.float32(value) == row[model.feature_names.index(name)]


def test_a_reason_is_about_the_feature_that_moved_its_family_most(
    fit: Callable[..., RiskModel], wording: Wording
) -> None:
    rng = np.random.default_rng(8)
    rows = rng.random((3_000, 2)).astype(np.float32)
    columns = (FeatureColumn("out_of_town_share_7d", "places"), FeatureColumn("away_call_share_7d", "places"))
    model = fit(rows, columns, weights=(8.0, -3.0))
    high, low = explain(model, np.array([[0.95, 0.05], [0.02, 0.95]], dtype=np.float32), wording)
    assert set(high.reasons[0].facts) == {"out_of_town_share_7d"}
    assert (high.reasons[0].code, high.reasons[0].direction) == ("A02", "raises")
    assert "占比较高（95%）" in high.reasons[0].zh
    assert (low.reasons[0].code, low.reasons[0].direction) == ("B14", "lowers")
    assert "占比较低（2%）" in low.reasons[0].zh
    assert "low share of calls (2 %)" in low.reasons[0].en


def test_a_family_without_contribution_gives_no_reason(fit: Callable[..., RiskModel], wording: Wording) -> None:
    rng = np.random.default_rng(9)
    rows = rng.random((1_000, 2)).astype(np.float32)
    rows[:, 1] = 4.0  # no tree can split on it
    columns = (FeatureColumn("out_of_town_share_7d", "places"), FeatureColumn("distinct_devices_count_7d", "devices"))
    explanation = explain(fit(rows, columns, weights=(6.0, 0.0)), rows[:1], wording)[0]
    assert explanation.contributions["devices"] == 0
    assert [reason.family for reason in explanation.reasons] == ["places"]


def test_columns_outside_the_catalogue_are_described_by_their_names(
    fit: Callable[..., RiskModel], wording: Wording
) -> None:
    rng = np.random.default_rng(10)
    rows = (rng.random((1_000, 2)) * 100).astype(np.float32)
    rows[0, 0], rows[1] = np.nan, (99, 99)
    columns = (FeatureColumn("monthly_fee", "money", 50.0), FeatureColumn("data_mb", "usage"))
    explanations = explain(fit(rows, columns, weights=(9.0, -2.0)), rows[:40], wording)
    missing, high = explanations[:2]
    by_family = {reason.family: reason for reason in high.reasons}
    assert (by_family["money"].zh, by_family["money"].en) == ("monthly_fee：99", "monthly_fee: 99")
    assert by_family["money"].facts == {"monthly_fee": 99.0}
    assert by_family["usage"].en.startswith("data_mb: ")
    codes = {reason.direction: reason.code for explanation in explanations for reason in explanation.reasons}
    assert codes == {"raises": "A99", "lowers": "B99"}
    assert missing.contributions["money"] != 0
    assert [reason.family for reason in missing.reasons] == ["usage"]


def test_a_missing_value_is_no_reason_and_the_next_feature_of_its_family_is_used(
    fit: Callable[..., RiskModel], wording: Wording
) -> None:
    rng = np.random.default_rng(11)
    rows = rng.random((3_000, 2)).astype(np.float32)
    rows[:600, 0] = np.nan
    columns = (FeatureColumn("out_of_town_share_7d", "places"), FeatureColumn("away_call_share_7d", "places"))
    model = fit(rows, columns, weights=(8.0, 3.0))
    rows = np.array([[np.nan, 0.95], [np.nan, np.nan]], dtype=np.float32)
    one, none = explain(model, rows, wording)
    by_feature = feature_contributions(model, rows)
    assert by_feature[0, 0] > by_feature[0, 1] > 0
    assert [list(reason.facts) for reason in one.reasons] == [["away_call_share_7d"]]
    assert one.reasons[0].contribution == one.contributions["places"]
    assert none.reasons == ()
    assert none.contributions["places"] == pytest.approx(float(by_feature[1].sum()), abs=1e-12)
    assert none.contributions["places"] != 0


def test_a_line_has_no_duplicate_reason_text(model: RiskModel, lines: Rows, wording: Wording) -> None:
    quiet = np.minimum(lines, np.float32(1.0))
    for explanation in explain(model, np.concatenate([lines, quiet, np.zeros_like(lines[:1])]), wording):
        for texts in ([r.zh for r in explanation.reasons], [r.en for r in explanation.reasons]):
            assert len(set(texts)) == len(texts)


@pytest.mark.parametrize("rows", [1, 7])
def test_every_row_gets_its_own_explanation_in_order(
    model: RiskModel, lines: Rows, wording: Wording, rows: int
) -> None:
    explanations = explain(model, lines[:rows], wording)
    log_odds = model.calibration.log_odds(model.margin(lines[:rows]))
    totals = [e.base + e.calibration + sum(e.contributions.values()) for e in explanations]
    assert totals == pytest.approx(log_odds.tolist(), abs=1e-9)


# Codes only, for many rows --------------------------------------------------------------------------------------------


def codes_of(model: RiskModel, rows: Rows, wording: Wording) -> list[list[str]]:
    return [[code for code in line if code] for line in reason_codes(model, rows, wording).tolist()]


def test_reason_codes_equal_the_codes_of_the_reasons(model: RiskModel, lines: Rows, wording: Wording) -> None:
    expected = [[reason.code for reason in explanation.reasons] for explanation in explain(model, lines, wording)]
    assert codes_of(model, lines, wording) == expected
    assert len({code for line in expected for code in line}) > 15


def test_codes_of_a_model_with_fewer_families_than_reasons_and_columns_of_its_own(
    fit: Callable[..., RiskModel], wording: Wording
) -> None:
    rng = np.random.default_rng(12)
    rows = (rng.random((1_000, 2)) * 1_200).astype(np.float32)
    rows[0], rows[1, 0] = np.nan, np.nan
    columns = (FeatureColumn("tenure_days", "tenure"), FeatureColumn("monthly_fee", "money"))
    codes = codes_of(fit(rows, columns, weights=(-6.0, 4.0)), rows, wording)
    assert codes[0] == []
    assert set(codes[1]) < {"A99", "B99"}
    # B01 is a merit that needs a fitting value, B16 an ordinary value of the same column.
    assert {code for line in codes for code in line} == {"A06", "B01", "B16", "A99", "B99"}


def test_no_rows_give_no_codes(model: RiskModel, lines: Rows, wording: Wording) -> None:
    assert codes_of(model, lines[:0], wording) == []


@pytest.mark.parametrize("direction", ["raises", "lowers"])
def test_a_code_depends_only_on_the_columns_of_codes_rest_on(
    wording: Wording, direction: Literal["raises", "lowers"], lines: Rows
) -> None:
    names = [feature.name for feature in FEATURES]
    for line in lines[:40].tolist():
        values = dict(zip(names, line, strict=True))
        for name in names:
            if math.isfinite(values[name]):
                deciding = wording.columns_deciding_code(name, direction=direction)
                only = {other: values[other] for other in deciding}
                code = wording.describe(name, direction=direction, values=values).code
                assert wording.code(name, direction=direction, values=only) == code
