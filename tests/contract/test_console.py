"""The console as a browser meets it: who comes in, what a form needs, what a page may load, what is written down."""

from __future__ import annotations

import contextlib
import itertools
import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from linerisk.console.app import PAGES
from linerisk.console.translations import percent
from linerisk.decisions.log import DecisionLog
from linerisk.decisions.recorded_features import matrix_row
from linerisk.features.catalogue import FEATURE_NAMES
from linerisk.live import ChallengerHolder
from linerisk.model.tiers import TIERS, Tier
from linerisk.review.access_log import Accesses
from linerisk.review.queries import DisputeQueries
from linerisk.review.similar_cases import find_similar_cases, latest_decided
from linerisk.review.transitions import OVERTURNED, Outcome
from linerisk.scoring import score
from linerisk.web.token_store import Role, TokenStore

STATEMENT = 'I deliver parcels. <script>alert(1)</script> & "quoted" <img src=x onerror=alert(1)>'
REASON = "The holder works as a courier; the employer confirmed it in writing."
READING = {"reviewer", "lead", "auditor"}
WORKING = {"reviewer", "lead"}
MATRIX = {
    ("GET", ""): READING,
    ("GET", "/cases/{id}"): READING,
    ("POST", "/cases/{id}/assign"): WORKING,
    ("POST", "/cases/{id}/outcome"): WORKING,
    ("POST", "/cases/{id}/withdraw"): WORKING,
    ("POST", "/cases/{id}/approve"): {"lead"},
    ("GET", "/decisions/{id}"): READING,
    ("GET", "/lines"): READING,
    ("GET", "/overturns"): READING,
    ("GET", "/model"): READING,
    ("GET", "/audit"): {"lead", "auditor"},
    ("POST", "/audit/walk"): {"lead", "auditor"},
}
ROLES = ("reviewer", "lead", "auditor")
_numbers = itertools.count()


class Person:
    """Somebody with a browser: keeps cookies, sends forms from where they are."""

    def __init__(self, service: Any, role: str, language: str = "en") -> None:
        self.http = httpx.Client(base_url=service.url, headers={"origin": service.url}, timeout=60)
        form = {"token": service.world.tokens[role], "language": language}
        self.entered = self.http.post("/review/login", data=form)

    def csrf(self) -> str:
        return _field(self.http.get("/review").text, "csrf")

    def post(self, to: str, **form: str) -> httpx.Response:
        return self.http.post(f"/review{to}", data={"csrf": self.csrf(), **form})

    def move(self, case: str, what: str, **form: str) -> httpx.Response:
        """Send a form of a case as its page has it now."""
        page = self.http.get(f"/review/cases/{case}").text
        kept = {name: _field(page, name) for name in ("csrf", "request_id", "seen")}
        return self.http.post(f"/review/cases/{case}/{what}", data={**kept, **form})


