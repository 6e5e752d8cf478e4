"""Requests as they may look. What is not named here is refused, so that a misspelt field is not silently left out.

Types and bounds are checked here and refuse the whole request; whether a record makes sense is judged line by line
(`request_records`), and one bad line does not spoil the others.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec

from linerisk.as_of import iso
from linerisk.decisions.record import ToldDecision
from linerisk.service.errors import WrongValueError
from linerisk.tables.schemas import EARLIEST

MOST_LINES = 1_000
MOST_BULK_LINES = 20_000
"""Lines by id in one Arrow table."""
MOST_RECORDS = 20_000
MOST_BYTES = 16 * 1024 * 1024
CLOCK_TOLERANCE = timedelta(days=1)
"""How far ahead of our clock an `as_of` may be before it is taken for nonsense."""

LONGEST_ID = 128
NO_CONTROLS = r"^[^\x00-\x1f\x7f]+$"
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
    """A line that the published snapshot is asked for."""

    line_id: LineId


class ScoreRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Score lines of the published snapshot.

    Attributes:
        request_id: The caller's idempotency key.
        lines: Which lines.
        as_of: The instant to stand at, not before the snapshot's; default the snapshot's.
    """

    request_id: RequestId
    lines: Annotated[list[LineById], msgspec.Meta(min_length=1, max_length=MOST_LINES)]
    as_of: Instant | None = None


class RecordBody(msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """One call leg or text; the columns of the contract's call records, without `line_id`."""

    peer_id: Id
    record_type: Text
    started_at: Text
    duration_s: Whole
    received_at: Text | None = None
    ring_s: float | None = None
    answered: bool | None = None
    peer_block: Id | None = None
    peer_kind: Text | None = None
    peer_area: Text | None = None
    visited_area: Text | None = None
    cell_id: Id | None = None
    device_id: Id | None = None
    device_model: Id | None = None


class AccountBody(msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """What is known about a line; the columns of the contract's accounts. `known_at` defaults to `as_of`."""

    activated_on: Text
    home_area: Text
    plan_kind: Text
    status: Text
    known_at: Text | None = None
    number_since: Text | None = None
    ported_in_on: Text | None = None
    customer_since: Text | None = None
    holder_id: Id | None = None
    declared_use: Text | None = None
    declared_until: Text | None = None
    last_verified_at: Text | None = None


class LineWithRecords(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A line with what the network wrote about it; without an account its decision is `degraded`."""

    line_id: LineId
    records: Annotated[list[RecordBody], msgspec.Meta(max_length=MOST_RECORDS)]
    account: AccountBody | None = None


class RecordsRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Score lines from records in the body.

    Attributes:
        request_id: The caller's idempotency key.
        lines: The lines with their records.
        as_of: The instant to stand at; records after it are not seen. Default now.
    """

    request_id: RequestId
    lines: Annotated[list[LineWithRecords], msgspec.Meta(min_length=1, max_length=MOST_LINES)]
    as_of: Instant | None = None


class ProblemBody(msgspec.Struct, frozen=True):
    """What there is to say about one line of a request."""

    line_id: str
    code: str
    message: str


class ScoreAnswer(msgspec.Struct, frozen=True):
    """Decisions of the lines that could be scored, and what there is to say about lines.

    A line without a decision has a problem (`unknown_line`, `wrong_value`, `nothing_known`); a line named again has one
    (`duplicate_line`); a line decided as `degraded` has a decision and a problem
    (`account_missing`, `inputs_missing`).
    """

    request_id: str
    decisions: list[ToldDecision]
    problems: list[ProblemBody]


def instant_of(value: datetime, *, now: datetime) -> datetime:
    """An `as_of` of a request in UTC.

    Raises:
        WrongValueError: It lies before any network or after our clock.
    """
    if not EARLIEST <= value <= now + CLOCK_TOLERANCE:
        raise WrongValueError(
            "as_of is no instant that data can stand at",
            expected=f"{iso(EARLIEST)} to {iso(now)}",
            found=value.isoformat(),
            field="as_of",
        )
    return value.astimezone(UTC)
