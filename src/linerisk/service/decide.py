"""Lines ready to be scored become frozen decisions."""

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
"""Of so many kinds of lines the action is kept: most were never verified, and share one."""


class Asked(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Lines ready to be scored, and what their decisions share.

    Attributes:
        request_id: The caller's idempotency key.
        caller: Name of the token.
        as_of: The instant stood at.
        now: When they are scored.
        live: The pair that scores them.
        line_ids: As the caller names them.
        rows: Their features, in the order of the model's columns.
        with_account: Whether an account was known of each.
        missing: Inputs that are missing of each; empty where all are there.
        last_verified: When each was last verified.
        cleared: When a dispute about each last ended in the holder's favour.
        stale: Whether the snapshot is older than the policy allows.
        snapshot: Where the features come from; None if from records in the request.
        indexes: Which rows of the snapshot they are.
        summaries: Sums up the records of some of the lines, by position; None where records are not at hand.
    """

    request_id: str
    caller: str
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


def decide(asked: Asked, policy: Policy, wording: Wording | None) -> list[DecisionRecord]:
    """Score, explain and freeze; nothing is recorded yet.

    A model that has outlived its evidence still says its tier, and says it as `degraded`, so that no measure starts by
    itself.

    Args:
        asked: The lines.
        policy: The policy in force at `as_of`.
        wording: Words of the reasons; None for decisions that keep what they are made of, and give no reasons.
    """
    if not asked.line_ids:
        return []
    model = asked.live.model
    scored, attribution = worked_out(asked)
    said_by = recorded_model(asked.live)
    action = actions(policy, asked.as_of)
    columns: Any = zip(
        decision_ids(asked.now, len(asked.line_ids)),
        asked.line_ids,
        statuses(asked),
        scored.tiers,
        asked.last_verified,
        asked.cleared,
        _explained(asked, attribution, wording),
        frozen_features(model.feature_names, asked.rows),
        _summaries(asked, scored),
        *(column.tolist() for column in (scored.margin, scored.probability, scored.low, scored.high)),
        strict=True,
    )
    return [
        DecisionRecord(
            decision_id=decision_id,
            request_id=asked.request_id,
            line_id=line_id,
            as_of=asked.as_of,
            scored_at=asked.now,
            status=state,
            margin=margin,
            probability=p,
            probability_low=low,
            probability_high=high,
            tier=tier.value,
            action=action(tier, state, verified, cleared),
            reasons=tuple([_reason(reason) for reason in why.reasons]),
            base=why.base,
            calibration=why.calibration,
            contributions=why.contributions,
            model=said_by,
            features_from="records" if asked.snapshot is None else "snapshot",
            features=row,
            scored_by=asked.caller,
            snapshot_id=None if asked.snapshot is None else asked.snapshot.meta.id,
            last_verified_at=verified,
            cleared_at=cleared,
            records=records,
        )
        for decision_id, line_id, state, tier, verified, cleared, why, row, records, margin, p, low, high in columns
    ]


def recorded_model(live: Live) -> RecordedModel:
    """The model of a pair, as records name it."""
    meta = live.model_meta
    return RecordedModel(name=meta.name, version=meta.version, fingerprint=live.model.fingerprint)


def worked_out(asked: Asked) -> tuple[Scored, Attribution]:
    """Scores and contributions of the lines: made before they were asked for, or made now, with the same bits."""
    ahead = asked.live.prepared
    if ahead is None or asked.indexes is None:
        return score(asked.live.model, asked.rows), attribute(asked.live.model, asked.rows)
    at = asked.indexes
    base, calibration = ahead.split.tolist()
    return (
        Scored(ahead.margin[at], ahead.probability[at], ahead.low[at], ahead.high[at], ahead.tier_index[at]),
        Attribution(base, calibration, ahead.by_family[at], ahead.named[at], ahead.column[at]),
    )


def _summaries(asked: Asked, scored: Scored) -> list[RecordsSummary | msgspec.UnsetType]:
    """Of each line's records where its tier is raised and they are, or were, at hand."""
    raised = [at for at, tier in enumerate(scored.tier_index.tolist()) if tier]
    found: Mapping[int, RecordsSummary] = {}
    if raised and asked.summaries is not None:
        found = asked.summaries(raised)
    elif raised and asked.live.prepared is not None and asked.indexes is not None:
        kept, rows = asked.live.prepared.summaries, asked.indexes.tolist()
        found = {at: kept[rows[at]] for at in raised if rows[at] in kept}
    return [found.get(at, msgspec.UNSET) for at in range(len(asked.line_ids))]


def action_of(
    policy: Policy,
    tier: Tier,
    status: str,
    *,
    as_of: datetime,
    verified: datetime | None,
    cleared: datetime | None,
) -> RecordedAction:
    """What the policy asks for."""
    action = policy.action(tier, last_verified_at=verified, as_of=as_of, status=status, cleared_at=cleared)
    return RecordedAction(kind=action.kind, policy=action.policy, steps=action.steps, held_by=action.held_by)


def actions(policy: Policy, as_of: datetime) -> Callable[..., RecordedAction]:
    """What the policy asks for of a tier, a status, a verification and a cleared dispute: one for all lines alike."""

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


def statuses(asked: Asked) -> list[str]:
    """`fresh`, `stale` or `degraded` of each line."""
    expired = asked.live.model_meta.expired(asked.now)
    return [
        status_of(stale=asked.stale, degraded=expired or bool(missing) or not known)
        for known, missing in zip(asked.with_account, asked.missing, strict=True)
    ]


def status_of(*, stale: bool, degraded: bool) -> str:
    """`fresh`, `stale` or `degraded`."""
    return "degraded" if degraded else "stale" if stale else "fresh"


def _explained(asked: Asked, attribution: Attribution, wording: Wording | None) -> list[Explanation]:
    if wording is not None:
        return explain(asked.live.model, asked.rows, wording, attribution=attribution)
    families = asked.live.model.families
    return [
        Explanation(attribution.base, attribution.calibration, dict(zip(families, amounts, strict=True)), ())
        for amounts in attribution.by_family.tolist()
    ]
