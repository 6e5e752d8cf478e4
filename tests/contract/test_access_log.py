"""Reads by people over the API are in the access log before they are answered; requests of a scorer are not."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from linerisk.decisions.log import DecisionLog
from linerisk.review.access_log import Accesses
from linerisk.tables.identity import key_of_id, load_secret
from linerisk.web.query_params import MOST_ROWS

PEOPLE = ("reviewer", "lead", "auditor")
_numbers = itertools.count()


@pytest.fixture(scope="module")
def service(world_of_module: Any, serving: Callable[..., Any]) -> Iterator[Any]:
    with serving(world_of_module) as started:
        yield started


@pytest.fixture(scope="module")
def decision(service: Any) -> dict[str, Any]:
    """A decision with an action, so that it has a notice."""
    decisions = service.score("accesses", *(f"line-{i:03}" for i in range(20, 120))).json()["decisions"]
    found: dict[str, Any] = next(each for each in decisions if each["action"]["kind"] == "verify")
    return found


@pytest.fixture(scope="module")
def case(service: Any, decision: dict[str, Any]) -> str:
    body = {"decision_id": decision["decision_id"], "statement": "It is my own number.", "channel": "hotline"}
    opened = service.client("scorer").post("/v1/disputes", json={"request_id": f"accesses-{next(_numbers)}", **body})
    dispute_id: str = opened.json()["dispute_id"]
    return dispute_id


@pytest.fixture
def accesses(service: Any) -> Callable[[], list[tuple[str, str, str]]]:
    """Returns accesses logged since the start of the test: name, kind and subject, oldest first."""
    with DecisionLog(service.world.settings.decision_log_url, create=False) as log:
        before = len(Accesses(log).latest(limit=MOST_ROWS))

    def since() -> list[tuple[str, str, str]]:
        with DecisionLog(service.world.settings.decision_log_url, create=False) as log:
            every = Accesses(log).latest(limit=MOST_ROWS)[::-1]
            assert log.verify_accesses().ok
        return [(each.name, each.kind, each.subject) for each in every[before:]]

    return since


@pytest.mark.parametrize("part", ["", "/explanation", "/evidence", "/notice"])
@pytest.mark.parametrize("role", ["reviewer", "auditor"])
def test_reading_a_decision_is_logged_as_an_access(
    service: Any, decision: dict[str, Any], accesses: Any, role: str, part: str
) -> None:
    assert service.client(role).get(f"/v1/decisions/{decision['decision_id']}{part}").status_code == 200
    assert accesses() == [(f"a-{role}", "decision", decision["decision_id"])]


def test_replaying_a_decision_is_logged_as_an_access(service: Any, decision: dict[str, Any], accesses: Any) -> None:
    assert service.client("auditor").post(f"/v1/decisions/{decision['decision_id']}/replay").status_code == 200
    assert accesses() == [("a-auditor", "decision", decision["decision_id"])]


def test_reading_a_line_is_logged_under_its_key_even_if_it_has_no_decisions(service: Any, accesses: Any) -> None:
    assert service.client("reviewer").get("/v1/lines/line-020/decisions").status_code == 200
    assert service.client("auditor").get("/v1/lines/nobody/decisions").json()["decisions"] == []
    secret = load_secret(service.world.settings)
    assert accesses() == [
        ("a-reviewer", "line", str(key_of_id("line-020", secret=secret))),
        ("a-auditor", "line", str(key_of_id("nobody", secret=secret))),
    ]


@pytest.mark.parametrize("role", PEOPLE)
def test_reading_a_case_alone_or_in_the_queue_is_logged_as_an_access(
    service: Any, case: str, accesses: Any, role: str
) -> None:
    assert service.client(role).get(f"/v1/disputes/{case}").status_code == 200
    assert service.client(role).get("/v1/disputes").status_code == 200
    assert accesses() == [(f"a-{role}", "case", case)] * 2


def test_requests_of_a_scorer_are_not_logged_as_accesses(service: Any, decision: dict[str, Any], accesses: Any) -> None:
    scorer = service.client("scorer")
    assert service.score(f"accesses-{next(_numbers)}", "line-020").status_code == 200
    for path in (f"decisions/{decision['decision_id']}", "lines/line-020/decisions", "lifts"):
        assert scorer.get(f"/v1/{path}").status_code == 200
    assert accesses() == []


def test_refused_requests_and_unknown_ids_are_not_logged_as_accesses(
    service: Any, decision: dict[str, Any], accesses: Any
) -> None:
    assert service.client("reviewer").get("/v1/decisions/01K0ABCDEFGHJKMNPQRSTVWXYZ").status_code == 404
    assert service.client("reviewer").get("/v1/disputes/nothing").status_code == 404
    assert service.client("lead").get(f"/v1/decisions/{decision['decision_id']}").status_code == 403
    assert accesses() == []


@pytest.mark.parametrize("path", ["decisions/{}", "lines/line-020/decisions"])
def test_a_read_fails_if_its_access_cannot_be_logged(
    service: Any, decision: dict[str, Any], accesses: Any, path: str
) -> None:
    with DecisionLog(service.world.settings.decision_log_url, create=False) as log, log.writing():
        answer = service.client("auditor").get(f"/v1/{path.format(decision['decision_id'])}")
    assert answer.status_code == 503
    assert decision["decision_id"] not in answer.text
    assert accesses() == []
