"""Pages of many rows: what matters is at the top, tiers stand in their own order, and no page leads to an empty one."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from linerisk import as_of
from linerisk.console.app import Console
from linerisk.console.case_page import MOST_LISTED
from linerisk.console.line_history import MOST_DECISIONS
from linerisk.console.statistics_pages import MOST_ACCESSES
from linerisk.review.transitions import REVIEWER, SCORER, Actor, Outcome
from linerisk.service.request_types import LineById, ScoreRequest
from linerisk.service.scoring import score_by_id
from linerisk.web.state import ServiceState

LI, SYSTEM = Actor("a-reviewer", REVIEWER), Actor("a-scorer", SCORER)


def decide_one_of_each_tier(settings: Any, version: str) -> None:
    """Let the live model score lines, and clear a dispute about one of each tier that it gives."""
    state = ServiceState(settings)
    try:
        lines = [LineById(f"line-{i:03}") for i in range(20, 200)]
        records, _ = score_by_id(state, ScoreRequest(request_id=version, lines=lines), caller=SYSTEM.name)
        state.log.append(SYSTEM.name, version, "body", records)
        for tier, record in {record.tier: record for record in records if record.tier != "normal"}.items():
            said = {"statement": "I deliver parcels.", "channel": "hotline"}
            opened = state.disputes.open(SYSTEM, record.decision_id, request_id=f"o-{version}-{tier}", **said)
            state.disputes.assign(LI, opened.dispute_id, assignee=LI.name, request_id=f"a-{version}-{tier}")
            found = {"outcome": Outcome.CLEARED, "reason": "The employer confirmed what the line is used for."}
            state.disputes.decide(LI, opened.dispute_id, request_id=f"d-{version}-{tier}", **found)
    finally:
        state.close()


def test_the_newest_version_stands_first_and_of_each_the_lowest_tier(
    world: Any, read_pages: Callable[..., dict[str, Any]]
) -> None:
    for version, seed in (("9", 7), ("10", 8)):
        world.promote(version=version, seed=seed)
        decide_one_of_each_tier(world.settings, version)
    state = ServiceState(world.settings)
    try:
        told = read_pages(Console(state), world.tokens["lead"], "/overturns", "/model")
    finally:
        state.close()
    overturns = re.findall(r"<tr><td>(\d+)</td><th scope=\"row\"><code>A\d\d", told["/overturns"].text)
    assert overturns == sorted(overturns, key=int, reverse=True)
    assert set(overturns) == {"9", "10"}
    rows = re.findall(r'<tr><th scope="row">(\d+)</th><td><span class="tier (\w+)"', told["/model"].text)
    tiers = ["medium_low", "medium_high", "extremely_high"]
    assert rows == sorted(rows, key=lambda row: (-int(row[0]), tiers.index(row[1])))
    assert len(rows) > len({version for version, _ in rows}) == 2


@pytest.mark.parametrize("more", [0, 1])
def test_a_page_leads_to_older_rows_only_where_there_are_some(
    world: Any, read_pages: Callable[..., dict[str, Any]], more: int
) -> None:
    state = ServiceState(world.settings)
    try:
        for number in range(MOST_DECISIONS + more):
            request = ScoreRequest(request_id=str(number), lines=[LineById("line-020")])
            records, _ = score_by_id(state, request, caller=SYSTEM.name)
            state.log.append(SYSTEM.name, str(number), "body", records)
        for number in range(MOST_ACCESSES + more):
            state.accesses.record(LI, "case", f"case-{number}", at=as_of.now())
        told = read_pages(Console(state), world.tokens["lead"], "/audit", "/lines?id=line-020")
    finally:
        state.close()
    assert {path: "Older" in answer.text for path, answer in told.items()} == dict.fromkeys(told, bool(more))


def test_a_case_that_was_opened_more_often_than_is_listed_says_so(
    world: Any, read_pages: Callable[..., dict[str, Any]]
) -> None:
    state = ServiceState(world.settings)
    try:
        records, _ = score_by_id(state, ScoreRequest(request_id="r", lines=[LineById("line-020")]), caller=SYSTEM.name)
        state.log.append(SYSTEM.name, "r", "body", records)
        said = {"statement": "I deliver parcels.", "channel": "hotline", "request_id": "o"}
        case = state.disputes.open(SYSTEM, records[0].decision_id, **said).dispute_id
        told = []
        for before in (MOST_LISTED - 1, 1):
            state.accesses.record(LI, "case", *[case] * before, at=as_of.now())
            answer = read_pages(Console(state), world.tokens["lead"], f"/cases/{case}")[f"/cases/{case}"]
            told += re.findall(r"Who opened this case \((.*?)\)", answer.text)
    finally:
        state.close()
    assert told == [f"{MOST_LISTED}", f"{MOST_LISTED}+"]
