"""Request and answer types of scoring. Unknown fields are refused, so that a misspelt field is noticed.

A wrong type or bound refuses the whole request. Records and accounts are checked line by line (`request_records`): a
bad line becomes a problem, and the others are scored.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec

from linerisk.as_of import iso
from linerisk.decisions.record import DecisionAnswer
from linerisk.tables.schemas import EARLIEST
from linerisk.web.errors import WrongValueError
from linerisk.web.query_params import LONGEST_ID, NO_CONTROLS

MOST_LINES = 1_000
MOST_BULK_LINES = 20_000
"""Lines by id in one Arrow table."""
MOST_RECORDS = 20_000
MOST_BYTES = 16 * 1024 * 1024
CLOCK_TOLERANCE = timedelta(days=1)
"""How far in the future an `as_of` may be."""

RequestId = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=LONGEST_ID,
        pattern=r"^[!-~]+$",
        description="idempotency key: the same key and body give the same decisions",
    ),
]
LineId = (
    Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_ID, pattern=NO_CONTROLS)]
    | Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
)
Instant = Annotated[datetime, msgspec.Meta(tz=True)]
Id = Annotated[str, msgspec.Meta(max_length=256)] | Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
Text = Annotated[str, msgspec.Meta(max_length=256)]
Whole = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]


class LineById(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """A line of the published snapshot."""

    line_id: LineId


class ScoreRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Score lines of the published snapshot.

    Attributes:
        request_id: The caller's idempotency key.
        lines: The lines.
        as_of: The instant to score at, not before the snapshot's; default the snapshot's.
    """

    request_id: RequestId
    lines: Annotated[list[LineById], msgspec.Meta(min_length=1, max_length=MOST_LINES)]
    as_of: Instant | None = None


class RecordBody(msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """One call leg or text; the columns of the contract's call records, without `line_id`.

    Missing and null fields are distinguished, so that the canonical form equals the body.
    """

    peer_id: Id
    record_type: Text
    started_at: Text
    duration_s: Whole
    received_at: Text | msgspec.UnsetType | None = msgspec.UNSET
    ring_s: float | msgspec.UnsetType | None = msgspec.UNSET
    answered: bool | msgspec.UnsetType | None = msgspec.UNSET
    peer_block: Id | msgspec.UnsetType | None = msgspec.UNSET
    peer_kind: Text | msgspec.UnsetType | None = msgspec.UNSET
    peer_area: Text | msgspec.UnsetType | None = msgspec.UNSET
    visited_area: Text | msgspec.UnsetType | None = msgspec.UNSET
    cell_id: Id | msgspec.UnsetType | None = msgspec.UNSET
    device_id: Id | msgspec.UnsetType | None = msgspec.UNSET
    device_model: Id | msgspec.UnsetType | None = msgspec.UNSET


class AccountBody(msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """What is known about a line; the columns of the contract's accounts. `known_at` defaults to `as_of`."""

    activated_on: Text
    home_area: Text
    plan_kind: Text
    status: Text
    known_at: Text | msgspec.UnsetType | None = msgspec.UNSET
    number_since: Text | msgspec.UnsetType | None = msgspec.UNSET
    ported_in_on: Text | msgspec.UnsetType | None = msgspec.UNSET
    customer_since: Text | msgspec.UnsetType | None = msgspec.UNSET
    holder_id: Id | msgspec.UnsetType | None = msgspec.UNSET
    declared_use: Text | msgspec.UnsetType | None = msgspec.UNSET
    declared_until: Text | msgspec.UnsetType | None = msgspec.UNSET
    last_verified_at: Text | msgspec.UnsetType | None = msgspec.UNSET


class LineWithRecords(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A line with its records; without an account its decision is `degraded`."""

    line_id: LineId
    records: Annotated[list[RecordBody], msgspec.Meta(max_length=MOST_RECORDS)]
    account: AccountBody | msgspec.UnsetType | None = msgspec.UNSET


class RecordsRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Score lines from records in the body.

    Attributes:
        request_id: The caller's idempotency key.
        lines: The lines with their records.
        as_of: The instant to score at; later records are ignored. Default now.
    """

    request_id: RequestId
    lines: Annotated[list[LineWithRecords], msgspec.Meta(min_length=1, max_length=MOST_LINES)]
    as_of: Instant | None = None


class ProblemBody(msgspec.Struct, frozen=True):
    """A problem with one line of a request."""

    line_id: str
    code: str
    message: str


class ScoreAnswer(msgspec.Struct, frozen=True):
    """Decisions, and problems with lines.

    A line without a decision has a problem (`unknown_line`, `wrong_value`, `nothing_known`); a repeated line has one
    (`duplicate_line`); a line decided as `degraded` has a decision and a problem
    (`account_missing`, `inputs_missing`).
    """

    request_id: str
    decisions: list[DecisionAnswer]
    problems: list[ProblemBody]


def instant_of(value: datetime, *, now: datetime) -> datetime:
    """An `as_of` of a request in UTC.

    Raises:
        WrongValueError: It is implausibly early, or in the future.
    """
    if not EARLIEST <= value <= now + CLOCK_TOLERANCE:
        raise WrongValueError(
            "as_of is not a plausible instant",
            expected=f"{iso(EARLIEST)} to {iso(now)}",
            found=value.isoformat(),
            todo="leave it out, or give an instant in that range; check your clock",
            field="as_of",
        )
    return value.astimezone(UTC)
