"""Errors of notices."""

from __future__ import annotations

from linerisk.errors import LineriskError


class NoticeError(LineriskError):
    """No notice can be made: no reason is recorded, none fits a text message, or sending is before the decision."""

    code = "notice"
