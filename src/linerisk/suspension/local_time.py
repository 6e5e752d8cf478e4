"""Instants as a holder reads them: local time, full hours, in their language."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, Literal, get_args
from zoneinfo import ZoneInfo

from linerisk.policy import Policy

Language = Literal["zh", "en"]
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def verification_deadline(sent_at: datetime, policy: Policy) -> datetime:
    """Deadline to verify, in the local time of the policy, rounded up to a full hour."""
    ends = sent_at.astimezone(ZoneInfo(policy.time_zone)) + timedelta(hours=policy.clocks.verify_within_hours)
    hour = ends.replace(minute=0, second=0, microsecond=0)
    return hour if hour == ends else hour + timedelta(hours=1)


def format_full(instant: datetime, language: Language) -> str:
    """Format a local instant of a full hour, with year and UTC offset.

    >>> from datetime import UTC
    >>> format_full(datetime(2024, 7, 28, 8, tzinfo=ZoneInfo("Asia/Shanghai")), "en")
    '28 Jul 2024, 8:00 (UTC+8)'
    """
    offset = instant.utcoffset() or timedelta(0)
    zone = f"UTC{offset / timedelta(hours=1):+g}"
    if language == "zh":
        return f"{instant.year}年{instant.month}月{instant.day}日{instant.hour}时（{zone}）"
    return f"{instant.day} {_MONTHS[instant.month - 1]} {instant.year}, {instant.hour}:00 ({zone})"


def format_short(instant: datetime, language: Language) -> str:
    """Format a local instant of a full hour for a text message.

    >>> format_short(datetime(2024, 7, 28, 8, tzinfo=ZoneInfo("Asia/Shanghai")), "zh")
    '7月28日8时'
    """
    if language == "zh":
        return f"{instant.month}月{instant.day}日{instant.hour}时"
    return f"{instant.day} {_MONTHS[instant.month - 1]} {instant.hour}:00"
