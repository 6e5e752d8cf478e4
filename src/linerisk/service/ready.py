"""A few lines of the published snapshot by their ids, of which everything was said before: found and decided.

It decides what `ServiceState.by_id` decides, and answers for one event loop.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from linerisk import as_of as clock
from linerisk.decisions.record import RecordedAction, RecordedModel, SpelledRecord
from linerisk.live import Live
from linerisk.policy import in_force
from linerisk.service.ahead import Common, records_of, said_of
from linerisk.service.decide import actions, recorded_model, status_of
from linerisk.service.line_problems import each_once, unknown_line, without_account
from linerisk.service.request_types import ProblemBody, ScoreRequest
from linerisk.service.scoring import instant_asked
from linerisk.web.state import ServiceState

Ready = tuple[list[SpelledRecord], list[ProblemBody]]
"""Decisions, not recorded yet, and what there is to say about lines."""


@dataclass(frozen=True, slots=True)
class _Shared:
    """What decisions of one pair at one instant share."""

    live: Live
    as_of: datetime
    action: Callable[..., RecordedAction]
    stale_after: timedelta
    model: RecordedModel


class Ahead:
    """Decides for one event loop.

    Args:
        state: What it decides from.
    """

    def __init__(self, state: ServiceState) -> None:
        self._state = state
        self._shared: _Shared | None = None

    def decide(self, request: ScoreRequest, *, caller: str) -> Ready | None:
        """The decisions of a request; None where a line has yet to be put into words.

        Raises:
            NotLiveError: There is no model or no snapshot.
            WrongValueError: `as_of` is before the snapshot's.
        """
        state, now = self._state, clock.now()
        live = state.live.current()
        snapshot = state.snapshot_of(live)
        shared = self._shared_at(live, instant_asked(request, snapshot, now=now))
        ids, _, problems = each_once([str(line.line_id) for line in request.lines])
        found = [(line_id, snapshot.row_of(state.key_of(line_id))) for line_id in ids]
        problems += [unknown_line(line_id) for line_id, row in found if row < 0]
        rows = [row for _, row in found if row >= 0]
        line_ids = [line_id for line_id, row in found if row >= 0]
        with_account = [snapshot.has_account(row) for row in rows]
        problems += [
            without_account(line_id) for line_id, known in zip(line_ids, with_account, strict=True) if not known
        ]
        stale = now - snapshot.meta.as_of > shared.stale_after
        expired = live.model_meta.expired(now)
        common = Common(
            request.request_id, caller, shared.as_of, now, live, shared.model, snapshot.meta.id, shared.action
        )
        columns = zip(
            said_of(live, rows, state.wording),
            rows,
            line_ids,
            [status_of(stale=stale, degraded=expired or not known) for known in with_account],
            [snapshot.last_verified(row) for row in rows],
            state.cool_downs.of(line_ids),
            strict=True,
        )
        records = records_of(common, columns, count=len(rows))
        return None if records is None else (records, problems)

    def _shared_at(self, live: Live, as_of: datetime) -> _Shared:
        shared = self._shared
        if shared is None or shared.live is not live or shared.as_of != as_of:
            policy = in_force(self._state.policies, as_of)
            shared = self._shared = _Shared(
                live, as_of, actions(policy, as_of), policy.snapshot_max_age, recorded_model(live)
            )
        return shared
