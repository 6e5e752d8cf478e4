"""Turns lines with features into decision records: score, explain, apply the policy. Nothing is recorded here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from linerisk.decisions.ids import decision_ids
from linerisk.decisions.record import DecisionRecord, RecordedAction, RecordedModel, RecordedReason
from linerisk.decisions.recorded_features import frozen_features
from linerisk.explanation import Attribution, Explanation, Reason, Wording, attribute, explain
from linerisk.features.records_summary import RecordsSummary
from linerisk.live import Live, Snapshot
from linerisk.model.risk_model import Rows
from linerisk.model.tiers import Tier
from linerisk.policy import Policy
from linerisk.scoring import Scored, score

_ACTIONS = 4_096
"""Cached actions; most lines were never verified and share one."""


class ScoringInput(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Lines to score at one instant by one live bundle.

    Attributes:
        request_ids: The idempotency key of each line's request.
        callers: Name of the token of each line's request.
        as_of: The instant to score at.
        now: When they are scored.
        live: The live bundle.
        line_ids: As the caller names them.
        rows: Their features, in the order of the model's columns.
        with_account: Whether the account of each line is known.
        missing: Missing inputs of each line; empty if all are there.
        last_verified: When each line was last verified.
        cleared: When a dispute about each line last ended in the holder's favour.
        stale: Whether the snapshot is older than the policy allows.
        snapshot: Where the features come from; None if from records in the request.
        indexes: Snapshot rows of the lines.
        summaries: Summarises the records of some of the lines, by position; None if there are no records.
    """

    request_ids: Sequence[str]
    callers: Sequence[str]
    as_of: datetime
    now: datetime
    live: Live
    line_ids: list[str]
    rows: Rows
    with_account: list[bool]
    missing: list[tuple[str, ...]]
    last_verified: list[datetime | None]
    cleared: list[datetime | None]
    stale: bool
    snapshot: Snapshot | None
    indexes: npt.NDArray[np.intp] | None = None
    summaries: Callable[[Sequence[int]], Mapping[int, RecordsSummary]] | None = None


def decide(lines: ScoringInput, policy: Policy, wording: Wording | None) -> list[DecisionRecord]:
    """Score and explain lines, and apply the policy.

    An expired model still gives a tier, but with status `degraded`, so that no measure starts by itself.

    Args:
        lines: The lines.
        policy: The policy in force at `as_of`.
        wording: Texts of the reasons; None for decisions without reasons.
    """
    if not lines.line_ids:
        return []
    model = lines.live.model
    scored, attribution = scores_of(lines)
    model_named = recorded_model(lines.live)
    action = actions(policy, lines.as_of)
    columns: Any = zip(
        decision_ids(lines.now, len(lines.line_ids)),
        zip(lines.line_ids, lines.request_ids, lines.callers, strict=True),
        statuses(lines),
        scored.tiers,
        zip(lines.last_verified, lines.cleared, strict=True),
        _explained(lines, attribution, wording),
        frozen_features(model.feature_names, lines.rows),
        _summaries(lines, scored),
        zip(*(column.tolist() for column in (scored.margin, scored.probability, scored.low, scored.high)), strict=True),
        strict=True,
    )
    return [
        DecisionRecord(
            decision_id=decision_id,
            request_id=request_id,
            line_id=line_id,
            as_of=lines.as_of,
            scored_at=lines.now,
            status=status,
            margin=margin,
            probability=probability,
            probability_low=low,
            probability_high=high,
            tier=tier.value,
            action=action(tier, status, verified, cleared),
            reasons=tuple([_reason(reason) for reason in explanation.reasons]),
            base=explanation.base,
            calibration=explanation.calibration,
            contributions=explanation.contributions,
            model=model_named,
            features_from="records" if lines.snapshot is None else "snapshot",
            features=row,
            scored_by=caller,
            snapshot_id=None if lines.snapshot is None else lines.snapshot.meta.id,
            last_verified_at=verified,
            cleared_at=cleared,
            records=records,
        )
        for (
            decision_id,
            (line_id, request_id, caller),
            status,
            tier,
            (verified, cleared),
            explanation,
            row,
            records,
            (margin, probability, low, high),
        ) in columns
    ]