def _field(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, f"the page has no field {name}"
    return found[1]


@pytest.fixture(scope="module")
def service(world_of_module: Any, serving: Callable[..., Any]) -> Iterator[Any]:
    """A service of its own: what is cleared here would hold back what others dispute."""
    with serving(world_of_module) as started:
        yield started


@pytest.fixture(scope="module")
def come(service: Any) -> Iterator[Callable[..., Person]]:
    """Lets somebody with the token of a role come to the console."""
    with contextlib.ExitStack() as stack:

        def coming(role: str, language: str = "en") -> Person:
            person = Person(service, role, language)
            stack.callback(person.http.close)
            return person

        yield coming


@pytest.fixture(scope="module")
def people(come: Callable[..., Person]) -> dict[str, Person]:
    return {role: come(role) for role in ROLES}


@pytest.fixture(scope="module")
def opened(service: Any) -> Callable[..., dict[str, Any]]:
    """Opens a dispute of a new decision; the lines take turns."""
    lines = [f"line-{i:03}" for i in range(20, 200)]
    raised: dict[str, list[str]] = {}
    for decision in service.score("console-which", *lines).json()["decisions"]:
        raised.setdefault(decision["tier"], []).append(decision["line_id"])

    def opening(*tiers: str) -> dict[str, Any]:
        wanted = tiers or ("medium_low", "medium_high", "extremely_high")
        number = next(_numbers)
        choice = [line for tier in wanted for line in raised.get(tier, ())]
        line = choice[number % len(choice)]
        decision = service.score(f"console-{number}", line).json()["decisions"][0]
        body = {"decision_id": decision["decision_id"], "statement": STATEMENT, "channel": "hotline"}
        answer = service.client("scorer").post("/v1/disputes", json={"request_id": f"console-open-{number}", **body})
        assert answer.status_code == 200, answer.text
        dispute: dict[str, Any] = answer.json()
        return dispute

    return opening


def test_every_page_is_in_the_table_of_roles() -> None:
    assert {(page.method, page.path): {str(role) for role in page.roles} for page in PAGES} == MATRIX


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("call", MATRIX, ids=" ".join)
def test_a_role_may_open_what_the_table_says_and_nothing_else(
    people: dict[str, Person], call: tuple[str, str], role: str
) -> None:
    method, path = call
    person, address = people[role], path.replace("{id}", "x")
    answer = person.http.get(f"/review{address}") if method == "GET" else person.post(address, agreed="yes")
    if role in MATRIX[call]:
        assert answer.status_code in {200, 303, 404}
    else:
        assert answer.status_code == 403
        assert "Your role may not use this page" in answer.text


@pytest.mark.parametrize("call", MATRIX, ids=" ".join)
def test_nobody_sees_a_page_without_a_session(service: Any, call: tuple[str, str]) -> None:
    method, path = call
    answer = httpx.request(method, f"{service.url}/review{path.replace('{id}', 'x')}")
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/review/login")
    assert answer.content == b""


def test_the_token_of_a_scorer_opens_nothing(come: Callable[..., Person]) -> None:
    refused = come("scorer").entered
    assert refused.status_code == 403
    assert "set-cookie" not in refused.headers


@pytest.mark.parametrize("token", ["", "lr_wrong", "x" * 300])
def test_a_wrong_token_opens_nothing(service: Any, token: str) -> None:
    answer = httpx.post(f"{service.url}/review/login", data={"token": token}, headers={"origin": service.url})
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers


def test_the_cookie_is_for_this_site_and_no_script(service: Any, come: Callable[..., Person]) -> None:
    cookie = come("reviewer").entered.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert service.world.tokens["reviewer"] not in cookie


def test_behind_tls_the_cookie_is_secure_and_bound_to_the_host(service: Any) -> None:
    headers = {"origin": service.url, "x-forwarded-proto": "https"}
    form = {"token": service.world.tokens["reviewer"]}
    cookie = httpx.post(f"{service.url}/review/login", data=form, headers=headers).headers["set-cookie"]
    assert cookie.startswith("__Host-")
    assert "Secure" in cookie
    assert "Path=/" in cookie


@pytest.mark.parametrize("path", ["", "/lines", "/overturns", "/model", "/audit", "/login", "/nothing"])
def test_a_page_may_load_from_here_alone_and_run_nothing_of_its_own(people: dict[str, Person], path: str) -> None:
    answer = people["lead"].http.get(f"/review{path}")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    for inline in (
        r"<script(?![^>]* src=)",
        r"<style",
        r"\sstyle=",
        r"\son\w+=",
        r"(?:src|href|action)=\"(?:https?:)?//",
    ):
        assert not re.search(inline, answer.text), inline


def test_files_of_pages_come_from_here(service: Any, people: dict[str, Person]) -> None:
    found = re.findall(r'(?:href|src)="(/review/static/[^"]+)"', people["lead"].http.get("/review").text)
    assert len(found) == 2
    for address in found:
        assert httpx.get(f"{service.url}{address}").status_code == 200
    assert httpx.get(f"{service.url}/review/static/words.toml").status_code == 404


@pytest.mark.parametrize(
    ("form", "headers"),
    [
        ({}, {}),
        ({"csrf": "wrong"}, {}),
        ({"csrf": "é"}, {}),
        (None, {"origin": "https://elsewhere.example"}),
        (None, {"origin": "null"}),
        (None, {"sec-fetch-site": "cross-site"}),
    ],
)
def test_a_form_of_another_page_changes_nothing(
    people: dict[str, Person], opened: Any, form: dict[str, str] | None, headers: dict[str, str]
) -> None:
    person, case = people["reviewer"], opened()["dispute_id"]
    kept = {"seen": "1", "request_id": f"console:{next(_numbers)}"} | (
        {"csrf": person.csrf()} if form is None else form
    )
    refused = person.http.post(f"/review/cases/{case}/assign", data=kept, headers=headers)
    assert refused.status_code == 403
    assert "The form did not come from a page of this session" in refused.text
    assert ">nobody<" in person.http.get(f"/review/cases/{case}").text


def test_nobody_can_be_logged_in_from_another_site(service: Any) -> None:
    form = {"token": service.world.tokens["reviewer"]}
    for headers in ({}, {"origin": "https://elsewhere.example"}, {"sec-fetch-site": "cross-site"}):
        answer = httpx.post(f"{service.url}/review/login", data=form, headers=headers)
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("wanted", ["//elsewhere.example", "https://elsewhere.example", "/v1/model", "/review/../v1"])
def test_after_logging_in_nobody_is_led_elsewhere(service: Any, wanted: str) -> None:
    form = {"token": service.world.tokens["reviewer"], "next": wanted}
    answer = httpx.post(f"{service.url}/review/login", data=form, headers={"origin": service.url})
    assert answer.headers["location"] == "/review"


def test_what_the_holder_wrote_is_shown_as_text(people: dict[str, Person], opened: Any) -> None:
    page = people["auditor"].http.get(f"/review/cases/{opened()['dispute_id']}").text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert" not in page
    assert "<img src=x" not in page


def test_a_case_is_worked_from_the_queue_to_the_lift(service: Any, people: dict[str, Person], opened: Any) -> None:
    dispute, person = opened(), people["reviewer"]
    case = dispute["dispute_id"]
    before = service.client("scorer").get("/v1/lifts").json()["next_after"]
    assert person.move(case, "assign").headers["location"] == f"/review/cases/{case}?done=assigned"
    done = person.move(case, "outcome", outcome="cleared", reason=REASON)
    assert done.status_code == 303
    assert "the command to lift the measure was issued" in person.http.get(done.headers["location"]).text
    (lift,) = service.client("scorer").get("/v1/lifts", params={"after": before}).json()["lifts"]
    assert (lift["dispute_id"], lift["outcome"]) == (case, "cleared")


def test_an_address_alone_says_nothing_was_done(people: dict[str, Person], opened: Any) -> None:
    case, person = opened("medium_low")["dispute_id"], people["reviewer"]
    done = {
        "assigned": "The case is assigned to you",
        "lifted": "the command to lift the measure was issued",
        "decided": "The finding is recorded",
    }

    def told(who: str) -> list[str]:
        pages = {name: people[who].http.get(f"/review/cases/{case}?done={name}").text for name in done}
        return [name for name, words in done.items() if words in pages[name]]

    assert told("reviewer") == []
    person.move(case, "assign")
    assert (told("reviewer"), told("lead")) == (["assigned"], [])
    person.move(case, "outcome", outcome="cleared", reason=REASON)
    assert (told("reviewer"), told("lead")) == (["lifted"], [])


def test_a_form_sent_twice_counts_once(service: Any, people: dict[str, Person], opened: Any) -> None:
    case, person = opened()["dispute_id"], people["reviewer"]
    page = person.http.get(f"/review/cases/{case}").text
    form = {name: _field(page, name) for name in ("csrf", "request_id", "seen")}
    answers = [person.http.post(f"/review/cases/{case}/assign", data=form) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 303]
    assert service.client("auditor").get(f"/v1/disputes/{case}").json()["number"] == 2


def test_a_stale_page_is_refused_with_who_did_what_and_keeps_what_was_written(
    people: dict[str, Person], opened: Any
) -> None:
    case, person = opened()["dispute_id"], people["reviewer"]
    person.move(case, "assign")
    page = person.http.get(f"/review/cases/{case}").text
    people["lead"].move(case, "assign")
    form = {name: _field(page, name) for name in ("csrf", "request_id", "seen")}
    refused = person.http.post(f"/review/cases/{case}/outcome", data={**form, "outcome": "cleared", "reason": REASON})
    assert refused.status_code == 409
    assert "the case changed after you opened this page" in refused.text
    assert "a-lead assigned it to a-lead" in refused.text
    assert REASON in refused.text


def test_a_reason_that_is_too_short_is_refused_and_kept(people: dict[str, Person], opened: Any) -> None:
    case, person = opened()["dispute_id"], people["reviewer"]
    person.move(case, "assign")
    refused = person.move(case, "outcome", outcome="cleared", reason="because")
    assert refused.status_code == 422
    assert ">because</textarea>" in refused.text
    assert "at least" in refused.text.lower()


def test_the_highest_tier_takes_a_second_person(people: dict[str, Person], opened: Any) -> None:
    case = opened("extremely_high")["dispute_id"]
    people["reviewer"].move(case, "assign")
    assert (
        people["reviewer"]
        .move(case, "outcome", outcome="upheld", reason=REASON)
        .headers["location"]
        .endswith("awaiting")
    )
    assert "a-reviewer proposes: upheld" in people["lead"].http.get(f"/review/cases/{case}").text
    assert people["lead"].move(case, "approve", agreed="yes", reason=REASON).headers["location"].endswith("approved")


def test_opening_a_case_is_written_down_and_cannot_be_unwritten(
    service: Any, people: dict[str, Person], opened: Any
) -> None:
    dispute = opened()
    people["auditor"].http.get(f"/review/cases/{dispute['dispute_id']}")
    people["auditor"].http.get("/review/lines", params={"id": dispute["line_id"]})
    with DecisionLog(service.world.settings.decision_log_url, create=False) as log:
        line, case = Accesses(log).latest(limit=2)
        assert (case.name, case.role, case.kind, case.subject) == (
            "a-auditor",
            "auditor",
            "case",
            dispute["dispute_id"],
        )
        assert (line.kind, dispute["line_id"] in line.subject) == ("line", False)
        for sql in ("UPDATE accesses SET name = 'nobody'", "DELETE FROM accesses"):
            with pytest.raises(Exception, match="log"), log.writing() as connection:
                connection.exec_driver_sql(sql)
    assert dispute["dispute_id"] in people["auditor"].http.get("/review/audit").text


def test_the_number_in_a_notice_finds_the_decision_and_then_its_dispute(
    service: Any, people: dict[str, Person]
) -> None:
    known = {each["decision_id"] for each in service.client("reviewer").get("/v1/disputes").json()["disputes"]}
    told = service.score("console-number", *(f"line-{i:03}" for i in range(20))).json()["decisions"]
    asked = next(each for each in told if each["action"]["kind"] == "verify")["decision_id"]
    assert asked not in known
    number = service.client("scorer").get(f"/v1/decisions/{asked}/notice").json()["case"]
    person = people["reviewer"].http
    page = person.get("/review/lines", params={"case": f" {number.lower()}"}).text
    assert f'href="/review/decisions/{asked}"' in page
    assert "/review/cases/" not in page
    body = {"decision_id": asked, "statement": STATEMENT, "channel": "hotline"}
    dispute = service.client("scorer").post("/v1/disputes", json={"request_id": "console-number-2", **body}).json()
    page = person.get("/review/lines", params={"case": dispute["case_number"]}).text
    assert dispute["case_number"] == number
    assert f'href="/review/cases/{dispute["dispute_id"]}"' in page
    assert dispute["line_id"] not in page
    with DecisionLog(service.world.settings.decision_log_url, create=False) as log:
        assert {(access.name, access.kind) for access in Accesses(log).of(asked)} == {("a-reviewer", "decision")}


@pytest.mark.parametrize("number", ["00000000000000", "240726-4K7QD2M", "%", "nothing at all"])
def test_a_number_of_nothing_finds_nothing_and_says_so(people: dict[str, Person], number: str) -> None:
    answer = people["lead"].http.get("/review/lines", params={"case": number})
    assert answer.status_code == 200
    assert "No decision has this number." in answer.text


@pytest.mark.parametrize(
    ("form", "zh", "en"),
    [
        ({"outcome": "cleared", "reason": "short"}, "书面理由现有5个字，应为20至4000个字。", "has 5 characters"),
        ({"outcome": "cleared", "reason": "x" * 30 + "\x07"}, "书面理由中有控制字符", "control characters"),
        ({"outcome": "", "reason": REASON}, "未选择结论。", "No finding was chosen."),
        ({"outcome": "lowered", "reason": REASON}, "须选一个较低的等级", "Choose a lower tier"),
    ],
)
def test_what_a_reviewer_got_wrong_is_said_in_their_language(
    come: Callable[..., Person], opened: Any, form: dict[str, str], zh: str, en: str
) -> None:
    case = opened("extremely_high")["dispute_id"]
    for language, wanted in (("zh", zh), ("en", en)):
        person = come("lead", language)
        if language == "zh":
            person.move(case, "assign")
        answer = person.move(case, "outcome", **form)
        assert answer.status_code == 422
        assert wanted in answer.text
        assert "Expected:" not in answer.text


def test_a_move_that_comes_too_late_says_where_the_case_stands_in_the_visitors_language(
    come: Callable[..., Person], opened: Any
) -> None:
    case = opened("medium_low")["dispute_id"]
    person = come("lead", "zh")
    person.move(case, "assign")
    person.move(case, "outcome", outcome="cleared", reason=REASON)
    late = {"request_id": f"console:late-{next(_numbers)}", "seen": "3", "outcome": "upheld", "reason": REASON}
    answer = person.post(f"/cases/{case}/outcome", **late)
    assert answer.status_code == 409
    assert "案件目前的状态：已撤销。" in answer.text
    assert "Expected:" not in answer.text


@pytest.mark.parametrize("path", ["?state=lost", "/lines?id=%07", "/audit?before=x"])
def test_a_refused_page_speaks_the_visitors_language_alone(come: Callable[..., Person], path: str) -> None:
    for language, words, english in (("zh", "填写的值不对。", False), ("en", "A value is wrong.", True)):
        answer = come("lead", language).http.get(f"/review{path}")
        assert answer.status_code == 422
        assert words in answer.text
        assert ("Expected:" in answer.text) is english


def test_a_refused_form_shows_no_case_without_writing_it_down(
    service: Any, people: dict[str, Person], opened: Any
) -> None:
    case, person = opened()["dispute_id"], people["lead"]
    form = {"seen": "0", "request_id": f"console:{next(_numbers)}"}
    assert person.post(f"/cases/{case}/assign", **form).status_code == 409
    with DecisionLog(service.world.settings.decision_log_url, create=False) as log:
        assert [(access.name, access.kind) for access in Accesses(log).of(case)] == [("a-lead", "case")]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nothing", 404), ("GET", "/cases/x", 404), ("GET", "/cases/x/assign", 405), ("DELETE", "", 405)],
)
def test_what_is_not_there_is_said_on_a_page_of_ours(
    people: dict[str, Person], method: str, path: str, status: int
) -> None:
    answer = people["lead"].http.request(method, f"/review{path}")
    assert answer.status_code == status
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "The request failed" in answer.text


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"x" * 70_000, "application/x-www-form-urlencoded", 413),
        (b"token=a&token=b", "application/x-www-form-urlencoded", 400),
        (b"token=%ff", "application/x-www-form-urlencoded", 400),
        (b"{}", "application/json", 415),
        (b"", "multipart/form-data; boundary=x", 415),
    ],
)
def test_what_is_no_form_of_ours_is_refused(service: Any, body: bytes, kind: str, status: int) -> None:
    headers = {"origin": service.url, "content-type": kind}
    assert httpx.post(f"{service.url}/review/login", content=body, headers=headers).status_code == status


