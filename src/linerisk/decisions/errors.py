"""What the decision log refuses, beside being unreadable or unwritable (`linerisk.errors.DecisionLogError`)."""

from __future__ import annotations

from typing import ClassVar

from linerisk.errors import LineriskError


class ConflictError(LineriskError):
    """A request id was used before with another body."""

    code = "conflict"


class OverloadedError(LineriskError):
    """More decisions wait to be written than the log takes on; nothing was written, so trying again is safe."""

    code = "overloaded"
    retry_after_s: ClassVar[int] = 1
