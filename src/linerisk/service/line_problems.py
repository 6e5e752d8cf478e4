"""What is said about lines of a request that were decided with less than usual, or are named twice."""

from __future__ import annotations

from collections.abc import Sequence

from linerisk.service.decide import Asked
from linerisk.service.request_types import ProblemBody

OTHER_LINES = "other lines as known at as_of"
"""An input that is missing where nothing of other lines is published."""


def of_no_account(asked: Asked) -> list[ProblemBody]:
    """What there is to say about lines that were decided without an account."""
    known = zip(asked.line_ids, asked.with_account, strict=True)
    return [without_account(line_id) for line_id, account in known if not account]


def of_missing_inputs(asked: Asked) -> list[ProblemBody]:
    """What there is to say about lines that were decided with an input missing."""
    missing = zip(asked.line_ids, asked.missing, strict=True)
    return [_inputs_missing(line_id, inputs) for line_id, inputs in missing if inputs]


def without_account(line_id: str) -> ProblemBody:
    """What there is to say about a line that was decided without an account."""
    return ProblemBody(line_id, "account_missing", "decided as degraded: no account of this line is known at as_of")


def unknown_line(line_id: str) -> ProblemBody:
    """What there is to say about a line that is not there."""
    return ProblemBody(line_id, "unknown_line", "the published snapshot does not know this line")


def _inputs_missing(line_id: str, missing: Sequence[str]) -> ProblemBody:
    own = ", ".join(name for name in missing if name != OTHER_LINES)
    said = [f"no record of this line has {own}"] if own else []
    if OTHER_LINES in missing:
        said.append("no snapshot is published that stands at as_of or before, so it is compared with no other line")
    return ProblemBody(line_id, "inputs_missing", f"decided as degraded: {'; '.join(said)}")


def each_once(line_ids: Sequence[str]) -> tuple[list[str], list[int], list[ProblemBody]]:
    """The lines of a request and where they stand, each once; a line named again is a problem."""
    first: dict[str, int] = {}
    problems: list[ProblemBody] = []
    for position, line_id in enumerate(line_ids):
        if line_id in first:
            problems.append(ProblemBody(line_id, "duplicate_line", f"the same line as lines[{first[line_id]}]"))
        else:
            first[line_id] = position
    return list(first), list(first.values()), problems