def test_the_language_is_kept_and_every_page_has_both(come: Callable[..., Person], opened: Any) -> None:
    person, case = come("lead"), opened()["dispute_id"]
    for path in ("", f"/cases/{case}", "/lines", "/overturns", "/model", "/audit"):
        assert '<html lang="en">' in person.http.get(f"/review{path}").text
    back = person.post("/language", language="zh", path=f"/review/cases/{case}")
    assert back.headers["location"] == f"/review/cases/{case}"
    for path in ("", f"/cases/{case}", "/lines", "/overturns", "/model", "/audit"):
        assert '<html lang="zh-CN">' in person.http.get(f"/review{path}").text


def test_after_logging_out_the_old_cookie_opens_nothing(service: Any, come: Callable[..., Person]) -> None:
    person = come("reviewer")
    cookies = dict(person.http.cookies)
    assert person.http.get("/review").status_code == 200
    person.post("/logout")
    assert httpx.get(f"{service.url}/review", cookies=cookies).status_code == 303


def test_a_revoked_token_ends_its_session_at_once(service: Any, come: Callable[..., Person]) -> None:
    store = TokenStore(service.world.settings.home / "tokens.json")
    service.world.tokens["leaving"] = store.create("leaving", Role.REVIEWER)
    person = come("leaving")
    assert person.http.get("/review").status_code == 200
    store.revoke("leaving")
    assert person.http.get("/review").status_code == 303


