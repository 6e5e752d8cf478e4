"""Problems with single lines of a request: unknown, repeated, or decided with an input missing."""

from __future__ import annotations

from collections.abc import Sequence

from linerisk.service.decide import ScoringInput
from linerisk.service.request_types import ProblemBody

OTHER_LINES = "other lines as known at as_of"
"""The input that is missing when no reference of other lines is published."""


def of_no_account(lines: ScoringInput) -> list[ProblemBody]:
    """Problems of lines that were decided without an account."""
    known = zip(lines.line_ids, lines.with_account, strict=True)
    return [without_account(line_id) for line_id, account in known if not account]


def of_missing_inputs(lines: ScoringInput) -> list[ProblemBody]:
    """Problems of lines that were decided with an input missing."""
    missing = zip(lines.line_ids, lines.missing, strict=True)
    return [_inputs_missing(line_id, inputs) for line_id, inputs in missing if inputs]


def without_account(line_id: str) -> ProblemBody:
    """The problem of a line that was decided without an account."""
    return ProblemBody(line_id, "account_missing", "decided as degraded: no account of this line is known at as_of")


def unknown_line(line_id: str) -> ProblemBody:
    """The problem of a line that the snapshot does not have."""
    return ProblemBody(line_id, "unknown_line", "the published snapshot does not know this line")


def _inputs_missing(line_id: str, missing: Sequence[str]) -> ProblemBody:
    own = ", ".join(name for name in missing if name != OTHER_LINES)
    texts = [f"no record of this line has {own}"] if own else []
    if OTHER_LINES in missing:
        texts.append("no snapshot is published that stands at as_of or before, so it is compared with no other line")
    return ProblemBody(line_id, "inputs_missing", f"decided as degraded: {'; '.join(texts)}")


def each_once(line_ids: Sequence[str]) -> tuple[list[str], list[int], list[ProblemBody]]:
    """The distinct lines of a request and their positions; a repeated line is a problem."""
    first: dict[str, int] = {}
    problems: list[ProblemBody] = []
    for position, line_id in enumerate(line_ids):
        if line_id in first:
            problems.append(ProblemBody(line_id, "duplicate_line", f"the same line as lines[{first[line_id]}]"))
        else:
            first[line_id] = position
    return list(first), list(first.values()), problems
