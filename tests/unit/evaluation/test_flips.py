"""Who changes tier, from where to where, because of what: counted on a planted world and on moves made by hand."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from linerisk.evaluation.gates.gates import run_gates
from linerisk.evaluation.report.report import comparison_page
from linerisk.evaluation.tier_flips import CUT_POINT, MOST_EXAMPLES, TierFlips, tier_flips
from linerisk.model.risk_model import RiskModel
from linerisk.model.tiers import TIERS
from linerisk.training.examples import Slices


@pytest.fixture(scope="module")
def champion(bench: Any, slices: Slices) -> RiskModel:
    """A model that never heard of devices: its column is the same for every line."""
    deaf = replace(slices.train, rows=slices.train.rows.copy())
    deaf.rows[:, -1] = 1.0
    fitted: RiskModel = bench.fit(replace(slices, train=deaf))
    return replace(fitted, version="1")


@pytest.fixture(scope="module")
def flips(champion: RiskModel, model: RiskModel, slices: Slices) -> TierFlips:
    report = tier_flips(champion, model, slices.test)
    assert report is not None
    return report


def test_against_itself_nothing_moves(model: RiskModel, slices: Slices) -> None:
    still = tier_flips(model, model, slices.test)
    assert still is not None
    assert (still.moved, still.explained, still.causes, still.examples) == (0, 0, (), ())
    assert sum(map(sum, still.all_lines)) == len(slices.test)


def test_the_table_counts_every_line_once_and_by_outcome(
    flips: TierFlips, champion: RiskModel, model: RiskModel, slices: Slices
) -> None:
    before = champion.tier(champion.margin(slices.test.rows))
    after = model.tier(model.margin(slices.test.rows))
    for row in range(len(TIERS)):
        for column in range(len(TIERS)):
            there = (before == row) & (after == column)
            assert flips.fraud[row][column] == (there & slices.test.fraud).sum()
            assert flips.legitimate[row][column] == (there & ~slices.test.fraud).sum()
    assert flips.moved == (before != after).sum() > 0
    assert sum(flips.counts.values()) == flips.moved


def test_a_family_that_only_the_challenger_hears_is_what_moves_lines_up(flips: TierFlips) -> None:
    up = {cause.cause: cause.up_fraud + cause.up_legitimate for cause in flips.causes}
    assert max(up, key=lambda cause: up[cause]) == "devices"
    assert sum(cause.moves for cause in flips.causes) == flips.explained == flips.moved


def test_a_cut_point_that_moved_is_the_cause_where_the_lines_stayed(model: RiskModel, slices: Slices) -> None:
    lowered = replace(model, cuts=(replace(model.cuts[0], margin=model.cuts[0].margin - 1.0), *model.cuts[1:]))
    report = tier_flips(model, lowered, slices.test)
    assert report is not None
    assert [cause.cause for cause in report.causes] == [CUT_POINT]
    assert report.counts["down_fraud"] == report.counts["down_legitimate"] == 0
    assert {move.before for move in report.examples} == {"normal"}
    assert {move.after for move in report.examples} == {"medium_low"}
    assert all(move.change == move.total == pytest.approx(1.0) for move in report.examples)


def test_a_change_in_all_is_the_change_of_the_distance_from_the_cut_point(
    flips: TierFlips, champion: RiskModel, model: RiskModel, slices: Slices
) -> None:
    keys = [f"{int(key):016x}"[:8] for key in slices.test.line_key]
    for move in flips.examples:
        (rows,) = np.nonzero(np.array(keys) == move.key)
        crossed = max(TIERS.index(move.before), TIERS.index(move.after)) - 1  # type: ignore[arg-type]
        old = champion.margin(slices.test.rows[rows]) - champion.cuts[crossed].margin
        new = model.margin(slices.test.rows[rows]) - model.cuts[crossed].margin
        assert np.isclose(new - old, move.total).any()
        assert np.sign(move.change) == np.sign(move.total)


def test_examples_are_few_the_furthest_moves_first_and_name_no_line(flips: TierFlips) -> None:
    steps = [abs(TIERS.index(m.after) - TIERS.index(m.before)) for m in flips.examples]  # type: ignore[arg-type]
    assert 0 < len(flips.examples) <= MOST_EXAMPLES
    assert steps == sorted(steps, reverse=True)
    assert {len(move.key) for move in flips.examples} == {8}


def test_what_may_come_into_a_log_has_no_example(flips: TierFlips) -> None:
    told = json.dumps(flips.as_dict(examples=False))
    assert flips.examples[0].key not in told
    assert json.loads(told)["counts"] == flips.counts


def test_it_comes_back_from_json_as_it_was(flips: TierFlips) -> None:
    assert TierFlips.from_dict(json.loads(json.dumps(flips.as_dict()))) == flips


def test_a_champion_of_other_columns_has_no_flips(champion: RiskModel, model: RiskModel, slices: Slices) -> None:
    other = replace(champion, columns=(replace(champion.columns[0], name="elsewhere"), *champion.columns[1:]))
    assert tier_flips(other, model, slices.test) is None


def test_the_page_shows_table_causes_and_examples(flips: TierFlips, evaluation: Any) -> None:
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
    assert all(move.key in page for move in flips.examples)
