"""Gates about what a model owes: reasons that hold, no knowledge of the future, an answer in time, an assessment."""

from __future__ import annotations

from linerisk.evaluation.evaluate import Evaluation
from linerisk.evaluation.gates.types import Answer, Gate, GateLimits, Outcome, answer

_NOT_SERVED = (
    "the service never answers from a model of this name; who decides about people by its scores assesses that first"
)


def _stability(e: Evaluation, limits: GateLimits) -> Answer:
    limit = f"refits agree about the families named, beyond chance by at least {limits.least_agreement:g} of 1"
    seen = e.stability
    if seen is None:
        return Outcome.FAILED, limit, "not measured"
    if seen.families == 0:
        return Outcome.NOT_APPLICABLE, limit, "all columns are of one family"
    beyond = (seen.named - seen.by_chance) / (1 - seen.by_chance)
    finding = (
        f"{beyond:.2f}: of {seen.families} families named {seen.named:.0%} are the same, {seen.by_chance:.0%} by "
        f"chance; the first on {seen.first:.0%} of {seen.lines} lines"
    )
    return answer(beyond >= limits.least_agreement, limit, finding)


def _future(e: Evaluation, limits: GateLimits) -> Answer:
    limit = (
        f"no column alone provably above AUC {limits.most_auc_alone:g}, finding over {limits.most_recall_alone:.0%} of "
        f"fraud at 1 in 1,000 others, or losing over {limits.most_lost_alone:g} of AUC after training"
    )
    if not e.alone:
        return Outcome.FAILED, limit, "not measured"
    knowing = []
    for seen in e.alone:
        if not seen.auc.low <= limits.most_auc_alone:
            knowing.append(f"{seen.column}: AUC {seen.auc}")
        elif not seen.recall.low <= limits.most_recall_alone:
            knowing.append(f"{seen.column}: finds {seen.recall:.2f} of fraud alone")
        elif not seen.auc_in_training.low - seen.auc.high <= limits.most_lost_alone:
            knowing.append(f"{seen.column}: AUC {seen.auc_in_training} in training, {seen.auc} after")
    best = max(e.alone, key=lambda seen: seen.auc.value)
    return answer(not knowing, limit, "; ".join(knowing[:5]) or f"the best alone: {best.column}, AUC {best.auc}")


def _latency(e: Evaluation, limits: GateLimits) -> Answer:
    limit = (
        f"a score within {limits.most_score_us / 1000:g} ms and {limits.most_score_ratio:g} times the bare trees, "
        f"reasons within {limits.most_reasons_us / 1000:g} ms and {limits.most_reasons_ratio:g} times the bare ones; "
        f"the ratios from {limits.ratio_asked_from_us / 1000:g} ms on"
    )
    seen = e.latency
    if seen is None:
        return Outcome.FAILED, limit, "not measured"
    score, reasons = seen.score_us / seen.bare_score_us, seen.reasons_us / seen.bare_reasons_us
    in_time = (
        seen.score_us <= limits.most_score_us
        and seen.reasons_us <= limits.most_reasons_us
        and (score <= limits.most_score_ratio or seen.score_us < limits.ratio_asked_from_us)
        and (reasons <= limits.most_reasons_ratio or seen.reasons_us < limits.ratio_asked_from_us)
    )
    finding = (
        f"score {seen.score_us / 1000:.2f} ms, {score:.1f} times bare; reasons {seen.reasons_us / 1000:.2f} ms, "
        f"{reasons:.1f} times bare (medians of {seen.lines} lines on this machine)"
    )
    return answer(in_time, limit, finding)


def _assessment(e: Evaluation, _limits: GateLimits) -> Answer:
    limit = "a document that assesses purpose, influence on people, and protective measures"
    seen = e.assessment
    if not e.served:
        return Outcome.NOT_APPLICABLE, limit, _NOT_SERVED
    if seen is None:
        return Outcome.FAILED, limit, "no document is named"
    if seen.sha256 is None:
        return Outcome.FAILED, limit, f"{seen.path} cannot be read"
    if seen.lacking:
        return Outcome.FAILED, limit, f"{seen.path} has no heading for {', '.join(seen.lacking)}"
    unfinished = seen.unfinished()
    return Outcome.PASSED, limit, f"{seen.path}, SHA-256 {seen.sha256[:16]}" + (f"; {unfinished}" if unfinished else "")


DUTY_GATES: tuple[Gate, ...] = (
    ("G013", "reasons would stay the same", _stability),
    ("G014", "no column knows the future", _future),
    ("G015", "answers in time", _latency),
    ("G016", "its impact on people was assessed", _assessment),
)
