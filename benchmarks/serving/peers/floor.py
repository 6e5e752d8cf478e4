"""The floor: a bare ASGI application that decodes with msgspec, finds the line, predicts and answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import msgspec
from work import Work

_HEADERS = [(b"content-type", b"application/json")]


class Line(msgspec.Struct):
    """A line to score."""

    line_id: str


class ScoreRequest(msgspec.Struct):
    """Lines to score."""

    request_id: str
    lines: list[Line]


_decode = msgspec.json.Decoder(ScoreRequest).decode
_encode = msgspec.json.Encoder().encode
_work = Work()


async def app(
    scope: MutableMapping[str, Any],
    receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
    send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
) -> None:
    """Answer a POST with scores; any other method is a health check."""
    answer: dict[str, Any] = {}
    if scope["method"] == "POST":
        chunks = []
        more = True
        while more:
            message = await receive()
            chunks.append(message.get("body", b""))
            more = message.get("more_body", False)
        request = _decode(b"".join(chunks))
        scored = _work([line.line_id for line in request.lines])
        decisions = [{"line_id": line, "probability": probability, "tier": tier} for line, probability, tier in scored]
        answer = {"request_id": request.request_id, "decisions": decisions}
    await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
    await send({"type": "http.response.body", "body": _encode(answer)})
