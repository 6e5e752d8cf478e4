"""Decisions from what was spelled of a snapshot's rows before they were asked for: dated, addressed and frozen.

They are what `deciding.decide` makes of the same rows, byte for byte but for the ids, in a fraction of the time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime

import msgspec

from linerisk.decisions.ids import decision_ids
from linerisk.decisions.record import RecordedAction, RecordedModel, SpelledRecord
from linerisk.decisions.spelled import SpelledLine, read_line
from linerisk.explanation import Wording
from linerisk.features.records_summary import RecordsSummary
from linerisk.live import Live
from linerisk.model.tiers import Tier
from linerisk.policy import Policy
from linerisk.service.decide import Asked, actions, recorded_model, statuses

_NO_REASONS = msgspec.Raw(b"[]")


class Common(msgspec.Struct, frozen=True, gc=False):
    """What decisions of one request share.

    Attributes:
        request_id: The caller's idempotency key.
        caller: Name of the token.
        as_of: The instant stood at.
        now: When they are scored.
        live: The pair that scores them.
        model: Its model.
        snapshot_id: Its snapshot.
        action: What the policy in force at `as_of` asks for; see `deciding.actions`.
        reasons: Whether reasons are given.
    """

    request_id: str
    caller: str
    as_of: datetime
    now: datetime
    live: Live
    model: RecordedModel
    snapshot_id: str
    action: Callable[..., RecordedAction]
    reasons: bool = True


Line = tuple[SpelledLine | None, int, str, str, datetime | None, datetime | None]
"""What was said of a line, if it was, its row, its id, its status, when it was last verified and when cleared."""


def decide_ahead(asked: Asked, policy: Policy, wording: Wording, *, reasons: bool = True) -> list[SpelledRecord] | None:
    """What `decide` decides; None where a row was not spelled in these words, or not of a snapshot at all."""
    if asked.indexes is None or asked.snapshot is None or not asked.line_ids:
        return None
    rows = asked.indexes.tolist()
    common = Common(
        request_id=asked.request_id,
        caller=asked.caller,
        as_of=asked.as_of,
        now=asked.now,
        live=asked.live,
        model=recorded_model(asked.live),
        snapshot_id=asked.snapshot.meta.id,
        action=actions(policy, asked.as_of),
        reasons=reasons,
    )
    said = said_of(asked.live, rows, wording)
    columns = zip(said, rows, asked.line_ids, statuses(asked), asked.last_verified, asked.cleared, strict=True)
    return records_of(common, columns, count=len(rows))


def said_of(live: Live, rows: Iterable[int], wording: Wording) -> Iterator[SpelledLine | None]:
    """What was spelled of each row in these words; one at a time, as it is large."""
    spelled = None if live.prepared is None else live.prepared.spelled
    usable = spelled is not None and spelled.worded_by == wording.fingerprint
    for row in rows:
        text = spelled.of(row) if usable and spelled is not None else None
        yield read_line(text) if text else None


def records_of(common: Common, lines: Iterable[Line], *, count: int) -> list[SpelledRecord] | None:
    """Decisions of so many lines, not recorded yet; None where something of a line was not spelled."""
    prepared = common.live.prepared
    summaries: Mapping[int, RecordsSummary] = {} if prepared is None else prepared.summaries
    records = []
    ids = decision_ids(common.now, count)
    for decision_id, (line, row, line_id, state, verified, cleared) in zip(ids, lines, strict=True):
        if line is None:
            return None
        record = SpelledRecord(
            decision_id=decision_id,
            request_id=common.request_id,
            line_id=line_id,
            as_of=common.as_of,
            scored_at=common.now,
            status=state,
            margin=line.margin,
            probability=line.probability,
            probability_low=line.probability_low,
            probability_high=line.probability_high,
            tier=line.tier,
            action=common.action(Tier(line.tier), state, verified, cleared),
            reasons=msgspec.Raw(line.reasons) if common.reasons else _NO_REASONS,
            base=line.base,
            calibration=line.calibration,
            contributions=msgspec.Raw(line.contributions),
            model=common.model,
            features_from="snapshot",
            features=msgspec.Raw(line.features),
            scored_by=common.caller,
            snapshot_id=common.snapshot_id,
            last_verified_at=verified,
            cleared_at=cleared,
            records=summaries.get(row, msgspec.UNSET),
        )
        records.append(record)
    return records
