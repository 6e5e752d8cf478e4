"""Where requests go, and what they look like on the wire."""

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
    """Where requests go.

    Args:
        url: Scheme, host and port; a path is put before `path`.
        path: What is called.
        token: For the header; none is sent without it.
    """

    url: str
    path: str = SCORE
    token: str | None = None

    def request(self, body: bytes) -> bytes:
        """A request as it goes over the wire."""
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
        """As asyncio wants it."""
        parts = urlsplit(self.url)
        secure = parts.scheme == "https"
        port = parts.port or (_HTTPS if secure else 80)
        return {"host": parts.hostname, "port": port, "ssl": ssl.create_default_context() if secure else None}
