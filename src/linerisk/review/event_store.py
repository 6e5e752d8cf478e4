"""Event store of disputes: appends an event to the chain and updates the projection in one transaction."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, select

from linerisk.decisions.errors import ConflictError, conflict
from linerisk.decisions.events import ChainedEvent
from linerisk.decisions.schema import decisions, disputes, events
from linerisk.review import projection
from linerisk.review.disputes import Dispute, Event, apply_event, decode_event, encode_event, fold
from linerisk.review.errors import UNKNOWN_DISPUTE_TODO, IllegalTransitionError, UnknownDisputeError
from linerisk.review.queries import DisputeQueries
from linerisk.review.transitions import Actor


class DisputeEventStore(DisputeQueries):
    """Appends events idempotently: a repeated request returns the stored answer."""

    def _append(self, before: Dispute | None, event: Event, body_hash: str) -> Dispute:
        """Append an event and project the dispute after it, which is returned once both are on disk."""
        dispute = apply_event(before, event)

        def refusal(connection: Connection) -> ConflictError | None:
            if before is not None:
                return None
            open_already = connection.execute(_OPEN, {"decision_id": dispute.decision_id}).scalar()
            if open_already is not None:
                return IllegalTransitionError(
                    "this decision has an open dispute already",
                    todo="look for it by the decision",
                    field="decision_id",
                )
            erased = connection.execute(_NOT_ERASED, {"decision_id": dispute.decision_id}).scalar() is None
            return (
                IllegalTransitionError(
                    "the decision was erased meanwhile",
                    todo="answer the objection without this log: the record is past its retention",
                    field="decision_id",
                )
                if erased
                else None
            )

        def project(connection: Connection, seq: int) -> None:
            decision_seq = connection.execute(_NOT_ERASED, {"decision_id": dispute.decision_id}).scalar_one()
            projection.save(connection, dispute, decision_seq=decision_seq, seq=seq)

        chained = ChainedEvent(
            dispute_id=event.dispute_id,
            number=event.number,
            caller=event.by,
            request_id=event.request_id,
            body_hash=body_hash,
            decision_id=dispute.decision_id,
            happened_at=event.at,
            record=encode_event(event),
        )
        stored = self._log.append_event(chained, refusal=refusal, project=project)
        return self._after_event(decode_event(stored.record)) if stored.repeated else dispute

    def _stored_answer(self, actor: Actor, request_id: str, body_hash: str) -> Dispute | None:
        """The answer that the same request got before; None for a new request.

        Raises:
            ConflictError: The earlier request had another content.
        """
        with self._log.reading() as connection:
            row = connection.execute(_BY_REQUEST, {"caller": actor.name, "request_id": request_id}).first()
        if row is None:
            return None
        if row.body_hash != body_hash:
            raise conflict()
        return self._after_event(decode_event(row.record))

    def _after_event(self, event: Event) -> Dispute:
        """The dispute as it was directly after an event."""
        dispute = fold(each for each in self.events_of(event.dispute_id) if each.number <= event.number)
        if dispute is None:
            raise unknown_dispute()
        return dispute


def unknown_dispute() -> UnknownDisputeError:
    """The error for an id that no dispute has."""
    return UnknownDisputeError("there is no such dispute", todo=UNKNOWN_DISPUTE_TODO, field="dispute_id")


_OPEN = select(disputes.c.dispute_id).where(disputes.c.decision_id == bindparam("decision_id"), disputes.c.is_open == 1)
_NOT_ERASED = select(decisions.c.seq).where(
    decisions.c.decision_id == bindparam("decision_id"), decisions.c.erasure.is_(None)
)
_BY_REQUEST = select(events.c.body_hash, events.c.record).where(
    events.c.caller == bindparam("caller"), events.c.request_id == bindparam("request_id")
)
