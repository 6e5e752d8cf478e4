"""Every metric equals a value computed by hand, or by scikit-learn and SciPy."""

import math

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import binomtest
from sklearn import metrics as sk

from linerisk.evaluation.metrics import (
    Estimate,
    auc,
    average_precision,
    bootstrap,
    equal_mass_calibration_error,
    log_loss,
    log_loss_skill,
    precision_at_capacity,
    recall_at_fpr,
    share_estimate,
    tier_rows,
)
from linerisk.model.cut_points import clopper_pearson
from linerisk.model.tiers import CutPoint, Tier


def kinds(*fraud: int) -> npt.NDArray[np.bool_]:
    return np.array(fraud, dtype=np.bool_)


MARGINS = np.array([4.0, 3.0, 2.0, 1.0])
FRAUD = kinds(1, 0, 1, 0)


# Ranking ------------------------------------------------------------------------------------------------------------


def test_average_precision_by_hand() -> None:
    # The first fraud is found with precision 1/1, the second with 2/3.
    assert average_precision(MARGINS, FRAUD) == pytest.approx((1 + 2 / 3) / 2)


def test_average_precision_of_equal_margins_is_the_prevalence() -> None:
    assert average_precision(np.zeros(8), kinds(1, 0, 0, 0, 1, 0, 0, 0)) == pytest.approx(0.25)


def test_auc_by_hand() -> None:
    # Of the four pairs of fraud and legitimate, three are in order.
    assert auc(MARGINS, FRAUD) == 0.75


@pytest.mark.parametrize("digits", [0, 1, 9])
def test_ranking_equals_scikit_learn_with_and_without_ties(digits: int) -> None:
    rng = np.random.default_rng(digits)
    margin, fraud = rng.normal(size=2_000).round(digits), rng.random(2_000) < 0.05
    assert average_precision(margin, fraud) == pytest.approx(sk.average_precision_score(fraud, margin))
    assert auc(margin, fraud) == pytest.approx(sk.roc_auc_score(fraud, margin))


def test_recall_at_fpr_allows_one_in_a_thousand_legitimate_lines_above() -> None:
    margin = np.concatenate([np.arange(1_000.0), [5.0, 998.5, 999.5, 1_000.0]])
    fraud = np.arange(1_004) >= 1_000
    assert recall_at_fpr(margin, fraud) == 0.75


def test_recall_at_fpr_allows_none_above_with_fewer_than_a_thousand_lines() -> None:
    margin = np.concatenate([np.arange(999.0), [5.0, 997.5, 998.0, 998.5]])
    assert recall_at_fpr(margin, np.arange(1_003) >= 999) == 0.25


def test_recall_at_fpr_never_exceeds_the_rate_with_ties() -> None:
    rng = np.random.default_rng(0)
    margin, fraud = rng.normal(size=5_000).round(1), rng.random(5_000) < 0.1
    fpr, tpr, _ = sk.roc_curve(fraud, margin)
    assert recall_at_fpr(margin, fraud, 0.05) == pytest.approx(tpr[fpr <= 0.05].max())


def test_precision_at_capacity_by_hand() -> None:
    found = precision_at_capacity(MARGINS, FRAUD, 3)
    assert found.value == pytest.approx(2 / 3)
    assert (found.low, found.high) == clopper_pearson(2, 3)


def test_a_capacity_above_the_number_of_lines_uses_all_lines() -> None:
    assert precision_at_capacity(MARGINS, FRAUD, 50).value == 0.5


# Probabilities ------------------------------------------------------------------------------------------------------


def test_log_loss_by_hand() -> None:
    probability = np.array([0.8, 0.4])
    assert log_loss(probability, kinds(1, 0)) == pytest.approx(-(math.log(0.8) + math.log(0.6)) / 2)


def test_log_loss_equals_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    probability, fraud = rng.random(500), rng.random(500) < 0.3
    assert log_loss(probability, fraud) == pytest.approx(sk.log_loss(fraud, probability))


def test_log_loss_of_certain_error_is_large_but_finite() -> None:
    assert 20 < log_loss(np.array([0.0, 1.0]), kinds(1, 0)) < 40


@pytest.mark.parametrize(("probability", "skill"), [([0.25] * 4, 0.0), ([1.0, 0.0, 0.0, 0.0], 1.0)])
def test_skill_is_zero_for_the_prevalence_and_one_for_the_truth(probability: list[float], skill: float) -> None:
    assert log_loss_skill(np.array(probability), kinds(1, 0, 0, 0)) == pytest.approx(skill, abs=1e-9)


def test_skill_of_wrong_certainty_is_negative() -> None:
    assert log_loss_skill(np.array([0.1, 0.9, 0.1, 0.1]), kinds(1, 0, 0, 0)) < 0


def test_calibration_error_by_hand() -> None:
    # Two bins of four: predicted .1 and .5, observed 0 and .75.
    probability = np.array([0.1] * 4 + [0.5] * 4)
    fraud = kinds(0, 0, 0, 0, 1, 1, 1, 0)
    assert equal_mass_calibration_error(probability, fraud, bins=2) == pytest.approx((0.1 + 0.25) / 2)


def test_calibration_error_weighs_bins_by_their_rows() -> None:
    # Three rows in two bins: {.0, .0} and {.9}.
    assert equal_mass_calibration_error(np.array([0.0, 0.0, 0.9]), kinds(1, 1, 1), bins=2) == pytest.approx(
        (1.0 * 2 + 0.1 * 1) / 3
    )


