"""Lines by their id, and one decision on its own."""

from __future__ import annotations

from dataclasses import dataclass

from linerisk.service.console.decision_shown import DecisionShown, decision_shown
from linerisk.service.console.history import History, history_of
from linerisk.service.console.visits import Room, Shown, Visit
from linerisk.service.errors import NotFoundError
from linerisk.service.queries import checked_id
from linerisk.tables.identity import key_of_id, load_secret


@dataclass(frozen=True, slots=True, kw_only=True)
class LinePage:
    """The page to look up a line.

    Attributes:
        line_id: What was looked for; empty before.
        history: What was found; None before.
    """

    line_id: str
    history: History | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionPage:
    """A decision on its own.

    Attributes:
        decision: The decision with all that stands behind it.
        history: Decisions and disputes of its line.
    """

    decision: DecisionShown
    history: History


def line_page(room: Room, visit: Visit) -> Shown:
    """Answer `GET /review/lines`: the form, and with `id` what is known of that line."""
    line_id = visit.query.get("id", "").strip()
    if not line_id:
        return Shown("line.html.j2", LinePage(line_id="", history=None))
    checked_id(line_id, field="id")
    before = visit.query.get("before") or None
    if before is not None:
        checked_id(before, field="before")
    key = key_of_id(line_id, secret=load_secret(room.desk.settings))
    room.accesses.record(visit.actor, "line", str(key), at=visit.now)
    return Shown("line.html.j2", LinePage(line_id=line_id, history=history_of(room, visit, line_id, before=before)))


def decision_page(room: Room, visit: Visit) -> Shown:
    """Answer `GET /review/decisions/{id}`."""
    record = room.desk.log.get(checked_id(visit.params["id"], field="id"))
    if record is None:
        raise NotFoundError("there is no such decision", field="id")
    room.accesses.record(visit.actor, "decision", record.decision_id, at=visit.now)
    page = DecisionPage(
        decision=decision_shown(room, record, visit.language), history=history_of(room, visit, record.line_id)
    )
    return Shown("decision.html.j2", page)
