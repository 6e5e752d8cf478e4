"""The clocks of a dispute: when an answer is due, when at the latest, and when to be warned of either."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from linerisk.policy import Policy
from linerisk.review.disputes import Dispute


class Clock(StrEnum):
    """How an open dispute stands in time, from well to worst."""

    IN_TIME = "in_time"
    DUE_SOON = "due_soon"
    OVERDUE = "overdue"
    NEAR_LIMIT = "near_limit"
    PAST_LIMIT = "past_limit"


class Times(NamedTuple):
    """When the state of a clock changes; in this order."""

    warn_at: datetime
    answer_by: datetime
    alarm_at: datetime
    hard_limit: datetime


def times_of(policy: Policy, opened_at: datetime) -> Times:
    """The times of a dispute opened at an instant, by the policy in force then.

    A warning comes when a quarter of the time to answer is left, the alarm when a fifth of the hard limit is.
    """
    target = timedelta(hours=policy.clocks.answer_target_hours)
    limit = timedelta(days=policy.clocks.answer_limit_days)
    answer_by, hard_limit = opened_at + target, opened_at + limit
    return Times(opened_at + target * 3 / 4, answer_by, max(answer_by, opened_at + limit * 4 / 5), hard_limit)


def clock_of(dispute: Dispute, now: datetime) -> Clock | None:
    """How a dispute stands in time; None of one that ended."""
    if not dispute.is_open:
        return None
    times = (dispute.warn_at, dispute.answer_by, dispute.alarm_at, dispute.hard_limit)
    return list(Clock)[sum(time <= now for time in times)]
