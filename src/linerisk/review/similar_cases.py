"""Decided cases that are like one case: how people found about other lines whose decisions came about alike."""

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
from linerisk.review.projection import dispute_of
from linerisk.review.similarity import likeness
from linerisk.review.transitions import Outcome

MOST_COMPARED = 2_000
"""Cases that are compared, those of the tier that ended last: enough to find some alike, and a page need not wait."""
LEAST_LIKENESS = 0.5
"""With less than half in common, a case is not said to be like another."""
MOST_COUNTED = 20
MOST_LISTED = 5


@dataclass(frozen=True, slots=True)
class Peer:
    """One decided case like the one that is looked at.

    Attributes:
        dispute: The case, without events.
        likeness: From `LEAST_LIKENESS` to 1; see `review.similarity`.
    """

    dispute: Dispute
    likeness: float


@dataclass(frozen=True, slots=True)
class Peers:
    """Decided cases like one case.

    Attributes:
        listed: The most alike, at most `MOST_LISTED`; of two alike, the one that ended later is first.
        counted: How many of the most alike are counted, at most `MOST_COUNTED`.
        overturned: How many of those were cleared or lowered.
        compared: How many decided cases of the tier were compared in all, at most `MOST_COMPARED`.
    """

    listed: tuple[Peer, ...]
    counted: int
    overturned: int
    compared: int


def peers_of(log: DecisionLog, dispute: Dispute, contributions: Mapping[str, float]) -> Peers:
    """The decided cases of the same tier, about other lines, that are most alike.

    Decided are those that were cleared, lowered, upheld or found inconclusive; not those that were withdrawn or
    expired, of which nobody found anything. Another version of the model may have scored them: a contribution is
    log-odds in every version.

    Args:
        log: Where they are.
        dispute: The case.
        contributions: Log-odds by family of its decision.
    """
    terms = {"tier": dispute.tier, "line_id": dispute.line_id, "dispute_id": dispute.dispute_id}
    with log.reading() as connection:
        rows = connection.execute(_DECIDED, terms).all()
        alike = likeness(contributions, [_DECODER.decode(row.contributions) for row in rows])
        # Stable, so that of two alike the one that ended later stays first.
        nearest = [
            at for at in np.argsort(-alike, kind="stable")[:MOST_COUNTED].tolist() if alike[at] >= LEAST_LIKENESS
        ]
        named = [rows[at].dispute_id for at in nearest[:MOST_LISTED]]
        records = {row.dispute_id: row.record for row in connection.execute(_RECORDS, {"named": named})}
    return Peers(
        listed=tuple(
            Peer(dispute_of(records[name]), float(alike[at]))
            for name, at in zip(named, nearest, strict=False)
            if name in records  # it may have been erased meanwhile
        ),
        counted=len(nearest),
        overturned=sum(rows[at].state in _OVERTURNED for at in nearest),
        compared=len(rows),
    )


def latest_decided(log: DecisionLog, *, among: int) -> tuple[tuple[Outcome, DecisionRecord], ...]:
    """What was found in the cases that ended last, with the decisions that it was found about.

    Args:
        log: Where they are.
        among: How many of those that ended last are looked at; the withdrawn and expired of them are left out.
    """
    with log.reading() as connection:
        rows = connection.execute(_LATEST, {"most": among}).all()
    return tuple(_readable(rows))


def _readable(rows: Iterable[Any]) -> Iterator[tuple[Outcome, DecisionRecord]]:
    """Decided cases whose records can be read; that one cannot is for the walk along the chain to say."""
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
    .limit(MOST_COMPARED)
)
_RECORDS = select(disputes.c.dispute_id, disputes.c.record).where(
    disputes.c.dispute_id.in_(bindparam("named", expanding=True))
)
_LATEST = (
    select(disputes.c.state, decisions.c.record)
    .join(decisions, decisions.c.decision_id == disputes.c.decision_id)
    .where(disputes.c.closed_at.is_not(None))
    .order_by(disputes.c.closed_at.desc())
    .limit(bindparam("most"))
)
