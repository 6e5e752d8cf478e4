"""Lines of the published snapshot of which everything was said before they were asked for: found, dated and frozen.

It decides what `Desk.by_id` decides, byte for byte but for the ids, in a fraction of the time, for a few lines.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import msgspec

from linerisk import as_of as clock
from linerisk.decisions.ids import decision_ids
from linerisk.decisions.record import RecordedModel, SpelledRecord
from linerisk.decisions.spelled import SpelledLine, read_line
from linerisk.explanation import Wording
from linerisk.live import Live
from linerisk.model.tiers import Tier
from linerisk.policy import Policy, in_force
from linerisk.service.deciding import action_of, status_of
from linerisk.service.desk import Desk, instant_asked
from linerisk.service.line_problems import each_once, unknown_line, without_account
from linerisk.service.types import ProblemBody, ScoreRequest

Ready = tuple[list[SpelledRecord], list[ProblemBody]]
"""Decisions, not recorded yet, and what there is to say about lines."""


@dataclass(frozen=True, slots=True)
class _Shared:
    """What decisions of one pair at one instant share."""

    live: Live
    as_of: datetime
    policy: Policy
    model: RecordedModel

    @classmethod
    def of(cls, desk: Desk, live: Live, *, as_of: datetime) -> _Shared:
        meta = live.model_meta
        model = RecordedModel(name=meta.name, version=meta.version, fingerprint=live.model.fingerprint)
        return cls(live, as_of, in_force(desk.policies, as_of), model)


class Ahead:
    """Decides for one event loop.

    Args:
        desk: What it decides from.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._shared: _Shared | None = None

    def decide(self, request: ScoreRequest, *, caller: str) -> Ready | None:
        """The decisions of a request; None where a line has yet to be put into words.

        Raises:
            NotLiveError: There is no model or no snapshot.
            WrongValueError: `as_of` is before the snapshot's.
        """
        desk, now = self._desk, clock.now()
        live = desk.holder.current()
        snapshot = desk.snapshot_of(live)
        as_of = instant_asked(request, snapshot, now=now)
        shared = self._shared
        if shared is None or shared.live is not live or shared.as_of != as_of:
            shared = self._shared = _Shared.of(desk, live, as_of=as_of)
        ids, _, problems = each_once([str(line.line_id) for line in request.lines])
        known: dict[str, int] = {}
        for line_id in ids:
            row = snapshot.row_of(desk.key_of(line_id))
            if row < 0:
                problems.append(unknown_line(line_id))
            else:
                known[line_id] = row
        stale = now - snapshot.meta.as_of > shared.policy.snapshot_max_age
        expired = live.model_meta.expired(now)
        records: list[SpelledRecord] = []
        cleared_at = desk.cool_downs.of(list(known))
        for decision_id, (line_id, row), cleared in zip(
            decision_ids(now, len(known)), known.items(), cleared_at, strict=True
        ):
            said = _said(live, row, desk.wording)
            if said is None:
                return None
            with_account = snapshot.has_account(row)
            if not with_account:
                problems.append(without_account(line_id))
            status = status_of(stale=stale, degraded=expired or not with_account)
            verified = snapshot.last_verified(row)
            records.append(
                SpelledRecord(
                    decision_id=decision_id,
                    request_id=request.request_id,
                    line_id=line_id,
                    as_of=as_of,
                    scored_at=now,
                    status=status,
                    margin=said.margin,
                    probability=said.probability,
                    probability_low=said.probability_low,
                    probability_high=said.probability_high,
                    tier=said.tier,
                    action=action_of(
                        shared.policy, Tier(said.tier), status, as_of=as_of, verified=verified, cleared=cleared
                    ),
                    reasons=msgspec.Raw(said.reasons),
                    base=said.base,
                    calibration=said.calibration,
                    contributions=msgspec.Raw(said.contributions),
                    model=shared.model,
                    features_from="snapshot",
                    features=msgspec.Raw(said.features),
                    scored_by=caller,
                    snapshot_id=snapshot.meta.id,
                    last_verified_at=verified,
                    cleared_at=cleared,
                    records=msgspec.UNSET if live.prepared is None else live.prepared.summaries.get(row, msgspec.UNSET),
                )
            )
        return records, problems


def _said(live: Live, row: int, wording: Wording) -> SpelledLine | None:
    """What was spelled of a row, if in these words."""
    ahead = live.prepared
    if ahead is None or ahead.spelled is None or ahead.spelled.worded_by != wording.fingerprint:
        return None
    text = ahead.spelled.of(row)
    return read_line(text) if text else None
