"""The version that asks to be live beside what reviewers found: how often it would have said the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from linerisk.console.page_request import ConsoleContext
from linerisk.console.problem_text import problem_text
from linerisk.decisions.recorded_features import columns_id, matrix_row
from linerisk.errors import LineriskError
from linerisk.model.risk_model import RiskModel
from linerisk.model.tiers import TIERS, Tier
from linerisk.review.similar_cases import latest_decided
from linerisk.review.transitions import OVERTURNED, Outcome
from linerisk.scoring import score
from linerisk.suspension.local_time import Language

_LATEST: Final = 200
_Tiers = npt.NDArray[np.int8]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChallengerCounted:
    """The challenger beside the decided among the cases that ended last, if their features have the columns it takes.

    Attributes:
        version: Its version; empty where there is none, or where it cannot be read.
        gates: `passed` or `failed`; empty like the version.
        cases: How many cases.
        same: How many of them have the tier that it gives.
        overturned: How many were cleared or lowered.
        lower: How many of those it gives a lower tier.
        upheld: How many were upheld.
        kept: How many of those it gives the same tier or a higher one.
        why_not: Why there is none, as a key of words; empty where there is one.
        detail: The facts of that; empty where there are none.
    """

    version: str = ""
    gates: str = ""
    cases: int = 0
    same: int = 0
    overturned: int = 0
    lower: int = 0
    upheld: int = 0
    kept: int = 0
    why_not: str = ""
    detail: str = ""


def challenger_counted(context: ConsoleContext, language: Language) -> ChallengerCounted:
    """The challenger beside what was found in the 200 cases that ended last."""
    try:
        challenger = context.challengers.current()
    except LineriskError as error:
        return ChallengerCounted(why_not="challenger_unread", detail=problem_text(error, language))
    if challenger is None:
        return ChallengerCounted(why_not="challenger_none")
    found, recorded, challenged = _compared_tiers(context, challenger.model)
    overturned = np.array([outcome in OVERTURNED for outcome in found], dtype=np.bool_)
    upheld = np.array([outcome is Outcome.UPHELD for outcome in found], dtype=np.bool_)
    return ChallengerCounted(
        version=challenger.meta.version,
        gates=challenger.meta.gates,
        cases=len(found),
        same=int((challenged == recorded).sum()),
        overturned=int(overturned.sum()),
        lower=int((challenged < recorded)[overturned].sum()),
        upheld=int(upheld.sum()),
        kept=int((challenged >= recorded)[upheld].sum()),
    )


def _compared_tiers(context: ConsoleContext, model: RiskModel) -> tuple[list[Outcome], _Tiers, _Tiers]:
    """What was found, the tiers that were recorded and those that a model gives, as indexes into `TIERS`."""
    takes = columns_id(model.feature_names)
    cases = [
        (outcome, record)
        for outcome, record in latest_decided(context.state.log, among=_LATEST)
        if record.features.columns == takes
    ]
    rows = [matrix_row(record.features, model.feature_names) for _, record in cases]
    challenged = score(model, np.concatenate(rows)).tier_index if rows else np.empty(0, dtype=np.int8)
    recorded = np.array([TIERS.index(Tier(record.tier)) for _, record in cases], dtype=np.int8)
    return [outcome for outcome, _ in cases], recorded, challenged