def test_calibration_error_works_with_fewer_rows_than_bins() -> None:
    assert equal_mass_calibration_error(np.array([0.2, 0.6]), kinds(0, 1)) == pytest.approx(0.3)


# Intervals ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("hits", "rows"), [(0, 10), (3, 10), (10, 10), (1, 5_000), (4_999, 5_000)])
def test_a_share_has_the_exact_interval_of_scipy(hits: int, rows: int) -> None:
    exact = binomtest(hits, rows).proportion_ci(0.95, method="exact")
    found = share_estimate(hits, rows)
    assert (found.value, found.low, found.high) == pytest.approx((hits / rows, exact.low, exact.high))


def test_the_exact_interval_has_at_least_its_nominal_coverage() -> None:
    hits = np.random.default_rng(0).binomial(50, 0.03, 2_000)
    intervals = {n: clopper_pearson(int(n), 50) for n in np.unique(hits)}
    covered = np.mean([intervals[n][0] <= 0.03 <= intervals[n][1] for n in hits])
    assert covered >= 0.95


def test_the_bootstrap_interval_has_about_its_nominal_coverage() -> None:
    rng = np.random.default_rng(0)
    fraud = np.arange(400) < 100
    covered = 0
    for _ in range(100):
        value = rng.normal(size=400) + 2.0 * fraud
        found = bootstrap(
            lambda rows, value=value: float(value[rows][fraud[rows]].mean() - value[rows][~fraud[rows]].mean()), fraud
        )
        covered += found.low <= 2.0 <= found.high
    assert 88 <= covered <= 99


def test_the_bootstrap_value_is_the_measure_on_all_rows() -> None:
    assert bootstrap(lambda rows: auc(MARGINS[rows], FRAUD[rows]), FRAUD).value == 0.75


def test_the_bootstrap_resamples_fraud_and_legitimate_rows_separately() -> None:
    fraud = np.arange(50) < 7
    seen = []
    bootstrap(lambda rows: float(seen.append((fraud[rows].sum(), (~fraud[rows]).sum())) or 0), fraud, repeats=20)
    assert set(seen) == {(7, 43)}


def test_the_bootstrap_is_deterministic_for_a_seed() -> None:
    rng = np.random.default_rng(0)
    margin, fraud = rng.normal(size=300), rng.random(300) < 0.3

    def found(seed: int) -> Estimate:
        return bootstrap(lambda rows: auc(margin[rows], fraud[rows]), fraud, repeats=50, seed=seed)

    assert found(0) == found(0) != found(1)


@pytest.mark.parametrize("fraud", [kinds(0, 0, 0), kinds(1, 1, 1), kinds()])
def test_the_bootstrap_is_nan_without_both_kinds_of_rows(fraud: npt.NDArray[np.bool_]) -> None:
    found = bootstrap(lambda _rows: 1.0, fraud)
    assert all(math.isnan(value) for value in (found.value, found.low, found.high))


def test_an_estimate_is_formatted_with_its_interval() -> None:
    assert f"{Estimate(0.6117, 0.5444, 0.6709)}" == "0.612 [0.544, 0.671]"
    assert f"{Estimate(0.6117, 0.5444, 0.6709):+.1f}" == "+0.6 [+0.5, +0.7]"


# Tiers --------------------------------------------------------------------------------------------------------------


def cut(tier: Tier, margin: float, missing: int = 0) -> CutPoint:
    return CutPoint(tier, margin, wished=0.01, proven=0.02, legitimate=80, legitimate_above=1, missing=missing)


CUTS = (cut(Tier.MEDIUM_LOW, 1), cut(Tier.MEDIUM_HIGH, 2), cut(Tier.EXTREMELY_HIGH, 3, missing=7))
#                    normal × 6         medium_low × 3  medium_high × 2  extremely_high × 0
TIER = np.array([0, 0, 0, 0, 0, 0, 1, 1, 1, 2, 2], dtype=np.int8)
KIND = kinds(1, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0)


def test_lines_and_frauds_are_counted_per_tier() -> None:
    rows = tier_rows(TIER, KIND, CUTS)
    assert [(str(row.tier), row.lines, row.fraud) for row in rows] == [
        ("normal", 6, 1),
        ("medium_low", 3, 1),
        ("medium_high", 2, 1),
        ("extremely_high", 0, 0),
    ]


def test_the_fraud_rate_of_a_tier_has_its_exact_interval_and_none_without_lines() -> None:
    rows = tier_rows(TIER, KIND, CUTS)
    assert rows[1].fraud_rate == share_estimate(1, 3)
    assert rows[3].fraud_rate is None


def test_legitimate_lines_are_counted_at_or_above_a_tier() -> None:
    rows = tier_rows(TIER, KIND, CUTS)
    assert [row.legitimate_at_or_above for row in rows] == [
        None,
        share_estimate(3, 8),
        share_estimate(1, 8),
        share_estimate(0, 8),
    ]


def test_a_tier_row_has_requested_and_proven_bounds_and_missing_lines() -> None:
    normal, *_, highest = tier_rows(TIER, KIND, CUTS)
    assert (normal.from_margin, normal.wished, normal.proven, normal.missing) == (None, None, None, 0)
    assert (highest.from_margin, highest.wished, highest.proven, highest.missing) == (3, 0.01, 0.02, 7)


def test_tiers_without_legitimate_lines_have_no_false_positive_share() -> None:
    rows = tier_rows(np.array([0, 3], dtype=np.int8), kinds(1, 1), CUTS)
    assert [row.legitimate_at_or_above for row in rows] == [None, None, None, None]
