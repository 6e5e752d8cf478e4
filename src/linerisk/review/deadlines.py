"""Deadlines of a dispute: when an answer is due, when at the latest, and when to warn of either."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from linerisk.policy import Policy
from linerisk.review.disputes import Dispute


class DeadlineStatus(StrEnum):
    """How late an open dispute is, from best to worst."""

    IN_TIME = "in_time"
    DUE_SOON = "due_soon"
    OVERDUE = "overdue"
    NEAR_LIMIT = "near_limit"
    PAST_LIMIT = "past_limit"


class Deadlines(NamedTuple):
    """Instants at which the status of a dispute gets worse, in this order."""

    warn_at: datetime
    answer_by: datetime
    alarm_at: datetime
    hard_limit: datetime


def deadlines_for(policy: Policy, opened_at: datetime) -> Deadlines:
    """Deadlines of a dispute opened at an instant, by the policy in force then.

    The warning comes when a quarter of the time to answer is left, the alarm when a fifth of the hard limit is left.
    """
    target = timedelta(hours=policy.clocks.answer_target_hours)
    limit = timedelta(days=policy.clocks.answer_limit_days)
    answer_by, hard_limit = opened_at + target, opened_at + limit
    return Deadlines(opened_at + target * 3 / 4, answer_by, max(answer_by, opened_at + limit * 4 / 5), hard_limit)


def deadline_status(dispute: Dispute, now: datetime) -> DeadlineStatus | None:
    """How late a dispute is; None if it has ended."""
    if not dispute.is_open:
        return None
    deadlines = (dispute.warn_at, dispute.answer_by, dispute.alarm_at, dispute.hard_limit)
    return list(DeadlineStatus)[sum(deadline <= now for deadline in deadlines)]