def test_the_chain_is_walked_when_asked(
    people: dict[str, Person], wait_until: Callable[[Callable[[], bool]], None]
) -> None:
    assert people["auditor"].post("/audit/walk").status_code == 303
    wait_until(lambda: "are intact" in people["auditor"].http.get("/review/audit").text)


def test_overturns_are_counted_on_their_page(people: dict[str, Person], opened: Any) -> None:
    dispute, person = opened(), people["reviewer"]
    assert dispute["reasons"]

    def counted() -> dict[str, tuple[int, int]]:
        rows = re.findall(
            r"<code>(\w+)</code>.*?</th><td class=\"n\">(\d+)</td><td class=\"n\">(\d+)</td>",
            person.http.get("/review/overturns").text,
        )
        return {code: (int(decided), int(overturned)) for code, decided, overturned in rows}

    before = counted()
    person.move(dispute["dispute_id"], "assign")
    person.move(dispute["dispute_id"], "outcome", outcome="cleared", reason=REASON)
    after = counted()
    for code in dispute["reasons"]:
        decided, overturned = before.get(code, (0, 0))
        assert after[code] == (decided + 1, overturned + 1)


def test_filters_of_the_queue_choose(people: dict[str, Person], opened: Any) -> None:
    dispute, person = opened(), people["reviewer"]
    link = f"/review/cases/{dispute['dispute_id']}"
    assert link in person.http.get("/review", params={"state": "opened", "tier": dispute["tier"]}).text
    assert link not in person.http.get("/review", params={"mine": "1"}).text
    assert link not in person.http.get("/review", params={"state": "cleared"}).text
    assert person.http.get("/review", params={"state": "nonsense"}).status_code == 422


