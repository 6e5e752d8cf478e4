"""Grouped metric names for MLflow, such as `ranking/auc`."""

from __future__ import annotations

from linerisk.evaluation.evaluate import Evaluation

_GROUP_OF = {
    "test_": "test",
    "log_loss": "calibration",
    "calibration": "calibration",
    "predicted": "calibration",
    "audit": "audit",
    "rolling": "rolling",
}
"""Prefix of a plain metric name -> its group; all others belong to `ranking`."""


def grouped_figures(e: Evaluation) -> dict[str, float]:
    """All numbers of an evaluation by grouped name; the part before the slash is the group."""
    grouped = {f"{_group(name)}/{name}": value for name, value in e.figures().items()}
    for row in e.tiers:
        grouped[f"tiers/{row.tier}_lines"] = row.lines
        grouped[f"tiers/{row.tier}_fraud"] = row.fraud
        if row.legitimate_at_or_above is not None:
            grouped[f"tiers/{row.tier}_legitimate_share"] = row.legitimate_at_or_above.value
    for seen in e.archetypes or ():
        if seen.medium_high is not None:
            grouped[f"archetypes/{seen.name}_medium_high"] = seen.medium_high.value
    for group in e.subgroups or ():
        grouped[f"groups/{group.attribute} {group.group}_false_positive_share"] = group.share.value
    if e.stability is not None:
        grouped["reasons/same_first_family"] = e.stability.first
        grouped["reasons/same_named_families"] = e.stability.named
    if e.latency is not None:
        grouped["latency/score_us"] = e.latency.score_us
        grouped["latency/reasons_us"] = e.latency.reasons_us
    return grouped


def _group(name: str) -> str:
    return next((group for start, group in _GROUP_OF.items() if name.startswith(start)), "ranking")