def recorded_model(live: Live) -> RecordedModel:
    """The model of a bundle, as decision records name it."""
    meta = live.model_meta
    return RecordedModel(name=meta.name, version=meta.version, fingerprint=live.model.fingerprint)


def scores_of(lines: ScoringInput) -> tuple[Scored, Attribution]:
    """Scores and contributions of the lines: precomputed, or else computed now with the same bits."""
    precomputed = lines.live.precomputed
    if precomputed is None or lines.indexes is None:
        return score(lines.live.model, lines.rows), attribute(lines.live.model, lines.rows)
    at = lines.indexes
    base, calibration = precomputed.split.tolist()
    return (
        Scored(
            precomputed.margin[at],
            precomputed.probability[at],
            precomputed.low[at],
            precomputed.high[at],
            precomputed.tier_index[at],
        ),
        Attribution(base, calibration, precomputed.by_family[at], precomputed.named[at], precomputed.column[at]),
    )


def _summaries(lines: ScoringInput, scored: Scored) -> list[RecordsSummary | msgspec.UnsetType]:
    """Summaries of the records of lines with a raised tier, if their records are or were available."""
    raised = [at for at, tier in enumerate(scored.tier_index.tolist()) if tier]
    found: Mapping[int, RecordsSummary] = {}
    if raised and lines.summaries is not None:
        found = lines.summaries(raised)
    elif raised and lines.live.precomputed is not None and lines.indexes is not None:
        kept, rows = lines.live.precomputed.summaries, lines.indexes.tolist()
        found = {at: kept[rows[at]] for at in raised if rows[at] in kept}
    return [found.get(at, msgspec.UNSET) for at in range(len(lines.line_ids))]


def action_of(
    policy: Policy,
    tier: Tier,
    status: str,
    *,
    as_of: datetime,
    verified: datetime | None,
    cleared: datetime | None,
) -> RecordedAction:
    """The action that the policy asks for."""
    action = policy.action(tier, last_verified_at=verified, as_of=as_of, status=status, cleared_at=cleared)
    return RecordedAction(kind=action.kind, policy=action.policy, steps=action.steps, held_by=action.held_by)


def actions(policy: Policy, as_of: datetime) -> Callable[..., RecordedAction]:
    """`action_of` at one instant, cached: most lines share their tier, status and dates."""

    @lru_cache(maxsize=_ACTIONS)
    def action(tier: Tier, status: str, verified: datetime | None, cleared: datetime | None) -> RecordedAction:
        return action_of(policy, tier, status, as_of=as_of, verified=verified, cleared=cleared)

    return action


def _reason(reason: Reason) -> RecordedReason:
    return RecordedReason(
        code=reason.code,
        family=reason.family,
        direction=reason.direction,
        zh=reason.zh,
        en=reason.en,
        contribution=reason.contribution,
        facts=reason.facts,
    )


def statuses(lines: ScoringInput) -> list[str]:
    """`fresh`, `stale` or `degraded` of each line."""
    expired = lines.live.model_meta.expired(lines.now)
    return [
        status_of(stale=lines.stale, degraded=expired or bool(missing) or not known)
        for known, missing in zip(lines.with_account, lines.missing, strict=True)
    ]


def status_of(*, stale: bool, degraded: bool) -> str:
    """`fresh`, `stale` or `degraded`."""
    return "degraded" if degraded else "stale" if stale else "fresh"


def _explained(lines: ScoringInput, attribution: Attribution, wording: Wording | None) -> list[Explanation]:
    if wording is not None:
        return explain(lines.live.model, lines.rows, wording, attribution=attribution)
    families = lines.live.model.families
    return [
        Explanation(attribution.base, attribution.calibration, dict(zip(families, amounts, strict=True)), ())
        for amounts in attribution.by_family.tolist()
    ]
