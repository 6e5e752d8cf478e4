"""The address of a service and the bytes of a request to it."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

SCORE = "/v1/score"
_HTTPS = 443


@dataclass(frozen=True)
class Target:
    """A service to load.

    Args:
        url: Scheme, host and port; a path in it precedes `path`.
        path: Path of the call.
        token: Bearer token; None sends no header.
    """

    url: str
    path: str = SCORE
    token: str | None = None

    def request(self, body: bytes) -> bytes:
        """The bytes of a request."""
        parts = urlsplit(self.url)
        lines = [
            f"POST {parts.path.rstrip('/')}{self.path} HTTP/1.1",
            f"Host: {parts.netloc}",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
        ]
        if self.token:
            lines.append(f"Authorization: Bearer {self.token}")
        return "\r\n".join([*lines, "", ""]).encode("ascii") + body

    @cached_property
    def address(self) -> dict[str, Any]:
        """Arguments of `create_connection`."""
        parts = urlsplit(self.url)
        secure = parts.scheme == "https"
        port = parts.port or (_HTTPS if secure else 80)
        return {"host": parts.hostname, "port": port, "ssl": ssl.create_default_context() if secure else None}
