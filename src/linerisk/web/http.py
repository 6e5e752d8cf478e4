"""Just enough HTTP over ASGI: a request, its body within bounds of size and time, an answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, unquote

import msgspec

from linerisk.errors import LineriskError
from linerisk.web.errors import (
    BusyError,
    MalformedError,
    MediaTypeError,
    MethodError,
    TooLargeError,
    WrongValueError,
    answer_of,
    retry_after_of,
    status_of,
)
from linerisk.web.rate_limit import Bucket

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = tuple[tuple[bytes, bytes], ...]

_CLOSING = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE})
ALWAYS = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
)
"""Headers of every answer."""
_encode = msgspec.json.Encoder().encode


class BodyBudget:
    """How many bytes of bodies a process holds at once.

    Args:
        most: At most so many; more are refused for the moment.

    Attributes:
        held: How many are held now.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.held = 0

    def take(self, size: int) -> None:
        """Count bytes in.

        Raises:
            BusyError: Too many are held already.
        """
        if self.held + size > self._most:
            raise BusyError("too many large requests at once", todo="try again shortly")
        self.held += size

    def give_back(self, size: int) -> None:
        """Count bytes out."""
        self.held -= size


@dataclass
class Request:
    """One request.

    Attributes:
        scope: The ASGI scope.
        receive: Where the body comes from.
        params: Named parts of the path.
        caller: Name of the token.
        role: Its role.
        request_id: The caller's id of the request, once the body was read.
        lines: How many lines it asks for, once the body was read.
        allowance: What its token may still have scored; None if that has no limit.
        model_version: The model that answered, once it did.
    """

    scope: Scope
    receive: Receive
    params: dict[str, str] = field(default_factory=dict)
    caller: str = ""
    role: str = ""
    request_id: str | None = None
    lines: int = 0
    allowance: Bucket | None = None
    model_version: str | None = None

    def headers(self, name: bytes) -> list[bytes]:
        """Values of a header, by its lower-case name."""
        return [value for key, value in self.scope["headers"] if key == name]

    def query(self, *names: str) -> dict[str, str]:
        """Query parameters.

        Args:
            names: Those that are offered.

        Raises:
            MalformedError: They are not UTF-8, or one is given twice.
            WrongValueError: One is not offered: a misspelt one must not silently be left out.
        """
        try:
            pairs = parse_qs(self.scope["query_string"].decode("ascii"), keep_blank_values=True, errors="strict")
        except ValueError as error:
            raise MalformedError(
                "the query cannot be read", expected="percent-encoded UTF-8", todo="encode the query so"
            ) from error
        for name, values in pairs.items():
            if len(values) > 1:
                raise MalformedError(
                    "a query parameter is given twice", todo="give every parameter once", field=name[:64]
                )
            if name not in names:
                raise WrongValueError(
                    "a parameter is not known here",
                    expected=" or ".join(names) or "no parameter",
                    found=f"`{name[:60]}`",
                    todo="leave it out, or check how it is spelt",
                    field=name[:60],
                )
        return {name: values[0] for name, values in pairs.items()}

    async def json_body(self, *, most: int, budget: BodyBudget) -> bytes:
        """The body, refused as soon as it is known to be of another kind or too large.

        How long it may take is the connection's business (`service.connection`).

        Raises:
            MediaTypeError: It is said to be something else than JSON.
            TooLargeError: It is larger than `most`.
            MalformedError: The client went away.
        """
        self.check_media_type("application/json")
        return await self.body(most=most, budget=budget)

    async def body(self, *, most: int, budget: BodyBudget) -> bytes:
        """The body of whatever kind; see `json_body`."""
        for length in self.headers(b"content-length"):
            if not length.isdigit() or int(length) > most:
                raise _too_large(most)
        chunks: list[bytes] = []
        size = 0
        try:
            while True:
                message = await self.receive()
                if message["type"] == "http.disconnect":
                    raise MalformedError("the body ended early", todo="send all of it, as long as Content-Length says")
                chunk = message.get("body", b"")
                if size + len(chunk) > most:
                    raise _too_large(most)
                budget.take(len(chunk))
                size += len(chunk)
                chunks.append(chunk)
                if not message.get("more_body", False):
                    return chunks[0] if len(chunks) == 1 else b"".join(chunks)
        finally:
            budget.give_back(size)

    def spend(self) -> None:
        """Count its lines against what its token may have scored.

        Raises:
            RateLimitedError: There is not so much left.
        """
        if self.allowance is not None:
            self.allowance.take(self.lines)

    def check_media_type(self, wanted: str) -> None:
        """Whether the body is said to be of a kind, in UTF-8 if it is text, and not compressed.

        Raises:
            MediaTypeError: It is not.
        """
        kinds = self.headers(b"content-type")
        kind, _, parameters = (kinds[0] if len(kinds) == 1 else b"").decode("latin-1").partition(";")
        parameters = parameters.replace(" ", "").replace('"', "").lower()
        if kind.strip().lower() != wanted or parameters not in {"", "charset=utf-8"}:
            raise MediaTypeError(
                "the body is of another kind",
                expected=f"Content-Type: {wanted}",
                todo="send the body as that, and say so in its head",
            )
        if any(value.strip().lower() != b"identity" for value in self.headers(b"content-encoding")):
            raise MediaTypeError(
                "the body is compressed", expected="no Content-Encoding", todo="send the body as it is"
            )