def test_a_line_id_stands_on_no_page_of_the_queue_and_in_no_log(
    service: Any, people: dict[str, Person], opened: Any
) -> None:
    dispute = opened()
    assert dispute["line_id"] not in people["reviewer"].http.get("/review").text
    assert dispute["line_id"] in people["reviewer"].http.get(f"/review/cases/{dispute['dispute_id']}").text
    people["reviewer"].http.get("/review/lines", params={"id": dispute["line_id"]})
    assert dispute["line_id"] not in service.log.read_text()


def _section(page: str, heading: str) -> str:
    """What stands under a heading of the second level."""
    found = re.search(rf"<h2>{heading}</h2>(.*?)</section>", page, re.DOTALL)
    assert found, f"there is nothing under {heading}"
    return found[1]


def test_a_case_shows_decided_cases_that_are_like_it_with_what_was_found(
    service: Any, people: dict[str, Person], opened: Any
) -> None:
    person = people["reviewer"]
    for number in range(12):
        dispute = opened("medium_low")
        outcome = ("cleared", "upheld", "inconclusive")[number % 3]
        person.move(dispute["dispute_id"], "assign")
        assert person.move(dispute["dispute_id"], "outcome", outcome=outcome, reason=REASON).status_code == 303
    case, undecided = opened("medium_low"), opened("medium_low")
    page = person.http.get(f"/review/cases/{case['dispute_id']}").text
    told = _section(page, "Similar decided cases")
    with DecisionLog(service.world.settings.decision_log_url, create=False) as log:
        record = log.get(case["decision_id"])
        dispute = DisputeQueries(log).get(case["dispute_id"])
        assert record is not None
        assert dispute is not None
        peers = find_similar_cases(log, dispute, record.contributions)
    assert peers.listed
    rows = re.findall(
        r'<a href="/review/cases/(\w+)".*?<td class="nowrap">(\d+) %.*?<td><b>([^<]+)</b>', told, re.DOTALL
    )
    assert rows == [
        (peer.dispute.dispute_id, str(int(peer.similarity * 100)), peer.dispute.state.value) for peer in peers.listed
    ]
    assert f"Of the {peers.counted} most similar cases, {peers.overturned} were overturned" in told
    assert f"{peers.compared} cases were compared" in told
    assert undecided["dispute_id"] not in told
    assert not [line for line in (peer.dispute.line_id for peer in peers.listed) if line in told]


