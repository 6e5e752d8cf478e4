"""Gates G001 to G009: enough evidence, ranking, calibration, tiers, age, label shuffling, size and the champion."""

from __future__ import annotations

import itertools

from linerisk.evaluation.evaluate import Evaluation
from linerisk.evaluation.gates.types import Answer, Gate, GateLimits, Outcome, answer
from linerisk.evaluation.reliability_bands import miscalibrated_bins
from linerisk.model.tiers import TIERS


def _evidence(e: Evaluation, limits: GateLimits) -> Answer:
    legitimate = e.lines - e.fraud
    return answer(
        e.fraud >= limits.least_fraud and legitimate >= limits.least_legitimate,
        f"at least {limits.least_fraud} fraud and {limits.least_legitimate} legitimate test lines",
        f"{e.fraud:,} fraud, {legitimate:,} legitimate",
    )


def _ranking(e: Evaluation, limits: GateLimits) -> Answer:
    least = e.prevalence + limits.least_rank_gain * (1 - e.prevalence)
    return answer(
        e.average_precision.low >= least,
        f"average precision, lower bound, at least {least:.3f}",
        f"average precision {e.average_precision}",
    )


def _calibration(e: Evaluation, limits: GateLimits) -> Answer:
    limit = (
        f"predicted over observed fraud compatible with {limits.calibration_low:g} to {limits.calibration_high:g}, "
        "log-loss skill above 0, and no bin of similar probability with odds provably off by more than a factor of "
        f"{limits.most_bin_odds:g} (exact intervals for all bins at once)"
    )
    ratio = e.predicted_over_observed
    if ratio is None:
        return Outcome.FAILED, limit, "no fraud observed, so there is nothing to compare with"
    if not e.reliability:
        return Outcome.FAILED, limit, "not measured by bin of similar probability"
    fits = ratio.low <= limits.calibration_high and ratio.high >= limits.calibration_low
    off = miscalibrated_bins(e.reliability, max_odds_ratio=limits.most_bin_odds)
    each = "; ".join(f"predicted {b.predicted:.2g}, observed {b.observed:.2g} of {b.lines:,}" for b in off)
    bins = f"{len(off)} of {len(e.reliability)} bins off{': ' if off else ''}{each}"
    return answer(
        fits and e.log_loss_skill.low > 0 and not off,
        limit,
        f"ratio {ratio:.2f}, skill {e.log_loss_skill:.3f}, {bins}",
    )


def _tier_bounds(e: Evaluation, _limits: GateLimits) -> Answer:
    limit = "share of legitimate lines at or above each tier not provably over its proven bound"
    findings, passed = [], True
    if tuple(row.tier for row in e.tiers) != TIERS:
        return Outcome.FAILED, limit, "not every tier was measured"
    for row in e.tiers[1:]:
        seen, proven = row.legitimate_at_or_above, row.proven
        if seen is None or proven is None:
            return Outcome.FAILED, limit, f"{row.tier}: not measured"
        passed &= seen.low <= proven
        findings.append(f"{row.tier} {seen.value:.1e}, bound {proven:.1e}")
    return answer(passed, limit, "; ".join(findings))


def _order(e: Evaluation, _limits: GateLimits) -> Answer:
    limit = "a raised tier provably has more fraud than the prevalence; no tier provably has less than the tier below"
    raised = [row for row in e.tiers[1:] if row.fraud_rate is not None]
    if not raised:
        return Outcome.FAILED, limit, "no test line in a raised tier"
    rates = [row.fraud_rate for row in e.tiers if row.fraud_rate is not None]
    above = any(row.fraud_rate.low > e.prevalence for row in raised if row.fraud_rate is not None)
    crossed = any(higher.high < lower.low for lower, higher in itertools.pairwise(rates))
    finding = ", ".join(f"{row.tier} {row.fraud} fraud of {row.lines}" for row in raised)
    dips = any(higher.value < lower.value for lower, higher in itertools.pairwise(rates))
    if dips and not crossed:
        finding += "; a dip between tiers is not provable with so few lines"
    return answer(above and not crossed, limit, finding)


def _tenure(e: Evaluation, _limits: GateLimits) -> Answer:
    limit = "no line gets a higher tier when only its age increases"
    if e.tenure_raised is None:
        return Outcome.NOT_APPLICABLE, limit, "the table has no tenure column"
    return answer(
        e.tenure_checked > 0 and e.tenure_raised == 0, limit, f"{e.tenure_raised:,} of {e.tenure_checked:,} lines rose"
    )


def _shuffled(e: Evaluation, limits: GateLimits) -> Answer:
    most = e.prevalence + limits.most_shuffled_gain * (1 - e.prevalence)
    limit = f"average precision with shuffled labels at most {most:.3f}"
    if e.shuffled_average_precision is None:
        return Outcome.FAILED, limit, "not measured"
    return answer(e.shuffled_average_precision <= most, limit, f"average precision {e.shuffled_average_precision:.3f}")


def _compact(e: Evaluation, limits: GateLimits) -> Answer:
    return answer(
        0 < e.leaves <= limits.most_leaves, f"at most {limits.most_leaves:,} leaves in all", f"{e.leaves:,} leaves"
    )


def _champion(e: Evaluation, _limits: GateLimits) -> Answer:
    limit = "average precision not provably below the champion's on the same lines"
    if e.comparison_problem is not None:
        return Outcome.FAILED, limit, e.comparison_problem
    if e.comparison is None:
        return Outcome.NOT_APPLICABLE, limit, "there is no champion yet"
    difference = e.comparison.difference
    return answer(difference.high >= 0, limit, f"{difference:+.3f} against version {e.comparison.champion}")


QUALITY_GATES: tuple[Gate, ...] = (
    ("G001", "enough evidence", _evidence),
    ("G002", "ranks fraud above others", _ranking),
    ("G003", "probabilities are calibrated", _calibration),
    ("G004", "keeps the tier promise", _tier_bounds),
    ("G005", "tiers are in order", _order),
    ("G006", "age never raises a tier", _tenure),
    ("G007", "shuffled labels lose", _shuffled),
    ("G008", "compact enough to explain", _compact),
    ("G009", "no worse than the champion", _champion),
)
