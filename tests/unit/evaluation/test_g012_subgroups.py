"""G012: no group of lines has a far higher false-positive rate than the others."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl
import pytest

from linerisk.evaluation.evaluate import Evaluation
from linerisk.evaluation.gates.run import Outcome
from linerisk.evaluation.subgroups import MOST_GROUPS, OTHERS, UNKNOWN, account_groups, measure_subgroups, tenure_groups
from linerisk.model.risk_model import RiskModel
from linerisk.training.examples import Slices


def test_g012_passes_where_groups_have_similar_rates(bench: Any, evaluation: Evaluation) -> None:
    assert bench.answer("G012", evaluation).outcome is Outcome.PASSED
    assert evaluation.subgroups is not None
    assert {group.attribute for group in evaluation.subgroups} == {"tenure", "plan", "area"}


def test_g012_fails_where_only_legitimate_lines_of_one_plan_make_many_calls(bench: Any, slices: Slices) -> None:
    # Sellers on the enterprise plan make as many calls as fraud does, and training has no such line.
    sellers = np.arange(len(slices.test)) % 10 == 0
    rows = slices.test.rows.copy()
    rows[sellers, bench.names.index("out_calls_count_7d")] = 400.0
    test = replace(slices.test, rows=rows, fraud=slices.test.fraud & ~sellers)
    groups = bench.groups(slices) | {"plan": np.where(sellers, "enterprise", "prepaid")}
    answer = bench.answer("G012", bench.measure(bench.fit(slices), replace(slices, test=test), groups=groups))
    assert answer.outcome is Outcome.FAILED
    assert "plan enterprise" in answer.finding


@pytest.mark.parametrize("lacking", ["plan", "area"])
def test_g012_fails_where_an_attribute_was_not_measured(
    bench: Any, model: RiskModel, slices: Slices, lacking: str
) -> None:
    groups = {name: group for name, group in bench.groups(slices).items() if name != lacking}
    answer = bench.answer("G012", bench.measure(model, slices, groups=groups))
    assert (answer.outcome, answer.finding) == (Outcome.FAILED, f"not measured by {lacking}")


@pytest.mark.parametrize("how", ["with times", "without"])
def test_g012_does_not_apply_to_a_table_without_groups(bench: Any, model: RiskModel, slices: Slices, how: str) -> None:
    columns = tuple(
        replace(column, name="days") if column.name == "tenure_days" else column for column in slices.test.columns
    )
    assert columns != slices.test.columns
    test = replace(slices.test, columns=columns, as_of=slices.test.as_of if how == "with times" else None)
    answer = bench.answer("G012", bench.measure(model, replace(slices, test=test), groups=None, accounts=False))
    assert answer.outcome is Outcome.NOT_APPLICABLE
    assert answer.finding == ("no group is known: the table has no accounts (plan, area) and no column tenure_days")


def test_g012_uses_tenure_alone_for_a_table_without_accounts(bench: Any, model: RiskModel, slices: Slices) -> None:
    table = bench.measure(model, slices, groups=None, accounts=False)
    assert {group.attribute for group in table.subgroups} == {"tenure"}
    assert bench.answer("G012", table).outcome is Outcome.PASSED
    lost = bench.answer("G012", replace(table, subgroups=None))
    assert (lost.outcome, lost.finding) == (Outcome.FAILED, "not measured")


def test_g012_fails_where_a_store_has_accounts_but_no_groups_are_given(
    bench: Any, model: RiskModel, slices: Slices
) -> None:
    answer = bench.answer("G012", bench.measure(model, slices, groups=None))
    assert (answer.outcome, answer.finding) == (Outcome.FAILED, "not measured")


def test_g012_passes_without_false_positives(bench: Any, model: RiskModel, slices: Slices) -> None:
    unreachable = replace(model, cuts=tuple(replace(cut, margin=cut.margin + 100) for cut in model.cuts))
    answer = bench.answer("G012", bench.measure(unreachable, slices))
    assert (answer.outcome, answer.finding) == (Outcome.PASSED, "no legitimate line was raised")


def measured(raised: list[int], lines: list[int]) -> dict[str, Any]:
    """Subgroups a, b, ... with given numbers of legitimate lines, and of raised ones among them."""
    group = np.repeat([chr(97 + number) for number in range(len(lines))], lines)
    flags = np.concatenate([np.arange(size) < hits for hits, size in zip(raised, lines, strict=True)])
    seen = measure_subgroups(flags, np.zeros(len(flags), dtype=np.bool_), {"plan": group})
    return {one.group: one for one in seen}


def test_a_group_is_compared_with_all_other_lines() -> None:
    a = measured([10, 10], [100, 1000])["a"]
    assert (a.legitimate, a.false_positives, a.share.value) == (100, 10, 0.1)
    assert a.ratio.value == pytest.approx(10)
    assert 1 < a.ratio.low < 10 < a.ratio.high


def test_the_only_group_with_false_positives_has_an_infinite_ratio_and_a_finite_bound() -> None:
    a = measured([5, 0], [100, 900])["a"]
    assert a.ratio.value == a.ratio.high == np.inf
    assert 3 < a.ratio.low < 100


def test_the_lower_bound_of_the_ratio_has_its_nominal_error_rate() -> None:
    rng = np.random.default_rng(0)
    wrong = [
        measured([rng.binomial(300, 0.02), rng.binomial(1500, 0.02)], [300, 1500])["a"].ratio.low > 1
        for _ in range(400)
    ]
    assert np.mean(wrong) <= 0.025


def test_fraud_lines_are_not_counted_as_false_positives() -> None:
    raised, fraud = np.array([True, True, False]), np.array([True, False, False])
    (only,) = measure_subgroups(raised, fraud, {"plan": np.array(["x", "x", "x"])})
    assert (only.legitimate, only.false_positives) == (2, 1)


def test_the_smallest_of_many_groups_are_merged() -> None:
    group = np.repeat([f"{number:02}" for number in range(30)], np.arange(30, 60))
    flags = np.zeros(len(group), dtype=np.bool_)
    seen = measure_subgroups(flags, flags, {"area": group})
    assert len(seen) == MOST_GROUPS
    assert seen[-1].group == OTHERS
    assert sum(one.legitimate for one in seen) == len(group)


def test_tenure_bands_start_at_their_lower_ends() -> None:
    days = np.array([0, 29, 30, 1824, 1825, 5475, np.nan], dtype=np.float32)
    assert tenure_groups(days).tolist() == [
        "0 to 29 days",
        "0 to 29 days",
        "30 to 179 days",
        "730 to 1824 days",
        "1825 days and more",
        "1825 days and more",
        UNKNOWN,
    ]


def test_account_groups_are_those_known_as_of_the_instant() -> None:
    january, september = datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 9, 1, tzinfo=UTC)
    known = pl.LazyFrame(
        {
            "line_key": [1, 1, 2],
            "known_at": [january, september, january],
            "plan_kind": ["prepaid", "enterprise", "iot"],
            "home_area": [440300, 110100, None],
        }
    )
    groups = account_groups(known, np.array([2, 1, 3]), as_of=datetime(2024, 6, 1, tzinfo=UTC))
    assert groups["plan"].tolist() == ["iot", "prepaid", UNKNOWN]
    assert groups["area"].tolist() == [UNKNOWN, "440300", UNKNOWN]