def test_a_case_says_that_nothing_of_its_tier_was_decided(world: Any, serving: Callable[..., Any]) -> None:
    with serving(world) as server:
        lines = [f"line-{i:03}" for i in range(20, 120)]
        decisions = server.score("which", *lines).json()["decisions"]
        raised = next(each for each in decisions if each["tier"] != "normal")
        body = {"decision_id": raised["decision_id"], "statement": STATEMENT, "channel": "hotline"}
        case = server.client("scorer").post("/v1/disputes", json={"request_id": "open", **body}).json()["dispute_id"]
        person = Person(server, "reviewer")
        page = person.http.get(f"/review/cases/{case}").text
        person.http.close()
    assert "No other case of this tier is decided yet" in page
    assert "There is no challenger at present" in page


def test_a_case_shows_what_the_challenger_would_have_said_and_a_broken_one_breaks_nothing(
    service: Any, people: dict[str, Person], opened: Any
) -> None:
    world, person, dispute = service.world, people["reviewer"], opened()
    case = f"/review/cases/{dispute['dispute_id']}"

    def told() -> str:
        answer = person.http.get(case)
        assert answer.status_code == 200
        return _section(answer.text, "Challenger")

    world.challenge(version="9", seed=31)
    challenger = ChallengerHolder(world.settings.live).current()
    with DecisionLog(world.settings.decision_log_url, create=False) as log:
        record = log.get(dispute["decision_id"])
    assert challenger is not None
    assert record is not None
    scored = score(challenger.model, matrix_row(record.features, FEATURE_NAMES))
    (tier,) = scored.tiers
    said = told()
    assert f'class="tier {tier.value}"' in said
    assert percent(float(scored.probability[0])) in said
    assert ("Different tier" if tier.value != record.tier else "Same tier") in said
    assert "candidate version 9" in said
    assert '<th scope="row">' in said

    world.challenge(version="10", seed=32, column="calls_by_night")
    assert "Version 10 needs features that this decision does not contain" in told()
    assert "calls_by_night (1)" in told()

    trees = world.challenge(version="11", seed=33) / "trees.txt"
    trees.write_bytes(trees.read_bytes().replace(b"tree", b"twee", 1))
    assert "The challenger cannot be read" in told()
    assert "trees.txt" not in told()
    assert "trees.txt is damaged" in person.http.get("/review/model").text
    assert (
        service.score("console-beside-a-broken-one", dispute["line_id"]).json()["decisions"][0]["model"]["version"]
        == "1"
    )


