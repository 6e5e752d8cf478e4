"""The evaluation of a real model on synthetic lines equals independent computations."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sk

from linerisk.evaluation.evaluate import Evaluation
from linerisk.evaluation.reliability_bands import tenure_check
from linerisk.model.risk_model import FeatureColumn, RiskModel
from linerisk.model.tiers import TIERS
from linerisk.training.examples import Slices


def test_ranking_is_measured_on_the_test_slice(evaluation: Evaluation, model: RiskModel, slices: Slices) -> None:
    margin, fraud = model.margin(slices.test.rows), slices.test.fraud
    assert evaluation.average_precision.value == pytest.approx(sk.average_precision_score(fraud, margin))
    assert evaluation.auc.value == pytest.approx(sk.roc_auc_score(fraud, margin))


def test_every_estimate_is_inside_its_interval(evaluation: Evaluation) -> None:
    for estimate in (
        evaluation.average_precision,
        evaluation.auc,
        evaluation.recall_at_fpr,
        evaluation.log_loss_skill,
        evaluation.precision_at_capacity,
    ):
        assert estimate.low < estimate.value < estimate.high


def test_skill_is_measured_on_calibrated_probabilities(
    evaluation: Evaluation, model: RiskModel, slices: Slices
) -> None:
    probability, fraud = model.probability(model.margin(slices.test.rows)), slices.test.fraud
    baseline = sk.log_loss(fraud, np.full(len(fraud), fraud.mean()))
    assert evaluation.log_loss_skill.value == pytest.approx(1 - sk.log_loss(fraud, probability) / baseline)


def test_lines_frauds_and_prevalence_are_counted(evaluation: Evaluation, slices: Slices) -> None:
    assert (evaluation.lines, evaluation.fraud) == (6_000, int(slices.test.fraud.sum()))
    assert evaluation.prevalence == slices.test.prevalence
    assert evaluation.how == "planted"


def test_predicted_over_observed_has_the_exact_poisson_interval(
    evaluation: Evaluation, model: RiskModel, slices: Slices
) -> None:
    ratio = evaluation.predicted_over_observed
    assert ratio is not None
    predicted = model.probability(model.margin(slices.test.rows)).sum()
    assert ratio.value == pytest.approx(predicted / evaluation.fraud)
    # 337 frauds: the exact interval of the expected number is [302.0, 375.0].
    assert evaluation.fraud == 337
    assert (predicted / ratio.high, predicted / ratio.low) == pytest.approx((301.98, 374.96), abs=0.02)


def test_every_line_is_in_exactly_one_tier(evaluation: Evaluation) -> None:
    assert tuple(row.tier for row in evaluation.tiers) == TIERS
    assert sum(row.lines for row in evaluation.tiers) == evaluation.lines
    assert sum(row.fraud for row in evaluation.tiers) == evaluation.fraud


def test_reliability_bins_partition_the_lines_and_get_finer_towards_the_top(evaluation: Evaluation) -> None:
    bins = evaluation.reliability
    assert sum(one.lines for one in bins) == evaluation.lines
    assert [one.predicted for one in bins] == sorted(one.predicted for one in bins)
    assert bins[-1].lines < bins[0].lines / 10
    assert min(one.lines for one in bins) >= 30


def test_most_bins_of_a_good_model_contain_their_prediction(evaluation: Evaluation) -> None:
    inside = [one.observed.low <= one.predicted <= one.observed.high for one in evaluation.reliability]
    assert sum(inside) >= len(inside) - 2


def test_every_line_is_in_exactly_one_age_band(evaluation: Evaluation) -> None:
    assert [band.from_days for band in evaluation.ages] == [0, 30, 180, 730, 1825]
    assert sum(band.lines for band in evaluation.ages) == evaluation.lines
    assert sum(band.fraud for band in evaluation.ages) == evaluation.fraud


def test_an_age_band_with_few_frauds_has_no_figure(bench: Any, model: RiskModel, slices: Slices) -> None:
    young = slices.test.column("tenure_days") < 30
    few = replace(slices, test=slices.test.take(~(young & slices.test.fraud)))
    first = bench.measure(model, few).ages[0]
    assert (first.fraud, first.average_precision) == (0, None)


def test_every_family_that_matters_contributes(evaluation: Evaluation) -> None:
    assert list(evaluation.families) == ["tenure", "activity", "contacts", "devices"]
    assert min(evaluation.families.values()) > 0.1


def test_a_table_of_one_family_shows_its_columns_instead(bench: Any, slices: Slices) -> None:
    columns = tuple(FeatureColumn(f"c{i}", "other") for i in range(5))
    plain = Slices(
        *(replace(part, columns=columns) for part in (slices.train, slices.calibration, slices.test)), how="planted"
    )
    families = bench.measure(bench.fit(plain), plain).families
    assert set(families) == {"c0", "c1", "c2", "c3", "c4"}
    assert list(families.values()) == sorted(families.values(), reverse=True)


def test_leaves_are_counted(evaluation: Evaluation, model: RiskModel) -> None:
    counted = sum(
        int(line[len("num_leaves=") :])
        for line in model.booster.model_to_string().splitlines()
        if line.startswith("num_leaves=")
    )
    assert evaluation.leaves == counted


def test_capacity_is_capped_at_the_number_of_lines(bench: Any, model: RiskModel, slices: Slices) -> None:
    few = replace(slices, test=slices.test.take(np.arange(6_000) < 40))
    assert bench.measure(model, few).capacity == 40


def test_figures_are_floats_under_fixed_metric_names(evaluation: Evaluation) -> None:
    figures = evaluation.figures()
    assert figures["average_precision"] == evaluation.average_precision.value
    assert figures["recall_at_fpr_1e-3_low"] == evaluation.recall_at_fpr.low
    assert figures["test_fraud"] == 337.0
    assert all(type(value) is float for value in figures.values())


def test_the_same_model_and_slices_give_the_same_evaluation(
    bench: Any, evaluation: Evaluation, model: RiskModel, slices: Slices
) -> None:
    assert bench.measure(model, slices) == evaluation


# Age ----------------------------------------------------------------------------------------------------------------


def test_tenure_check_ages_all_age_columns_together(model: RiskModel, slices: Slices) -> None:
    assert tenure_check(model, slices.test) == (6_000, 0)


def test_tenure_check_checks_nothing_without_an_age_column(bench: Any, slices: Slices) -> None:
    dropped = np.array(["days" in name for name in bench.names])
    ageless = Slices(*(part.without(dropped) for part in (slices.train, slices.calibration, slices.test)), how="x")
    assert tenure_check(bench.fit(ageless), ageless.test) == (0, None)


# What cannot be measured --------------------------------------------------------------------------------------------


def test_a_test_slice_without_fraud_gives_nan_and_none(bench: Any, model: RiskModel, slices: Slices) -> None:
    found = bench.measure(model, replace(slices, test=slices.test.take(~slices.test.fraud)))
    assert math.isnan(found.average_precision.value)
    assert math.isnan(found.log_loss_skill.low)
    assert found.predicted_over_observed is None


# The champion -------------------------------------------------------------------------------------------------------


def test_the_champion_is_compared_on_the_same_lines_with_columns_matched_by_name(
    bench: Any, model: RiskModel, slices: Slices
) -> None:
    order = [3, 0, 4]
    narrow = Slices(
        *(
            replace(part, columns=tuple(part.columns[i] for i in order), rows=part.rows[:, order])
            for part in (slices.train, slices.calibration, slices.test)
        ),
        how="planted",
    )
    champion = replace(bench.fit(narrow), version="4")
    comparison = bench.measure(model, slices, champion=champion).comparison
    margin = champion.margin(np.ascontiguousarray(narrow.test.rows))
    assert comparison.champion == "4"
    assert comparison.champion_average_precision == pytest.approx(sk.average_precision_score(slices.test.fraud, margin))
    assert comparison.difference.low > 0


def test_a_model_compared_with_itself_has_zero_difference(bench: Any, model: RiskModel, slices: Slices) -> None:
    difference = bench.measure(model, slices, champion=model).comparison.difference
    assert (difference.low, difference.value, difference.high) == (0, 0, 0)
