"""Tier flips: counts, directions and causes on synthetic lines and on models changed by hand."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from linerisk.evaluation.gates.run import run_gates
from linerisk.evaluation.report.render import comparison_page
from linerisk.evaluation.tier_flips import CUT_POINT, MOST_EXAMPLES, TierFlips, tier_flips
from linerisk.model.risk_model import RiskModel
from linerisk.model.tiers import TIERS
from linerisk.training.examples import Slices


@pytest.fixture(scope="module")
def champion(bench: Any, slices: Slices) -> RiskModel:
    """A model that ignores devices, because their column was constant in training."""
    constant = replace(slices.train, rows=slices.train.rows.copy())
    constant.rows[:, -1] = 1.0
    fitted: RiskModel = bench.fit(replace(slices, train=constant))
    return replace(fitted, version="1")


@pytest.fixture(scope="module")
def flips(champion: RiskModel, model: RiskModel, slices: Slices) -> TierFlips:
    report = tier_flips(champion, model, slices.test)
    assert report is not None
    return report


def test_a_model_against_itself_has_no_tier_flips(model: RiskModel, slices: Slices) -> None:
    report = tier_flips(model, model, slices.test)
    assert report is not None
    assert (report.moved, report.explained, report.causes, report.examples) == (0, 0, (), ())
    assert sum(map(sum, report.all_lines)) == len(slices.test)


def test_the_flip_table_counts_every_line_once_by_label(
    flips: TierFlips, champion: RiskModel, model: RiskModel, slices: Slices
) -> None:
    before = champion.tier(champion.margin(slices.test.rows))
    after = model.tier(model.margin(slices.test.rows))
    for row in range(len(TIERS)):
        for column in range(len(TIERS)):
            in_cell = (before == row) & (after == column)
            assert flips.fraud[row][column] == (in_cell & slices.test.fraud).sum()
            assert flips.legitimate[row][column] == (in_cell & ~slices.test.fraud).sum()
    assert flips.moved == (before != after).sum() > 0
    assert sum(flips.counts.values()) == flips.moved


def test_a_family_that_only_the_challenger_uses_is_the_main_cause_of_flips_up(flips: TierFlips) -> None:
    up = {cause.cause: cause.up_fraud + cause.up_legitimate for cause in flips.causes}
    assert max(up, key=lambda cause: up[cause]) == "devices"
    assert sum(cause.flips for cause in flips.causes) == flips.explained == flips.moved


def test_a_lowered_cut_point_is_the_cause_where_margins_are_equal(model: RiskModel, slices: Slices) -> None:
    lowered = replace(model, cuts=(replace(model.cuts[0], margin=model.cuts[0].margin - 1.0), *model.cuts[1:]))
    report = tier_flips(model, lowered, slices.test)
    assert report is not None
    assert [cause.cause for cause in report.causes] == [CUT_POINT]
    assert report.counts["down_fraud"] == report.counts["down_legitimate"] == 0
    assert {line.before for line in report.examples} == {"normal"}
    assert {line.after for line in report.examples} == {"medium_low"}
    assert all(line.change == line.total == pytest.approx(1.0) for line in report.examples)


def test_the_total_change_is_the_change_of_the_distance_from_the_cut_point(
    flips: TierFlips, champion: RiskModel, model: RiskModel, slices: Slices
) -> None:
    keys = [f"{int(key):016x}"[:8] for key in slices.test.line_key]
    for line in flips.examples:
        (rows,) = np.nonzero(np.array(keys) == line.key)
        crossed = max(TIERS.index(line.before), TIERS.index(line.after)) - 1  # type: ignore[arg-type]
        old = champion.margin(slices.test.rows[rows]) - champion.cuts[crossed].margin
        new = model.margin(slices.test.rows[rows]) - model.cuts[crossed].margin
        assert np.isclose(new - old, line.total).any()
        assert np.sign(line.change) == np.sign(line.total)


def test_examples_are_few_and_sorted_by_tiers_crossed_and_have_no_line_id(flips: TierFlips) -> None:
    steps = [abs(TIERS.index(m.after) - TIERS.index(m.before)) for m in flips.examples]  # type: ignore[arg-type]
    assert 0 < len(flips.examples) <= MOST_EXAMPLES
    assert steps == sorted(steps, reverse=True)
    assert {len(line.key) for line in flips.examples} == {8}


def test_the_report_for_logs_has_no_examples(flips: TierFlips) -> None:
    text = json.dumps(flips.as_dict(examples=False))
    assert flips.examples[0].key not in text
    assert json.loads(text)["counts"] == flips.counts


def test_tier_flips_survive_a_round_trip_through_json(flips: TierFlips) -> None:
    assert TierFlips.from_dict(json.loads(json.dumps(flips.as_dict()))) == flips


def test_a_champion_with_missing_columns_has_no_flips(champion: RiskModel, model: RiskModel, slices: Slices) -> None:
    other = replace(champion, columns=(replace(champion.columns[0], name="elsewhere"), *champion.columns[1:]))
    assert tier_flips(other, model, slices.test) is None


def test_the_comparison_page_has_flip_table_causes_and_examples(flips: TierFlips, evaluation: Any) -> None:
    page = comparison_page(
        title="2 against 1",
        notices=(),
        tested="Each model on its own test slice.",
        figures=[],
        gates=run_gates(evaluation),
        flips=flips,
    )
    assert f"<strong>{flips.moved:,}</strong>" in page
    assert all(cause.cause in page for cause in flips.causes)
    assert all(line.key in page for line in flips.examples)
