"""A small HTTP layer over ASGI: the request, its body within a size limit, and the answer."""

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
    """Limits the bytes of request bodies that a process holds at once.

    Args:
        most: The limit; a body beyond it is refused until others are released.

    Attributes:
        held: Bytes held now.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.held = 0

    def reserve(self, size: int) -> None:
        """Reserve bytes.

        Raises:
            BusyError: The reservation would exceed the limit.
        """
        if self.held + size > self._most:
            raise BusyError("too many large requests at once", todo="try again shortly")
        self.held += size

    def release(self, size: int) -> None:
        """Release reserved bytes."""
        self.held -= size


@dataclass
class Request:
    """One request.

    Attributes:
        scope: The ASGI scope.
        receive: The ASGI channel that the body arrives on.
        params: Named parts of the path.
        caller: Name of the token.
        role: Role of the token.
        request_id: The request id that the caller chose; None until the body is read.
        lines: Number of requested lines; 0 until the body is read.
        allowance: Rate limit of the token; None if it has no limit.
        model_version: Version of the model that answered; None until it did.
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
        """All values of a header; the name is lower-case."""
        return [value for key, value in self.scope["headers"] if key == name]

    def query(self, *names: str) -> dict[str, str]:
        """Parse the query parameters.

        Args:
            names: The supported parameters.

        Raises:
            MalformedError: The query is not UTF-8, or a parameter occurs twice.
            WrongValueError: A parameter is unknown; ignoring a misspelt one would change the meaning.
        """
        try:
            pairs = parse_qs(self.scope["query_string"].decode("ascii"), keep_blank_values=True, errors="strict")
        except ValueError as error:
            raise MalformedError(
                "the query cannot be decoded", expected="percent-encoded UTF-8", todo="encode the query as UTF-8"
            ) from error
        for name, values in pairs.items():
            if len(values) > 1:
                raise MalformedError(
                    "a query parameter occurs twice", todo="send every parameter once", field=name[:64]
                )
            if name not in names:
                raise WrongValueError(
                    "a query parameter is unknown",
                    expected=" or ".join(names) or "no parameter",
                    found=f"`{name[:60]}`",
                    todo="remove it, or check its spelling",
                    field=name[:60],
                )
        return {name: values[0] for name, values in pairs.items()}

    async def json_body(self, *, most: int, budget: BodyBudget) -> bytes:
        """Read a JSON body; refuse it as soon as its type is wrong or it is too large.

        `service.connection` enforces the timeout.

        Raises:
            MediaTypeError: The content type is not JSON, or the body is compressed.
            TooLargeError: The body is larger than `most` bytes.
            MalformedError: The client disconnected.
            BusyError: Other bodies use up the budget.
        """
        self.check_media_type("application/json")
        return await self.body(most=most, budget=budget)

    async def body(self, *, most: int, budget: BodyBudget) -> bytes:
        """Read a body without a check of its media type; otherwise like `json_body`."""
        for length in self.headers(b"content-length"):
            if not length.isdigit() or int(length) > most:
                raise _too_large(most)
        chunks: list[bytes] = []
        size = 0
        try:
            while True:
                message = await self.receive()
                if message["type"] == "http.disconnect":
                    raise MalformedError("the body ended early", todo="send all the bytes of Content-Length")
                chunk = message.get("body", b"")
                if size + len(chunk) > most:
                    raise _too_large(most)
                budget.reserve(len(chunk))
                size += len(chunk)
                chunks.append(chunk)
                if not message.get("more_body", False):
                    return chunks[0] if len(chunks) == 1 else b"".join(chunks)
        finally:
            budget.release(size)

    def charge_lines(self) -> None:
        """Charge the requested lines to the rate limit of the token.

        Raises:
            RateLimitedError: The limit does not allow so many lines now.
        """
        if self.allowance is not None:
            self.allowance.take(self.lines)

    def check_media_type(self, expected: str) -> None:
        """Check that the headers declare a media type, no charset but UTF-8, and no compression.

        Raises:
            MediaTypeError: The headers declare something else.
        """
        kinds = self.headers(b"content-type")
        kind, _, parameters = (kinds[0] if len(kinds) == 1 else b"").decode("latin-1").partition(";")
        parameters = parameters.replace(" ", "").replace('"', "").lower()
        if kind.strip().lower() != expected or parameters not in {"", "charset=utf-8"}:
            raise MediaTypeError(
                "the body has the wrong media type",
                expected=f"Content-Type: {expected}",
                todo="send the body in that type and set the header",
            )
        if any(value.strip().lower() != b"identity" for value in self.headers(b"content-encoding")):
            raise MediaTypeError(
                "the body is compressed", expected="no Content-Encoding", todo="send the body uncompressed"
            )


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer whose body is not JSON."""

    body: bytes
    media_type: str


def path_segments(scope: Scope) -> list[str] | None:
    """Split the path, then decode each segment, because an id may contain a slash; None if it is not UTF-8."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    try:
        return [unquote(part, errors="strict") for part in raw.decode("ascii").strip("/").split("/")]
    except ValueError:
        return None


async def send_answer(send: Send, content: Any, *, status: HTTPStatus = HTTPStatus.OK, headers: Headers = ()) -> None:
    """Send an answer; content other than bytes and `Answer` is encoded as JSON."""
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
    """Send an error as JSON; `number` is the request number that the log entry has, if there is one."""
    status = status_of(error)
    headers = refusal_headers(error, number=number)
    await send_answer(send, answer_of(error, request_id=request_id), status=status, headers=headers)
    return status


def refusal_headers(error: LineriskError, *, number: str | None = None) -> Headers:
    """Headers of an error; see `send_refusal`."""
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
    return TooLargeError("the body is too large", expected=f"at most {most} bytes", todo="send fewer lines per request")
