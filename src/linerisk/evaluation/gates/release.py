"""Gates G013 to G016: stable reasons, no leakage, latency, impact assessment."""

from __future__ import annotations

from linerisk.evaluation.evaluate import Evaluation
from linerisk.evaluation.gates.types import Answer, Gate, GateLimits, Outcome, answer

_NOT_SERVED = "the service never answers from a model of this name; assess it before its scores decide about people"


def _stability(e: Evaluation, limits: GateLimits) -> Answer:
    limit = f"agreement of refits on the strongest families, corrected for chance, at least {limits.least_agreement:g}"
    seen = e.stability
    if seen is None:
        return Outcome.FAILED, limit, "not measured"
    if seen.families == 0:
        return Outcome.NOT_APPLICABLE, limit, "all columns are of one family"
    beyond = (seen.named - seen.by_chance) / (1 - seen.by_chance)
    finding = (
        f"{beyond:.2f}: {seen.named:.0%} of the {seen.families} strongest families are the same, {seen.by_chance:.0%} "
        f"expected by chance; the strongest is the same on {seen.first:.0%} of {seen.lines} lines"
    )
    return answer(beyond >= limits.least_agreement, limit, finding)


def _future(e: Evaluation, limits: GateLimits) -> Answer:
    limit = (
        f"no single column provably has AUC over {limits.most_auc_alone:g}, finds over {limits.most_recall_alone:.0%} "
        f"of fraud at FPR 1e-3, or loses over {limits.most_lost_alone:g} AUC from training to test"
    )
    if not e.alone:
        return Outcome.FAILED, limit, "not measured"
    leaking = []
    for seen in e.alone:
        if not seen.auc.low <= limits.most_auc_alone:
            leaking.append(f"{seen.column}: AUC {seen.auc}")
        elif not seen.recall.low <= limits.most_recall_alone:
            leaking.append(f"{seen.column}: finds {seen.recall:.2f} of fraud alone")
        elif not seen.auc_in_training.low - seen.auc.high <= limits.most_lost_alone:
            leaking.append(f"{seen.column}: AUC {seen.auc_in_training} in training, {seen.auc} on test lines")
    best = max(e.alone, key=lambda seen: seen.auc.value)
    return answer(not leaking, limit, "; ".join(leaking[:5]) or f"best single column: {best.column}, AUC {best.auc}")


def _latency(e: Evaluation, limits: GateLimits) -> Answer:
    limit = (
        f"a score within {limits.most_score_us / 1000:g} ms and {limits.most_score_ratio:g} times the trees alone, "
        f"reasons within {limits.most_reasons_us / 1000:g} ms and {limits.most_reasons_ratio:g} times the trees' "
        f"contributions alone; ratios apply from {limits.ratio_applies_from_us / 1000:g} ms"
    )
    seen = e.latency
    if seen is None:
        return Outcome.FAILED, limit, "not measured"
    score, reasons = seen.score_us / seen.bare_score_us, seen.reasons_us / seen.bare_reasons_us
    in_time = (
        seen.score_us <= limits.most_score_us
        and seen.reasons_us <= limits.most_reasons_us
        and (score <= limits.most_score_ratio or seen.score_us < limits.ratio_applies_from_us)
        and (reasons <= limits.most_reasons_ratio or seen.reasons_us < limits.ratio_applies_from_us)
    )
    finding = (
        f"score {seen.score_us / 1000:.2f} ms, {score:.1f} times the trees; reasons {seen.reasons_us / 1000:.2f} ms, "
        f"{reasons:.1f} times the trees (medians of {seen.lines} lines on this machine)"
    )
    return answer(in_time, limit, finding)


def _assessment(e: Evaluation, _limits: GateLimits) -> Answer:
    limit = "a document that assesses purpose and means, influence on people, and protective measures"
    seen = e.assessment
    if not e.served:
        return Outcome.NOT_APPLICABLE, limit, _NOT_SERVED
    if seen is None:
        return Outcome.FAILED, limit, "no document is configured"
    if seen.sha256 is None:
        return Outcome.FAILED, limit, f"{seen.path} cannot be read"
    if seen.lacking:
        return Outcome.FAILED, limit, f"{seen.path} has no heading for {', '.join(seen.lacking)}"
    unfinished = seen.unfinished()
    return Outcome.PASSED, limit, f"{seen.path}, SHA-256 {seen.sha256[:16]}" + (f"; {unfinished}" if unfinished else "")


RELEASE_GATES: tuple[Gate, ...] = (
    ("G013", "reasons would stay the same", _stability),
    ("G014", "no column knows the future", _future),
    ("G015", "answers in time", _latency),
    ("G016", "its impact on people was assessed", _assessment),
)
