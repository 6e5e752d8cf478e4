"""One call of the API: method, path, roles, handler, types."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from linerisk.service.api_state import ApiState
from linerisk.web.http import Request
from linerisk.web.token_store import Role

Handler = Callable[[ApiState, Request], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Route:
    """One call of the API.

    Attributes:
        method: HTTP method.
        path: Path with `{names}` of its variable parts.
        roles: Who may make it.
        handler: The function that answers it.
        summary: One line for the documentation.
        body: Type of its JSON body, if it has one.
        answer: Type of its JSON answer, if there is one.
        stream: Media type of body and answer, if they are not JSON.
        page: Whether it can also answer with HTML.
    """

    method: str
    path: str
    roles: frozenset[Role]
    handler: Handler
    summary: str
    body: type | None = None
    answer: type | None = None
    stream: str | None = None
    page: bool = False

    def match(self, segments: list[str]) -> dict[str, str] | None:
        """The variable parts of a path; None if the path does not match."""
        pattern = self.path.strip("/").split("/")
        if len(pattern) != len(segments):
            return None
        params: dict[str, str] = {}
        for part, segment in zip(pattern, segments, strict=True):
            if part.startswith("{"):
                params[part[1:-1]] = segment
            elif part != segment:
                return None
        return params
