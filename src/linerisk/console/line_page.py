"""Lines by their id, cases by the number in a notice, and one decision on its own."""

from __future__ import annotations

from dataclasses import dataclass

from linerisk.console.decision_view import DecisionView, decision_view_of
from linerisk.console.line_history import History, decision_row, history_of
from linerisk.console.page_request import ConsoleContext, Page, PageRequest
from linerisk.console.queue_page import row_of
from linerisk.decisions.case_numbers import decisions_numbered, read_number
from linerisk.web.errors import NotFoundError
from linerisk.web.query_params import checked_id


@dataclass(frozen=True, slots=True, kw_only=True)
class LinePage:
    """The page to look up a line or a case.

    Attributes:
        line_id: The line that was looked for; empty where none was.
        case: The case number that was looked for; empty where none was.
        history: What was found; None where nothing was looked for.
    """

    line_id: str
    case: str
    history: History | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionPage:
    """A decision on its own.

    Attributes:
        decision: The decision with all that stands behind it.
        history: Decisions and disputes of its line.
    """

    decision: DecisionView
    history: History


def line_page(context: ConsoleContext, request: PageRequest) -> Page:
    """Answer `GET /review/lines`: the forms, with `id` what is known of that line, with `case` what has that number."""
    line_id, case = request.query.get("id", "").strip(), request.query.get("case", "").strip()
    if case:
        page = LinePage(
            line_id="", case=case, history=_history_of_case(context, request, checked_id(case, field="case"))
        )
        return Page("line.html.j2", page)
    if not line_id:
        return Page("line.html.j2", LinePage(line_id="", case="", history=None))
    checked_id(line_id, field="id")
    before = request.query.get("before") or None
    if before is not None:
        checked_id(before, field="before")
    context.accesses.record(request.actor, "line", str(context.state.key_of(line_id)), at=request.now)
    history = history_of(context, request, line_id, before=before)
    return Page("line.html.j2", LinePage(line_id=line_id, case="", history=history))


def _history_of_case(context: ConsoleContext, request: PageRequest, case: str) -> History:
    """The decisions that a case number fits and their disputes; of a number of an older form its dispute."""
    log, disputes = context.state.log, context.state.disputes
    number = read_number(case)
    found = () if number is not None else disputes.by_case_number(case.upper())
    ids = [each.decision_id for each in found] if number is None else decisions_numbered(log, number)
    if ids:
        context.accesses.record(request.actor, "decision", *ids, at=request.now)
    records = [record for record in map(log.get, ids) if record is not None]
    rows = tuple(row_of(each, request) for decision_id in ids for each in disputes.of_decision(decision_id))
    return History(decisions=tuple(map(decision_row, records)), before=None, disputes=rows)


def decision_page(context: ConsoleContext, request: PageRequest) -> Page:
    """Answer `GET /review/decisions/{id}`."""
    record = context.state.log.get(checked_id(request.params["id"], field="id"))
    if record is None:
        raise NotFoundError("there is no such decision", todo="look for it by its line or case number", field="id")
    context.accesses.record(request.actor, "decision", record.decision_id, at=request.now)
    page = DecisionPage(
        decision=decision_view_of(context, record, request.language),
        history=history_of(context, request, record.line_id),
    )
    return Page("decision.html.j2", page)
