"""Structured log to stderr, one JSON object per event, without line ids, callers or secrets."""

from __future__ import annotations

import sys
import traceback
from typing import Any


def log() -> Any:
    """A logger that writes JSON lines to stderr."""
    import structlog  # noqa: PLC0415  # the parent process logs nothing

    return structlog.wrap_logger(
        structlog.PrintLogger(sys.stderr),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.BoundLogger,
    )


def where(error: BaseException) -> str:
    """File and line of an error, to log with its type; its text may hold an id and is never logged."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename.rpartition('linerisk/')[2]}:{frames[-1].lineno}" if frames else "unknown"
