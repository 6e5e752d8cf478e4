"""Writing a move: an event of the chain and what the register says of it, in one transaction."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, select

from linerisk.decisions.errors import ConflictError, conflict
from linerisk.decisions.events import ChainedEvent
from linerisk.decisions.schema import decisions, disputes, events
from linerisk.review import projection
from linerisk.review.disputes import Dispute, Event, after, event_of, folded, json_of
from linerisk.review.errors import IN_THE_QUEUE, IllegalMoveError, UnknownDisputeError
from linerisk.review.queries import Reading
from linerisk.review.transitions import Actor


class Chaining(Reading):
    """What every move has in common: it is written once, and told once it is on disk."""

    def _chain(self, before: Dispute | None, event: Event, asked: str) -> Dispute:
        """Write an event, and with it where the dispute stands; the dispute with it."""
        dispute = after(before, event)

        def refusal(connection: Connection) -> ConflictError | None:
            if before is not None:
                return None
            open_already = connection.execute(_OPEN, {"decision_id": dispute.decision_id}).scalar()
            if open_already is not None:
                return IllegalMoveError(
                    "a dispute of this decision is open already",
                    todo="look for it by the decision",
                    field="decision_id",
                )
            gone = connection.execute(_STANDS, {"decision_id": dispute.decision_id}).scalar() is None
            return (
                IllegalMoveError(
                    "the decision was erased meanwhile",
                    todo="answer the objection without this log: the record is past its retention",
                    field="decision_id",
                )
                if gone
                else None
            )

        def project(connection: Connection, seq: int) -> None:
            decision_seq = connection.execute(_STANDS, {"decision_id": dispute.decision_id}).scalar_one()
            projection.enter(connection, dispute, decision_seq=decision_seq, seq=seq)

        chained = ChainedEvent(
            dispute_id=event.dispute_id,
            number=event.number,
            caller=event.by,
            request_id=event.request_id,
            body_hash=asked,
            decision_id=dispute.decision_id,
            happened_at=event.at,
            record=json_of(event),
        )
        stored = self._log.append_event(chained, refusal=refusal, project=project)
        return self._as_of_event(event_of(stored.record)) if stored.repeated else dispute

    def _told_before(self, actor: Actor, request_id: str, asked: str) -> Dispute | None:
        """What the same request was answered with.

        Raises:
            ConflictError: It was made with another content.
        """
        with self._log.reading() as connection:
            row = connection.execute(_ASKED, {"caller": actor.name, "request_id": request_id}).first()
        if row is None:
            return None
        if row.body_hash != asked:
            raise conflict()
        return self._as_of_event(event_of(row.record))

    def _as_of_event(self, event: Event) -> Dispute:
        """The dispute as it stood after an event."""
        dispute = folded(each for each in self.events_of(event.dispute_id) if each.number <= event.number)
        if dispute is None:
            raise unknown()
        return dispute


def unknown() -> UnknownDisputeError:
    """The refusal of an id that no dispute has."""
    return UnknownDisputeError("there is no such dispute", todo=IN_THE_QUEUE, field="dispute_id")


_OPEN = select(disputes.c.dispute_id).where(disputes.c.decision_id == bindparam("decision_id"), disputes.c.is_open == 1)
_STANDS = select(decisions.c.seq).where(
    decisions.c.decision_id == bindparam("decision_id"), decisions.c.erasure.is_(None)
)
_ASKED = select(events.c.body_hash, events.c.record).where(
    events.c.caller == bindparam("caller"), events.c.request_id == bindparam("request_id")
)
