"""Prevalence, false positives and calibration measured on a random audit."""

from dataclasses import replace

import numpy as np
import pytest

from linerisk.evaluation.random_audit import measure_audit
from linerisk.model.cut_points import clopper_pearson
from linerisk.model.risk_model import RiskModel
from linerisk.model.tiers import Tier
from linerisk.training.examples import Examples, Slices
from linerisk.training.label_weights import NO_FINDING


@pytest.fixture
def audited(slices: Slices) -> Examples:
    """The test slice with a random tenth audited; other fraud is labelled by complaints."""
    drawn = np.random.default_rng(0).random(len(slices.test)) < 0.1
    found = np.where(slices.test.fraud, "complaint", NO_FINDING)
    return replace(slices.test, source=np.where(drawn, "random_audit", found))


def test_shares_count_audited_lines_only_and_have_exact_intervals(model: RiskModel, audited: Examples) -> None:
    measured = measure_audit(model, audited)
    own = audited.source == "random_audit"
    assert measured is not None
    assert (measured.lines, measured.fraud) == (own.sum(), audited.fraud[own].sum())
    low, high = clopper_pearson(measured.fraud, measured.lines)
    assert (measured.prevalence.low, measured.prevalence.high) == (low, high)
    assert low < audited.prevalence < high
    legitimate = own & ~audited.fraud
    tier = model.tier(model.margin(audited.rows))
    alarm = measured.false_positives[Tier.MEDIUM_LOW]
    assert alarm.value == pytest.approx((tier[legitimate] >= 1).mean())
    assert alarm.low <= (tier[~audited.fraud] >= 1).mean() <= alarm.high


def test_fraud_predicted_among_audited_lines_is_compared_with_what_the_audit_found(
    model: RiskModel, audited: Examples
) -> None:
    measured = measure_audit(model, audited)
    assert measured is not None
    assert measured.predicted_over_observed is not None
    assert measured.predicted_over_observed.value == pytest.approx(measured.predicted / measured.fraud)
    assert measured.predicted_over_observed.low < 1 < measured.predicted_over_observed.high


def test_the_audit_is_unbiased_where_unaudited_fraud_goes_unreported(model: RiskModel, audited: Examples) -> None:
    """Two thirds of unaudited fraud go unreported; all labels halve prevalence, the audit does not."""
    unreported = audited.fraud & (audited.source != "random_audit") & (np.arange(len(audited)) % 3 > 0)
    partial = replace(audited, fraud=audited.fraud & ~unreported)
    measured = measure_audit(model, partial)
    assert measured is not None
    assert partial.prevalence < 0.5 * audited.prevalence
    assert measured.prevalence.low < audited.prevalence < measured.prevalence.high
    assert partial.prevalence < measured.prevalence.low


def test_without_audited_lines_the_measure_is_none(model: RiskModel, audited: Examples, slices: Slices) -> None:
    assert measure_audit(model, slices.test) is None
    assert measure_audit(model, audited.take(audited.source != "random_audit")) is None


def test_an_audit_without_fraud_has_no_ratio_but_a_prevalence_bound(model: RiskModel, audited: Examples) -> None:
    measured = measure_audit(model, audited.take(~audited.fraud))
    assert measured is not None
    assert (measured.fraud, measured.prevalence.value, measured.predicted_over_observed) == (0, 0.0, None)
    assert measured.prevalence.high > 0


def test_audit_figures_have_metric_names(model: RiskModel, audited: Examples) -> None:
    measured = measure_audit(model, audited)
    assert measured is not None
    assert measured.figures()["audit_lines"] == measured.lines
    assert measured.figures()["audit_fpr_medium_low_high"] == measured.false_positives[Tier.MEDIUM_LOW].high
