"""Decided cases like the one on a page, in one language; no line id among them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from linerisk.console.page_request import ConsoleContext
from linerisk.console.translations import both
from linerisk.decisions.record import DecisionRecord
from linerisk.decisions.recorded_features import columns_id, named_features
from linerisk.errors import LineriskError
from linerisk.explanation.value_text import BY_UNIT
from linerisk.features.catalogue import FEATURE_NAMES
from linerisk.review.disputes import Dispute
from linerisk.review.similar_cases import MIN_SIMILARITY, SimilarCase, find_similar_cases
from linerisk.suspension.local_time import Language

_AGE: Final = "tenure_days"
_IN_WORDS: Final = ((0.9, "alike_very"), (0.7, "alike_mostly"), (MIN_SIMILARITY, "alike_half"))


@dataclass(frozen=True, slots=True, kw_only=True)
class SimilarCaseRow:
    """One decided case like the one on the page.

    Attributes:
        dispute_id: Where its page is.
        case_number: What it is called.
        state: What was found: `cleared`, `lowered`, `upheld` or `inconclusive`.
        lowered_to: The tier that stands instead; of `lowered` alone.
        overturned: Whether it ended in the holder's favour.
        closed_at: When.
        alike: How alike, in percent, rounded down so that 100 is the same.
        alike_words: The same as a key of words.
        reason: The first reason of its decision; empty where none was said.
        code: Code of that reason.
        age: Age of its line; empty where its decision does not say.
        tier: Its tier, that of the case on the page.
        other_model: Version of the model where it is not that of the case on the page; else empty.
    """

    dispute_id: str
    case_number: str
    state: str
    lowered_to: str | None
    overturned: bool
    closed_at: datetime | None
    alike: int
    alike_words: str
    reason: str
    code: str
    age: str
    tier: str
    other_model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SimilarCasesView:
    """Decided cases like the one on the page.

    Attributes:
        rows: The most alike, at most five.
        counted: Of how many of the most alike the outcomes are counted.
        overturned: How many of those were cleared or lowered.
        compared: How many decided cases of the same tier were compared.
    """

    rows: tuple[SimilarCaseRow, ...]
    counted: int
    overturned: int
    compared: int


def similar_cases_of(
    context: ConsoleContext, dispute: Dispute, record: DecisionRecord, language: Language
) -> SimilarCasesView:
    """The decided cases most like one, with what was found in each."""
    found = find_similar_cases(context.state.log, dispute, record.contributions)
    return SimilarCasesView(
        rows=tuple(_row(similar, _record(context, similar.dispute), record, language) for similar in found.listed),
        counted=found.counted,
        overturned=found.overturned,
        compared=found.compared,
    )


def _record(context: ConsoleContext, dispute: Dispute) -> DecisionRecord | None:
    """The decision of another case; a damaged one must not keep this page from being read."""
    try:
        return context.state.log.get(dispute.decision_id)
    except LineriskError:
        return None


def _row(
    similar: SimilarCase, record: DecisionRecord | None, own: DecisionRecord, language: Language
) -> SimilarCaseRow:
    dispute = similar.dispute
    first = None if record is None or not record.reasons else record.reasons[0]
    return SimilarCaseRow(
        dispute_id=dispute.dispute_id,
        case_number=dispute.case_number,
        state=dispute.state.value,
        lowered_to=dispute.lowered_to,
        overturned=dispute.overturned,
        closed_at=dispute.closed_at,
        alike=math.floor(similar.similarity * 100 + 1e-9),
        alike_words=next(words for least, words in _IN_WORDS if similar.similarity >= least),
        reason="" if first is None else both((first.zh, first.en), language),
        code="" if first is None else first.code,
        age="" if record is None else _age(record, language),
        tier=dispute.tier,
        other_model="" if dispute.model == own.model.version else dispute.model,
    )


def _age(record: DecisionRecord, language: Language) -> str:
    """The age of a line; only from rows over the catalogue, since no other model is read for it."""
    if record.features.columns != columns_id(FEATURE_NAMES):
        return ""
    try:
        days = named_features(record.features, FEATURE_NAMES)[_AGE]
    except LineriskError:
        return ""
    return "" if days is None else both(BY_UNIT["days"](days), language)
