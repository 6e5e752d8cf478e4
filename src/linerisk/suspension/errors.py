"""What stops a notice from being made."""

from __future__ import annotations

from linerisk.errors import LineriskError


class NoticeError(LineriskError):
    """A notice cannot be made of this decision: it gives no reason, or none fits a text message."""

    code = "notice"
