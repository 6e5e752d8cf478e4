"""Structured lines to stderr: JSON, one event each. Neither lines nor callers nor secrets are ever among the facts."""

from __future__ import annotations

import sys
import traceback
from typing import Any


def log() -> Any:
    """A logger that writes JSON lines to stderr."""
    import structlog  # noqa: PLC0415  # the process that minds the workers writes nothing

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
    """File and line that an error came from; its text might hold an id, so only its type may be logged beside."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename.rpartition('linerisk/')[2]}:{frames[-1].lineno}" if frames else "unknown"
