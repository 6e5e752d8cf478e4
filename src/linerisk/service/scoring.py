"""Scores the lines of requests: finds or computes their features, and turns them into decisions.

Nothing here knows HTTP. The caller records the decisions before it sends them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from linerisk import as_of as clock
from linerisk.decisions.record import DecisionRecord
from linerisk.errors import ArtefactError
from linerisk.features.catalogue import FEATURE_NAMES, WITH_REFERENCE
from linerisk.features.reference import Reference
from linerisk.live import Live, Snapshot
from linerisk.policy import Policy, in_force
from linerisk.service.decide import ScoringInput, decide
from linerisk.service.line_problems import (
    OTHER_LINES,
    each_once,
    of_missing_inputs,
    of_no_account,
    unknown_line,
    without_account,
)
from linerisk.service.request_records import LineColumns, as_columns, compute_features
from linerisk.service.request_types import ProblemBody, RecordsRequest, ScoreRequest, instant_of
from linerisk.web.errors import WrongValueError
from linerisk.web.state import ServiceState

_NAMED_AT_MOST = 5

Decided = tuple[list[DecisionRecord], list[ProblemBody]]
"""Decisions that are not recorded yet, and problems with lines."""
LinesToScore = tuple[ScoringInput, Policy, list[ProblemBody]]
"""The lines of one request, the policy in force, and problems with lines."""


class IdRequest(NamedTuple):
    """A request for lines of the published snapshot, and the name of its token."""

    request: ScoreRequest
    caller: str


def score_by_id(state: ServiceState, request: ScoreRequest, *, caller: str, reasons: bool = True) -> Decided:
    """Score lines of the published snapshot; see `input_by_id`."""
    return decisions_of(state, *input_by_id(state, request, caller=caller), reasons=reasons)


def score_by_records(state: ServiceState, request: RecordsRequest, *, caller: str, reasons: bool = True) -> Decided:
    """Score lines from the records in the request; see `input_by_records`."""
    lines = as_columns(request.lines)
    scored = input_by_records(state, lines, request_id=request.request_id, as_of=request.as_of, caller=caller)
    return decisions_of(state, *scored, reasons=reasons)


def score_each(state: ServiceState, requests: Sequence[IdRequest]) -> list[Decided | Exception]:
    """Score several requests in one call; each gets its decisions or the error that refuses it."""
    try:
        return [*_score_together(state, requests)]
    except Exception as error:  # noqa: BLE001  # of one request: the others are scored without it
        if len(requests) == 1:
            return [error]
        return [outcome for request in requests for outcome in score_each(state, [request])]


def _score_together(state: ServiceState, requests: Sequence[IdRequest]) -> list[Decided]:
    now, live = clock.now(), state.live.current()
    snapshot = state.snapshot_of(live)
    by_instant: dict[datetime, list[int]] = {}
    for at, (request, _) in enumerate(requests):
        by_instant.setdefault(_as_of_of(request, snapshot, now=now), []).append(at)
    decided: list[Decided] = [([], []) for _ in requests]
    for as_of, positions in by_instant.items():
        lines = _find(state, live, snapshot, [requests[at] for at in positions], as_of=as_of, now=now)
        records = decide(lines.scoring_input, lines.policy, state.wording)
        for record, owner in zip(records, lines.owners, strict=True):
            decided[positions[owner]][0].append(record)
        for at, problems in zip(positions, lines.problems, strict=True):
            decided[at][1].extend(problems)
    return decided


def input_by_id(state: ServiceState, request: ScoreRequest, *, caller: str) -> LinesToScore:
    """Find the lines of a request in the published snapshot.

    Raises:
        NotLiveError: There is no model or no snapshot.
        WrongValueError: `as_of` is before the snapshot's.
    """
    now, live = clock.now(), state.live.current()
    snapshot = state.snapshot_of(live)
    as_of = _as_of_of(request, snapshot, now=now)
    lines = _find(state, live, snapshot, [IdRequest(request, caller)], as_of=as_of, now=now)
    return lines.scoring_input, lines.policy, lines.problems[0]


_Line = tuple[str, str, str]
"""Line id, request id and caller."""


class _At(NamedTuple):
    """The instant to score at, the present, and the policy in force."""

    as_of: datetime
    now: datetime
    policy: Policy


class _FoundLines(NamedTuple):
    """Lines of several requests at one instant; `owners` gives the request of each line, `problems` is by request."""

    scoring_input: ScoringInput
    policy: Policy
    owners: list[int]
    problems: list[list[ProblemBody]]


def _find(
    state: ServiceState,
    live: Live,
    snapshot: Snapshot,
    requests: Sequence[IdRequest],
    *,
    as_of: datetime,
    now: datetime,
) -> _FoundLines:
    problems: list[list[ProblemBody]] = []
    named: list[tuple[str, int]] = []
    for owner, (request, _) in enumerate(requests):
        ids, _, repeated = each_once([str(line.line_id) for line in request.lines])
        problems.append(repeated)
        named += [(line_id, owner) for line_id in ids]
    found = snapshot.find(state.keys_of([line_id for line_id, _ in named]))
    lines: list[_Line] = []
    owners: list[int] = []
    for (line_id, owner), row in zip(named, found.tolist(), strict=True):
        if row < 0:
            problems[owner].append(unknown_line(line_id))
        else:
            lines.append((line_id, requests[owner].request.request_id, requests[owner].caller))
            owners.append(owner)
    at = _At(as_of, now, in_force(state.policies, as_of))
    scoring_input = _snapshot_input(state, live, snapshot, found[found >= 0], lines, at=at)
    for line_id, owner, known in zip(scoring_input.line_ids, owners, scoring_input.with_account, strict=True):
        if not known:
            problems[owner].append(without_account(line_id))
    return _FoundLines(scoring_input, at.policy, owners, problems)


def _snapshot_input(
    state: ServiceState,
    live: Live,
    snapshot: Snapshot,
    rows: npt.NDArray[np.intp],
    lines: Sequence[_Line],
    *,
    at: _At,
) -> ScoringInput:
    line_ids = [line_id for line_id, _, _ in lines]
    return ScoringInput(
        request_ids=[request_id for _, request_id, _ in lines],
        callers=[caller for _, _, caller in lines],
        as_of=at.as_of,
        now=at.now,
        live=live,
        line_ids=line_ids,
        rows=snapshot.rows(rows),
        with_account=[snapshot.has_account(row) for row in rows.tolist()],
        missing=[()] * len(rows),
        last_verified=[snapshot.last_verified(row) for row in rows.tolist()],
        cleared=state.cool_downs.of(line_ids),
        # Judged by the clock and not by as_of: a caller cannot make an old snapshot fresh.
        stale=at.now - snapshot.meta.as_of > at.policy.snapshot_max_age,
        snapshot=snapshot,
        indexes=rows,
    )


def warm_up(state: ServiceState) -> None:
    """Score one line without recording it, so that the first request does not pay for maps and statements.

    Raises:
        DecisionLogError: The log cannot be read.
    """
    live = state.live.current()
    if live.snapshot is not None and live.snapshot.meta.lines:
        as_of = live.snapshot.meta.as_of
        at = _At(as_of, clock.now(), in_force(state.policies, as_of))
        first = np.zeros(1, dtype=np.intp)
        decide(_snapshot_input(state, live, live.snapshot, first, [("", "", "")], at=at), at.policy, state.wording)
    state.log.find("", "")


def input_by_records(
    state: ServiceState, lines: LineColumns, *, request_id: str, as_of: datetime | None, caller: str
) -> LinesToScore:
    """Compute the features of lines with records, with the reference of other lines from the published snapshot.

    Args:
        state: What the worker keeps open.
        lines: The lines of the request; a repeated line is a problem.
        request_id: The caller's idempotency key.
        as_of: The instant to score at; default now.
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
    computed = compute_features(
        lines if len(ids) == len(lines.ids) else lines.only(positions),
        columns=live.model.feature_names,
        reference=reference,
        as_of=as_of,
        now=now,
        secret=state.id_key,
        time_zone=state.settings.time_zone,
    )
    alone = reference is None and any(name in WITH_REFERENCE for name in live.model.feature_names)
    line_ids = [ids[position] for position in computed.positions]
    scoring_input = ScoringInput(
        request_ids=[request_id] * len(line_ids),
        callers=[caller] * len(line_ids),
        as_of=as_of,
        now=now,
        live=live,
        line_ids=line_ids,
        rows=computed.rows,
        with_account=computed.with_account,
        missing=[(*missing, OTHER_LINES) if alone else missing for missing in computed.missing],
        last_verified=computed.last_verified,
        cleared=state.cool_downs.of(line_ids),
        stale=reference is not None and as_of - reference.as_of > policy.snapshot_max_age,
        snapshot=None,
        summaries=partial(computed.summaries, as_of=as_of, time_zone=state.settings.time_zone),
    )
    problems += computed.problems + of_no_account(scoring_input) + of_missing_inputs(scoring_input)
    return scoring_input, policy, problems


def _reference(state: ServiceState, live: Live, *, as_of: datetime) -> Reference | None:
    """The published reference of other lines; None if there is none, or only one of a later instant."""
    if live.snapshot is None or live.snapshot.meta.as_of > as_of:
        return None
    return state.snapshot_of(live).reference


def decisions_of(
    state: ServiceState, scoring_input: ScoringInput, policy: Policy, problems: list[ProblemBody], *, reasons: bool
) -> Decided:
    """Decide the lines of a request; without reasons no texts are made."""
    return decide(scoring_input, policy, state.wording if reasons else None), problems


def _as_of_of(request: ScoreRequest, snapshot: Snapshot, *, now: datetime) -> datetime:
    """The instant that a request by id scores at: its own, or the snapshot's.

    Raises:
        WrongValueError: It is before the snapshot's, or not a plausible instant.
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