def test_the_model_page_counts_the_challenger_beside_what_was_found(
    service: Any, people: dict[str, Person], opened: Any
) -> None:
    person = people["reviewer"]
    for outcome in ("cleared", "upheld"):
        case = opened("medium_low", "medium_high")["dispute_id"]
        person.move(case, "assign")
        assert person.move(case, "outcome", outcome=outcome, reason=REASON).status_code == 303
    world = service.world
    world.challenge(version="12", seed=31)
    challenger = ChallengerHolder(world.settings.live).current()
    assert challenger is not None
    with DecisionLog(world.settings.decision_log_url, create=False) as log:
        cases = latest_decided(log, among=200)
    said = [score(challenger.model, matrix_row(each.features, FEATURE_NAMES)).tiers[0] for _, each in cases]
    same = sum(tier.value == each.tier for tier, (_, each) in zip(said, cases, strict=True))
    told = _section(person.http.get("/review/model").text, "Challenger")
    assert f"of {len(cases)}, it gives {same} the same tier" in told
    lower = [
        TIERS.index(tier) < TIERS.index(Tier(each.tier))
        for tier, (outcome, each) in zip(said, cases, strict=True)
        if outcome in OVERTURNED
    ]
    assert f"of {len(lower)}, it gives {sum(lower)} a lower tier" in told
    kept = [
        TIERS.index(tier) >= TIERS.index(Tier(each.tier))
        for tier, (outcome, each) in zip(said, cases, strict=True)
        if outcome is Outcome.UPHELD
    ]
    assert f"of {len(kept)}, it gives {sum(kept)} the same tier or a higher one" in told
