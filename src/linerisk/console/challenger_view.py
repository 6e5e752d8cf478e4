"""What the version that asks to be live would have said of a decision: beside it, and in force nowhere."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from linerisk.console.decision_view import DecisionShown
from linerisk.console.page_request import ConsoleContext
from linerisk.console.translations import chance
from linerisk.errors import LineriskError
from linerisk.explanation import contributions
from linerisk.live import Challenger
from linerisk.scoring import score
from linerisk.suspension.local_time import Language

_MOST_APART: Final = 3
_LEAST_APART: Final = 0.1
_NAMED_AT_MOST: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyApart:
    """A family to which the two versions give another weight.

    Attributes:
        label: Its plain name.
        recorded: Log-odds that it added in the decision.
        said: Log-odds that it adds by the challenger.
    """

    label: str
    recorded: float
    said: float


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
        apart: Families to which it gives another weight, the most apart first; at most three.
    """

    tier: str
    differs: bool
    probability: float
    low: float
    high: float
    chance: str
    apart: tuple[FamilyApart, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChallengerShown:
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


def challenger_shown(room: ConsoleContext, shown: DecisionShown, language: Language) -> ChallengerShown:
    """What the challenger would have said of the features of a decision.

    What is wrong with its files is told on the page of the model: whoever works a case cannot mend it.
    """
    try:
        challenger = room.challengers.current()
    except LineriskError:
        return ChallengerShown(why_not="challenger_unread")
    if challenger is None:
        return ChallengerShown(why_not="challenger_none")
    said = ChallengerShown(version=challenger.meta.version, gates=challenger.meta.gates)
    if challenger.meta.fingerprint == shown.record.model.fingerprint:
        return replace(said, why_not="challenger_same")
    if shown.evidence is None:
        return replace(said, why_not="challenger_no_features")
    values = {seen.name: seen.value for seen in shown.evidence.bundle.features}
    lacking = [name for name in challenger.model.feature_names if name not in values]
    if lacking:
        told = f"{', '.join(lacking[:_NAMED_AT_MOST])}{', …' if len(lacking) > _NAMED_AT_MOST else ''} ({len(lacking)})"
        return replace(said, why_not="challenger_columns", detail=told)
    return replace(said, opinion=_opinion(challenger, values, shown, language))


def _opinion(
    challenger: Challenger, values: dict[str, float | None], shown: DecisionShown, language: Language
) -> OtherOpinion:
    model, record = challenger.model, shown.record
    row = [values[name] for name in model.feature_names]
    # Each value is the double of a Float32, so that the row has the bits that were scored.
    rows = np.array([[np.nan if value is None else value for value in row]], dtype=np.float32)
    scored, parts = score(model, rows), contributions(model, rows)
    (tier,) = scored.tiers
    probability, low, high = float(scored.probability[0]), float(scored.low[0]), float(scored.high[0])
    said: dict[str, float] = dict(zip(model.families, parts.by_family[0].tolist(), strict=True))
    apart = (
        FamilyApart(
            label=shown.families.get(name, name), recorded=record.contributions.get(name, 0.0), said=said.get(name, 0.0)
        )
        for name in dict.fromkeys([*record.contributions, *said])
    )
    far = sorted(
        (each for each in apart if abs(each.said - each.recorded) >= _LEAST_APART),
        key=lambda each: -abs(each.said - each.recorded),
    )
    return OtherOpinion(
        tier=tier.value,
        differs=tier.value != record.tier,
        probability=probability,
        low=low,
        high=high,
        chance=chance(probability, low, high, language),
        apart=tuple(far[:_MOST_APART]),
    )
