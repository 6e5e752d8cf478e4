"""Gates G010 to G012, on the lines that a model raises: how many, honest archetypes among them, and by group."""

from __future__ import annotations

from typing import Final

from linerisk.evaluation.evaluate import Evaluation
from linerisk.evaluation.gates.types import Answer, Gate, GateLimits, Outcome, answer
from linerisk.evaluation.subgroups import worst_group
from linerisk.model.tiers import Tier

_BUDGETED: Final = (Tier.MEDIUM_HIGH, Tier.EXTREMELY_HIGH)
CONSPICUOUS: Final = {"courier", "teacher", "returning_traveller", "idle_number_woken", "declared_call_centre"}
"""Archetypes that call many strangers, as fraud does."""
_NO_CATALOGUE: Final = "the model has columns outside the feature catalogue, so no line can be simulated for it"
_NO_OPERATION: Final = "a table without observation times does not represent lines in operation"
_NO_GROUPS: Final = "no group is known: the table has no accounts (plan, area) and no column tenure_days"


def _budget(e: Evaluation, _limits: GateLimits) -> Answer:
    limit = "share of lines at or above a tier not provably over the share that people can handle"
    if not e.in_time:
        return Outcome.NOT_APPLICABLE, limit, _NO_OPERATION
    if e.budget is None or tuple(row.tier for row in e.budget) != _BUDGETED:
        return Outcome.FAILED, limit, f"no share is set or measured for {' and '.join(_BUDGETED)}"
    within = all(row.share.low <= row.most for row in e.budget)
    finding = "; ".join(f"{row.tier} {_percent(row.share.value)}, limit {_percent(row.most)}" for row in e.budget)
    return answer(within, limit, finding)


def _archetypes(e: Evaluation, limits: GateLimits) -> Answer:
    limit = (
        f"at least {limits.least_of_archetype} lines per archetype; not provably over {limits.most_ordinary:.0%} of "
        f"them at or above medium_high ({limits.most_conspicuous:.0%} for archetypes that call many strangers), nor "
        f"over {limits.most_extreme:.0%} at extremely_high"
    )
    if not e.of_catalogue:
        return Outcome.NOT_APPLICABLE, limit, _NO_CATALOGUE
    if not e.archetypes:
        return Outcome.FAILED, limit, "not measured"
    few, over = [], []
    for seen in e.archetypes:
        if seen.lines < limits.least_of_archetype or seen.medium_high is None or seen.extremely_high is None:
            few.append(f"{seen.name}: only {seen.lines} lines")
            continue
        most = limits.most_conspicuous if seen.name in CONSPICUOUS else limits.most_ordinary
        for tier, found, allowed in (
            (Tier.MEDIUM_HIGH, seen.medium_high, most),
            (Tier.EXTREMELY_HIGH, seen.extremely_high, limits.most_extreme),
        ):
            if not found.low <= allowed:
                over.append(f"{seen.name}: {found:.3f} at or above {tier}")
    worst = max(e.archetypes, key=lambda seen: seen.medium_high.value if seen.medium_high else 1.0)
    return answer(
        not few and not over,
        limit,
        "; ".join(few + over)
        or f"{len(e.archetypes)} archetypes; highest share at or above medium_high: {worst.name} "
        f"{worst.medium_high:.3f}",
    )


def _subgroups(e: Evaluation, limits: GateLimits) -> Answer:
    limit = (
        f"no group's false-positive rate provably more than {limits.most_gap:g} times that of all other lines "
        f"({limits.most_gap_of_tenure:g} times for a tenure band)"
    )
    if not e.groupable:
        return Outcome.NOT_APPLICABLE, limit, _NO_GROUPS
    if e.subgroups is None:
        return Outcome.FAILED, limit, "not measured"
    lacking = set(e.groupable) - {group.attribute for group in e.subgroups}
    if lacking:
        return Outcome.FAILED, limit, f"not measured by {', '.join(sorted(lacking))}"
    # Without false positives there is no ratio to compare.
    worst = worst_group(e.subgroups)
    if worst is None:
        return Outcome.PASSED, limit, "no legitimate line was raised"
    over = [
        group
        for group in e.subgroups
        if group.ratio.low > (limits.most_gap_of_tenure if group.attribute == "tenure" else limits.most_gap)
    ]
    return answer(not over, limit, "; ".join(group.describe() for group in over or [worst]))


def _percent(share: float) -> str:
    return f"{share:.2%}"


PEOPLE_GATES: tuple[Gate, ...] = (
    ("G010", "no more lines raised than people can deal with", _budget),
    ("G011", "leaves the archetypes alone", _archetypes),
    ("G012", "no group wrongly raised far more than others", _subgroups),
)
