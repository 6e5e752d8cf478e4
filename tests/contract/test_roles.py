"""Who may do what: a token is needed, its role decides, and a revocation counts at once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from linerisk import as_of
from linerisk.web.token_store import Role, TokenStore

ROLES = ("scorer", "reviewer", "lead", "auditor")
MATRIX = {
    ("POST", "/v1/score"): {"scorer"},
    ("POST", "/v1/score/records"): {"scorer"},
    ("GET", "/v1/decisions/x"): {"scorer", "reviewer", "auditor"},
    ("GET", "/v1/lines/line-001/decisions"): {"scorer", "reviewer", "auditor"},
    ("GET", "/v1/decisions/x/explanation"): {"reviewer", "auditor"},
    ("GET", "/v1/decisions/x/notice"): {"scorer", "reviewer", "auditor"},
    ("GET", "/v1/decisions/x/evidence"): {"reviewer", "auditor"},
    ("POST", "/v1/decisions/x/replay"): {"reviewer", "auditor"},
    ("POST", "/v1/disputes"): {"scorer"},
    ("GET", "/v1/disputes"): {"reviewer", "lead", "auditor"},
    ("GET", "/v1/disputes/x"): {"reviewer", "lead", "auditor"},
    ("POST", "/v1/disputes/x/assign"): {"reviewer", "lead"},
    ("POST", "/v1/disputes/x/outcome"): {"reviewer", "lead"},
    ("POST", "/v1/disputes/x/approve"): {"lead"},
    ("GET", "/v1/lifts"): {"scorer", "auditor"},
    ("GET", "/v1/policy"): set(ROLES),
    ("GET", "/v1/model"): set(ROLES),
}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("call", MATRIX, ids=" ".join)
def test_a_role_may_do_what_the_contract_says_and_nothing_else(service: Any, call: tuple[str, str], role: str) -> None:
    answer = service.client(role).request(*call)
    if role in MATRIX[call]:
        assert answer.status_code in {200, 404, 415}
    else:
        assert answer.status_code == 403
        assert answer.json()["error"]["code"] == "forbidden"


@pytest.mark.parametrize("call", MATRIX, ids=" ".join)
def test_nobody_is_let_in_without_a_token(service: Any, call: tuple[str, str]) -> None:
    answer = service.client(None).request(*call)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "unauthorised"
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "value",
    ["", "Bearer", "Bearer wrong", "Basic eDp5", "Bearer \xe9", "Bearer a b", "Bearer " + "x" * 9_000],
)
def test_a_wrong_token_is_no_token(service: Any, value: str) -> None:
    answer = httpx.get(f"{service.url}/v1/model", headers=[(b"authorization", value.encode("latin-1"))])
    assert answer.status_code == 401


def test_the_scheme_may_be_written_in_any_case(service: Any) -> None:
    headers = {"authorization": f"bearer {service.world.tokens['lead']}"}
    assert httpx.get(f"{service.url}/v1/model", headers=headers).status_code == 200


def test_two_tokens_at_once_are_none(service: Any) -> None:
    one = b"Bearer " + service.world.tokens["lead"].encode()
    answer = httpx.get(f"{service.url}/v1/model", headers=[(b"authorization", one), (b"authorization", one)])
    assert answer.status_code == 401


def test_a_new_token_counts_at_once_and_a_revoked_one_no_more(service: Any) -> None:
    store = TokenStore(service.world.settings.home / "tokens.json")
    headers = {"authorization": f"Bearer {store.create('passing-by', Role.LEAD)}"}
    assert httpx.get(f"{service.url}/v1/model", headers=headers).status_code == 200
    store.revoke("passing-by")
    assert httpx.get(f"{service.url}/v1/model", headers=headers).status_code == 401


def test_an_expired_token_is_refused(service: Any) -> None:
    store = TokenStore(service.world.settings.home / "tokens.json")
    secret = store.create("late", Role.LEAD, expires_at=as_of.now() - timedelta(seconds=1))
    assert httpx.get(f"{service.url}/v1/model", headers={"authorization": f"Bearer {secret}"}).status_code == 401
