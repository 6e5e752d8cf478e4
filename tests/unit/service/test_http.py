"""Bodies within size limits, paths split before decoding, and the status of every error."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import pytest

from linerisk.decisions.errors import ConflictError, OverloadedError
from linerisk.errors import DecisionLogError, LineriskError, NotLiveError
from linerisk.service.routing import Routing
from linerisk.web.errors import BusyError, MalformedError, TooLargeError, answer_of, status_of
from linerisk.web.http import BodyBudget, Request, path_segments, send_refusal


def reading(*chunks: bytes, most: int = 100, budget: int = 1_000, then: str = "end") -> bytes:
    """Read a body that arrives in chunks and then ends, stalls or is cut."""
    messages: list[dict[str, Any]] = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    if then == "end":
        messages[-1]["more_body"] = False
    elif then == "break":
        messages.append({"type": "http.disconnect"})

    async def receive() -> dict[str, Any]:
        if not messages:
            await asyncio.sleep(60)
        return messages.pop(0)

    scope = {"headers": [(b"content-type", b"application/json")]}
    request = Request(scope, receive)
    return asyncio.run(request.json_body(most=most, budget=BodyBudget(budget)))


def test_chunks_are_one_body() -> None:
    assert reading(b"{", b"", b"}") == b"{}"


def test_a_body_is_refused_as_soon_as_it_is_too_large() -> None:
    with pytest.raises(TooLargeError):
        reading(b"x" * 60, b"x" * 60, then="stall")


def test_a_truncated_body_is_malformed() -> None:
    with pytest.raises(MalformedError):
        reading(b"{", then="break")


def test_the_bytes_of_concurrent_bodies_are_limited() -> None:
    with pytest.raises(BusyError):
        reading(b"x" * 60, budget=50)


def test_the_bytes_of_a_refused_body_are_released() -> None:
    budget = BodyBudget(100)
    budget.reserve(80)
    with pytest.raises(BusyError):
        budget.reserve(30)
    budget.release(80)
    budget.reserve(100)


@pytest.mark.parametrize(
    ("raw", "segments"),
    [
        (b"/v1/lines/a%2Fb/decisions", ["v1", "lines", "a/b", "decisions"]),
        (b"/v1/lines/%E4%B8%AD/decisions", ["v1", "lines", "中", "decisions"]),
        (b"/v1/lines/%FF/decisions", None),
        (b"/v1/lines/\xff/decisions", None),
    ],
)
def test_a_path_is_split_before_it_is_decoded(raw: bytes, segments: list[str] | None) -> None:
    assert path_segments({"raw_path": raw, "path": "?"}) == segments


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ConflictError("x"), 409),
        (OverloadedError("x"), 503),
        (DecisionLogError("x"), 503),
        (NotLiveError("x"), 503),
        (BusyError("x"), 503),
        (LineriskError("x"), 500),
    ],
)
def test_every_error_has_its_status(error: LineriskError, status: int) -> None:
    assert status_of(error) == status


def test_a_refusal_contains_its_facts() -> None:
    error = MalformedError("it is wrong", expected="right", found="left", todo="turn it", field="way")
    body = answer_of(error, request_id="r").error
    assert (body.code, body.message) == ("malformed", "it is wrong; expected: right; found: left")
    assert (body.hint, body.field, body.request_id) == ("turn it", "way", "r")


def sent(run: Callable[[Any], Any]) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        messages.append(message)

    asyncio.run(run(send))
    return messages


def test_overload_sends_retry_after() -> None:
    start, _ = sent(lambda send: send_refusal(send, OverloadedError("too much")))
    assert start["status"] == HTTPStatus.SERVICE_UNAVAILABLE
    assert (b"retry-after", b"1") in start["headers"]


async def _nothing(*_: Any) -> None:
    raise AssertionError("this must not be reached")


def test_before_the_worker_is_ready_the_api_is_unavailable() -> None:
    routing = Routing(_nothing, page_files=(), api=lambda: None, console=lambda: None, before_scrape=_nothing)
    scope = {"type": "http", "path": "/v1/score", "method": "POST"}
    start, _ = sent(lambda send: routing(scope, _nothing, send))
    assert start["status"] == HTTPStatus.SERVICE_UNAVAILABLE


def test_a_websocket_is_closed() -> None:
    routing = Routing(_nothing, page_files=(), api=lambda: None, console=lambda: None, before_scrape=_nothing)
    (message,) = sent(lambda send: routing({"type": "websocket", "path": "/v1/score"}, _nothing, send))
    assert message["type"] == "websocket.close"