@dataclass(frozen=True, slots=True)
class Answer:
    """A body of another kind than JSON."""

    body: bytes
    media_type: str


def path_segments(scope: Scope) -> list[str] | None:
    """Parts of the path, decoded one by one, so that an id may hold a slash; None if they are not UTF-8."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    try:
        return [unquote(part, errors="strict") for part in raw.decode("ascii").strip("/").split("/")]
    except ValueError:
        return None


async def send_answer(send: Send, content: Any, *, status: HTTPStatus = HTTPStatus.OK, headers: Headers = ()) -> None:
    """Send an answer: as JSON, or as the bytes that it is."""
    kind = b"application/json"
    if isinstance(content, Answer):
        body, kind = content.body, content.media_type.encode()
    else:
        body = content if isinstance(content, bytes) else _encode(content)
    await send(
        {
            "type": "http.response.start",
            "status": int(status),
            "headers": [(b"content-type", kind), *ALWAYS, (b"content-length", b"%d" % len(body)), *headers],
        }
    )
    await send({"type": "http.response.body", "body": body})


async def send_refusal(
    send: Send, error: LineriskError, *, request_id: str | None = None, number: str | None = None
) -> HTTPStatus:
    """Send a refusal in the one error shape, with the number that the log knows it by if it was logged."""
    status = status_of(error)
    headers = refusal_headers(error, number=number)
    await send_answer(send, answer_of(error, request_id=request_id), status=status, headers=headers)
    return status


def refusal_headers(error: LineriskError, *, number: str | None = None) -> Headers:
    """Headers of a refusal; see `send_refusal`."""
    status = status_of(error)
    headers: list[tuple[bytes, bytes]] = []
    if status is HTTPStatus.UNAUTHORIZED:
        headers.append((b"www-authenticate", b"Bearer"))
    if (seconds := retry_after_of(error)) is not None:
        headers.append((b"retry-after", b"%d" % seconds))
    if number is not None:
        headers.append((b"x-request-number", number.encode()))
    if status in _CLOSING:
        headers.append((b"connection", b"close"))
    if isinstance(error, MethodError):
        headers.append((b"allow", ", ".join(error.allowed).encode()))
    return tuple(headers)


def _too_large(most: int) -> TooLargeError:
    return TooLargeError("the body is too large", expected=f"at most {most} bytes", todo="send fewer lines at a time")
