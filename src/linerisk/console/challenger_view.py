"""What the version that asks to be live would have said of a decision: beside it, and in force nowhere."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from linerisk.console.decision_view import DecisionView
from linerisk.console.page_request import ConsoleContext
from linerisk.console.translations import chance
from linerisk.errors import LineriskError
from linerisk.explanation import contributions
from linerisk.live import Challenger
from linerisk.scoring import score
from linerisk.suspension.local_time import Language

_MOST_DIFFERENCES: Final = 3
_LEAST_DIFFERENCE: Final = 0.1
_NAMED_AT_MOST: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyDifference:
    """A family to which the two versions give another weight.

    Attributes:
        label: Its plain name.
        recorded: Log-odds that it added in the decision.
        challenger: Log-odds that it adds by the challenger.
    """

    label: str
    recorded: float
    challenger: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherOpinion:
    """What the challenger would have said.

    Attributes:
        tier: Its tier.
        differs: Whether that is another one than the decision's.
        probability: Its probability.
        low: Lower end of its interval.
        high: Upper end of its interval.
        chance: The same in words.
        differences: Families to which it gives another weight, the most apart first; at most three.
    """

    tier: str
    differs: bool
    probability: float
    low: float
    high: float
    chance: str
    differences: tuple[FamilyDifference, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChallengerView:
    """The challenger on the page of a case.

    Attributes:
        version: Its version; empty where there is none, or where it cannot be read.
        gates: `passed` or `failed`; empty like the version.
        opinion: What it would have said; None where it says nothing.
        why_not: Why it says nothing, as a key of words; empty where it does.
        detail: The facts of that; empty where there are none.
    """

    version: str = ""
    gates: str = ""
    opinion: OtherOpinion | None = None
    why_not: str = ""
    detail: str = ""


def challenger_view_of(context: ConsoleContext, view: DecisionView, language: Language) -> ChallengerView:
    """What the challenger would have said of the features of a decision.

    Faults of its files are shown on the model page, since a reviewer cannot repair them.
    """
    try:
        challenger = context.challengers.current()
    except LineriskError:
        return ChallengerView(why_not="challenger_unread")
    if challenger is None:
        return ChallengerView(why_not="challenger_none")
    empty = ChallengerView(version=challenger.meta.version, gates=challenger.meta.gates)
    if challenger.meta.fingerprint == view.record.model.fingerprint:
        return replace(empty, why_not="challenger_same")
    if view.evidence is None:
        return replace(empty, why_not="challenger_no_features")
    values = {seen.name: seen.value for seen in view.evidence.bundle.features}
    lacking = [name for name in challenger.model.feature_names if name not in values]
    if lacking:
        message = (
            f"{', '.join(lacking[:_NAMED_AT_MOST])}{', …' if len(lacking) > _NAMED_AT_MOST else ''} ({len(lacking)})"
        )
        return replace(empty, why_not="challenger_columns", detail=message)
    return replace(empty, opinion=_opinion(challenger, values, view, language))


def _opinion(
    challenger: Challenger, values: dict[str, float | None], view: DecisionView, language: Language
) -> OtherOpinion:
    model, record = challenger.model, view.record
    row = [values[name] for name in model.feature_names]
    # Each value is the double of a Float32, so that the row has the bits that were scored.
    rows = np.array([[np.nan if value is None else value for value in row]], dtype=np.float32)
    scored, parts = score(model, rows), contributions(model, rows)
    (tier,) = scored.tiers
    probability, low, high = float(scored.probability[0]), float(scored.low[0]), float(scored.high[0])
    by_family: dict[str, float] = dict(zip(model.families, parts.by_family[0].tolist(), strict=True))
    found = (
        FamilyDifference(
            label=view.families.get(name, name),
            recorded=record.contributions.get(name, 0.0),
            challenger=by_family.get(name, 0.0),
        )
        for name in dict.fromkeys([*record.contributions, *by_family])
    )
    far = sorted(
        (each for each in found if abs(each.challenger - each.recorded) >= _LEAST_DIFFERENCE),
        key=lambda each: -abs(each.challenger - each.recorded),
    )
    return OtherOpinion(
        tier=tier.value,
        differs=tier.value != record.tier,
        probability=probability,
        low=low,
        high=high,
        chance=chance(probability, low, high, language),
        differences=tuple(far[:_MOST_DIFFERENCES]),
    )
