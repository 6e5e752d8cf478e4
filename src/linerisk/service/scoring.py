"""Scores the lines of a request: finds or computes their features, and turns them into decisions.

Nothing here knows HTTP. The caller records the decisions before it sends them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial

import numpy as np
import numpy.typing as npt

from linerisk import as_of as clock
from linerisk.decisions.record import Recordable
from linerisk.errors import ArtefactError
from linerisk.features.catalogue import FEATURE_NAMES, WITH_REFERENCE
from linerisk.features.reference import Reference
from linerisk.live import Live, Snapshot
from linerisk.policy import Policy, in_force
from linerisk.service.ahead import decide_ahead
from linerisk.service.decide import Asked, decide
from linerisk.service.line_problems import OTHER_LINES, each_once, of_missing_inputs, of_no_account, unknown_line
from linerisk.service.request_records import Given, cook, given
from linerisk.service.request_types import ProblemBody, RecordsRequest, ScoreRequest, instant_of
from linerisk.web.errors import WrongValueError
from linerisk.web.state import ServiceState

_NAMED_AT_MOST = 5

Decided = tuple[Sequence[Recordable], list[ProblemBody]]
"""Decisions, not recorded yet, and problems with lines."""
Readied = tuple[Asked, Policy, list[ProblemBody]]
"""Lines ready to be scored, the policy in force, and problems with lines."""


def score_by_id(state: ServiceState, request: ScoreRequest, *, caller: str, reasons: bool = True) -> Decided:
    """Score lines of the published snapshot; see `input_by_id`. Without reasons none are put into words."""
    return decisions_of(state, *input_by_id(state, request, caller=caller), reasons=reasons)


def score_by_records(state: ServiceState, request: RecordsRequest, *, caller: str, reasons: bool = True) -> Decided:
    """Score lines from records in the request; see `input_by_records`."""
    lines = given(request.lines)
    readied = input_by_records(state, lines, request_id=request.request_id, as_of=request.as_of, caller=caller)
    return decisions_of(state, *readied, reasons=reasons)


def input_by_id(state: ServiceState, request: ScoreRequest, *, caller: str) -> Readied:
    """Lines of the published snapshot, ready to be scored.

    Raises:
        NotLiveError: There is no model or no snapshot.
        WrongValueError: `as_of` is before the snapshot's.
    """
    now = clock.now()
    live = state.live.current()
    snapshot = state.snapshot_of(live)
    given = instant_asked(request, snapshot, now=now)
    ids, _, problems = each_once([str(line.line_id) for line in request.lines])
    found = snapshot.find(state.keys_of(ids))
    problems += [unknown_line(line_id) for line_id, row in zip(ids, found.tolist(), strict=True) if row < 0]
    rows = found[found >= 0]
    line_ids = [line_id for line_id, row in zip(ids, found.tolist(), strict=True) if row >= 0]
    asked, policy = _at_rows(
        state, live, snapshot, rows, line_ids, request_id=request.request_id, caller=caller, as_of=given, now=now
    )
    return asked, policy, problems + of_no_account(asked)


def warm_up(state: ServiceState) -> None:
    """Go the way of a request for one line, up to where it would be recorded.

    What a process does once, such as reading what is mapped and making statements, no caller need wait for.

    Raises:
        DecisionLogError: The log cannot be read.
    """
    live = state.live.current()
    if live.snapshot is not None and live.snapshot.meta.lines:
        first = np.zeros(1, dtype=np.intp)
        asked, policy = _at_rows(
            state,
            live,
            live.snapshot,
            first,
            [""],
            request_id="",
            caller="",
            as_of=live.snapshot.meta.as_of,
            now=clock.now(),
        )
        decide(asked, policy, state.wording)
    state.log.find("", "")


def _at_rows(
    state: ServiceState,
    live: Live,
    snapshot: Snapshot,
    rows: npt.NDArray[np.intp],
    line_ids: list[str],
    *,
    request_id: str,
    caller: str,
    as_of: datetime,
    now: datetime,
) -> tuple[Asked, Policy]:
    policy = in_force(state.policies, as_of)
    asked = Asked(
        request_id=request_id,
        caller=caller,
        as_of=as_of,
        now=now,
        live=live,
        line_ids=line_ids,
        rows=snapshot.rows(rows),
        with_account=[snapshot.has_account(row) for row in rows.tolist()],
        missing=[()] * len(rows),
        last_verified=[snapshot.last_verified(row) for row in rows.tolist()],
        cleared=state.cool_downs.of(line_ids),
        # Judged by the clock, whatever as_of is asked for: nobody can make an old snapshot fresh by asking.
        stale=now - snapshot.meta.as_of > policy.snapshot_max_age,
        snapshot=snapshot,
        indexes=rows,
    )
    return asked, policy


def input_by_records(
    state: ServiceState, lines: Given, *, request_id: str, as_of: datetime | None, caller: str
) -> Readied:
    """Lines with records, beside other lines as the published snapshot knows them, ready to be scored.

    Args:
        state: What the worker keeps open.
        lines: As they were given; one that is named again is a problem.
        request_id: The caller's idempotency key.
        as_of: The instant to stand at; default now.
        caller: Name of the token.

    Raises:
        NotLiveError: There is no model.
        ArtefactError: The model has columns that are not made from records.
        StoreError: The snapshot was keyed by another secret.
    """
    now = clock.now()
    live = state.live.current()
    foreign = [name for name in live.model.feature_names if name not in FEATURE_NAMES]
    if foreign:
        raise ArtefactError(
            "the model that is live has columns that are not made from records",
            expected="features of the catalogue",
            found=", ".join(foreign[:_NAMED_AT_MOST]),
            todo="score by id, or promote a model trained on the catalogue",
        )
    as_of = now if as_of is None else instant_of(as_of, now=now)
    policy = in_force(state.policies, as_of)
    reference = _reference(state, live, as_of=as_of)
    ids, positions, problems = each_once(lines.ids)
    cooked = cook(
        lines if len(ids) == len(lines.ids) else lines.only(positions),
        columns=live.model.feature_names,
        reference=reference,
        as_of=as_of,
        now=now,
        secret=state.id_key,
        time_zone=state.settings.time_zone,
    )
    alone = reference is None and any(name in WITH_REFERENCE for name in live.model.feature_names)
    line_ids = [ids[position] for position in cooked.positions]
    asked = Asked(
        request_id=request_id,
        caller=caller,
        as_of=as_of,
        now=now,
        live=live,
        line_ids=line_ids,
        rows=cooked.rows,
        with_account=cooked.with_account,
        missing=[(*missing, OTHER_LINES) if alone else missing for missing in cooked.missing],
        last_verified=cooked.last_verified,
        cleared=state.cool_downs.of(line_ids),
        stale=reference is not None and as_of - reference.as_of > policy.snapshot_max_age,
        snapshot=None,
        summaries=partial(cooked.summaries, as_of=as_of, time_zone=state.settings.time_zone),
    )
    return asked, policy, problems + cooked.problems + of_no_account(asked) + of_missing_inputs(asked)


def _reference(state: ServiceState, live: Live, *, as_of: datetime) -> Reference | None:
    """What was published of other lines; None if nothing was, or for a later instant."""
    if live.snapshot is None or live.snapshot.meta.as_of > as_of:
        return None
    return state.snapshot_of(live).reference


def decisions_of(
    state: ServiceState, asked: Asked, policy: Policy, problems: list[ProblemBody], *, reasons: bool
) -> Decided:
    """Decisions of lines that are ready; without reasons none are put into words."""
    ahead = decide_ahead(asked, policy, state.wording, reasons=reasons)
    return ahead or decide(asked, policy, state.wording if reasons else None), problems


def instant_asked(request: ScoreRequest, snapshot: Snapshot, *, now: datetime) -> datetime:
    """The instant that a request by id stands at; the snapshot's where it names none.

    Raises:
        WrongValueError: It is before the snapshot's, or no instant of ours.
    """
    if request.as_of is None:
        return snapshot.meta.as_of
    given = instant_of(request.as_of, now=now)
    if given < snapshot.meta.as_of:
        raise WrongValueError(
            "as_of is before the published snapshot",
            expected=f"{clock.iso(snapshot.meta.as_of)} or later",
            found=clock.iso(given),
            todo="leave it out, ask for a later instant, or score by records",
            field="as_of",
        )
    return given
