"""Similar cases: decided disputes of other lines whose decisions have similar contributions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from sqlalchemy import bindparam, select

from linerisk.decisions.log import DecisionLog
from linerisk.decisions.record import DecisionRecord
from linerisk.decisions.schema import decisions, disputes
from linerisk.errors import DecisionLogError
from linerisk.review.disputes import Dispute
from linerisk.review.projection import decode_dispute
from linerisk.review.similarity import similarities
from linerisk.review.transitions import Outcome

MAX_COMPARED = 2_000
"""Cases of the tier that are compared, latest first: enough to find similar ones, few enough for a page to be fast."""
MIN_SIMILARITY = 0.5
"""Cases with less than half in common are not similar."""
MAX_COUNTED = 20
MAX_LISTED = 5


@dataclass(frozen=True, slots=True)
class SimilarCase:
    """One decided case that is similar to a given case.

    Attributes:
        dispute: The case, without events.
        similarity: From `MIN_SIMILARITY` to 1; see `review.similarity`.
    """

    dispute: Dispute
    similarity: float


@dataclass(frozen=True, slots=True)
class SimilarCases:
    """Decided cases that are similar to a given case.

    Attributes:
        listed: The most similar, at most `MAX_LISTED`; of equally similar ones, the latest is first.
        counted: How many of the most similar are counted, at most `MAX_COUNTED`.
        overturned: How many of those were cleared or lowered.
        compared: How many decided cases of the tier were compared, at most `MAX_COMPARED`.
    """

    listed: tuple[SimilarCase, ...]
    counted: int
    overturned: int
    compared: int


def find_similar_cases(log: DecisionLog, dispute: Dispute, contributions: Mapping[str, float]) -> SimilarCases:
    """Find the most similar decided cases of the same tier about other lines.

    Decided means cleared, lowered, upheld or inconclusive: withdrawn and expired cases have no finding. Another version
    of the model may have scored them, since contributions are log-odds in every version.

    Args:
        log: The decision log.
        dispute: The case.
        contributions: Log-odds by family of its decision.
    """
    terms = {"tier": dispute.tier, "line_id": dispute.line_id, "dispute_id": dispute.dispute_id}
    with log.reading() as connection:
        rows = connection.execute(_DECIDED, terms).all()
        similarity = similarities(contributions, [_DECODER.decode(row.contributions) for row in rows])
        # A stable sort keeps the latest of equally similar cases first.
        ordered = np.argsort(-similarity, kind="stable")[:MAX_COUNTED].tolist()
        nearest = [at for at in ordered if similarity[at] >= MIN_SIMILARITY]
        listed = [rows[at].dispute_id for at in nearest[:MAX_LISTED]]
        records = {row.dispute_id: row.record for row in connection.execute(_RECORDS, {"dispute_ids": listed})}
    return SimilarCases(
        listed=tuple(
            SimilarCase(decode_dispute(records[name]), float(similarity[at]))
            for name, at in zip(listed, nearest, strict=False)
            if name in records  # it may have been erased between the queries
        ),
        counted=len(nearest),
        overturned=sum(rows[at].state in _OVERTURNED for at in nearest),
        compared=len(rows),
    )


def latest_decided(log: DecisionLog, *, among: int) -> tuple[tuple[Outcome, DecisionRecord], ...]:
    """Findings of the cases that ended last, each with the disputed decision.

    Args:
        log: The decision log.
        among: How many of the latest ended cases are read; withdrawn and expired ones among them are left out.
    """
    with log.reading() as connection:
        rows = connection.execute(_LATEST, {"most": among}).all()
    return tuple(_readable(rows))


def _readable(rows: Iterable[Any]) -> Iterator[tuple[Outcome, DecisionRecord]]:
    """Decided cases with a readable record; `linerisk audit verify` reports the unreadable ones."""
    for row in rows:
        if row.state in set(Outcome):
            try:
                record = DecisionRecord.from_json(row.record)
            except DecisionLogError:
                continue
            yield Outcome(row.state), record


_OVERTURNED = (Outcome.CLEARED.value, Outcome.LOWERED.value)
_DECODER = msgspec.json.Decoder(dict[str, float])
_DECIDED = (
    select(disputes.c.dispute_id, disputes.c.state, disputes.c.contributions)
    .where(
        disputes.c.tier == bindparam("tier"),
        disputes.c.closed_at.is_not(None),
        disputes.c.state.in_([outcome.value for outcome in Outcome]),
        disputes.c.contributions.is_not(None),
        disputes.c.line_id != bindparam("line_id"),
        disputes.c.dispute_id != bindparam("dispute_id"),
    )
    .order_by(disputes.c.closed_at.desc(), disputes.c.dispute_id.desc())
    .limit(MAX_COMPARED)
)
_RECORDS = select(disputes.c.dispute_id, disputes.c.record).where(
    disputes.c.dispute_id.in_(bindparam("dispute_ids", expanding=True))
)
_LATEST = (
    select(disputes.c.state, decisions.c.record)
    .join(decisions, decisions.c.decision_id == disputes.c.decision_id)
    .where(disputes.c.closed_at.is_not(None))
    .order_by(disputes.c.closed_at.desc())
    .limit(bindparam("most"))
)
