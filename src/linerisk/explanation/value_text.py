"""Formats of feature values: shares as percent, days as days or years, seconds as seconds, minutes or hours.

Rounding never changes a claim: a share below 1 is not shown as 100 %, and one above 0 is not shown as 0 %.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from linerisk.features.tenure import MAX_TENURE_DAYS

Format = Callable[[float], tuple[str, str]]
"""A value in; Chinese and English out."""

_YEAR_DAYS = 365
_MINUTE_S, _HOUR_S = 60, 3600
_LEAST_PERCENT = 0.01


def _both(text: str) -> tuple[str, str]:
    return text, text


def _count(value: float) -> tuple[str, str]:
    return _both(f"{value:.0f}")


def _number(value: float) -> tuple[str, str]:
    return _both(f"{value:.2g}" if abs(value) < 1 else f"{value:.1f}")


def _share(value: float) -> tuple[str, str]:
    if 0 < value < _LEAST_PERCENT:
        return "不到1%", "less than 1 %"
    if 1 - _LEAST_PERCENT < value < 1:
        return "99%以上", "over 99 %"
    return f"{value:.0%}", f"{value * 100:.0f} %"


def _days(value: float) -> tuple[str, str]:
    if value < 1:
        return "不到1天", "less than a day"
    if value >= MAX_TENURE_DAYS:
        years = f"{MAX_TENURE_DAYS // _YEAR_DAYS}"
        return f"{years}年以上", f"{years} years or more"
    if value >= _YEAR_DAYS:
        years = f"{int(value * 10 / _YEAR_DAYS) / 10:g}"
        return f"{years}年", "1 year" if years == "1" else f"{years} years"
    days = f"{value:.0f}"
    return f"{days}天", "1 day" if days == "1" else f"{days} days"


def _seconds(value: float) -> tuple[str, str]:
    if value < _MINUTE_S:
        return f"{value:.0f}秒", f"{value:.0f} s"
    if value < _HOUR_S:
        return f"{value / _MINUTE_S:.1f}分钟", f"{value / _MINUTE_S:.1f} min"
    return f"{value / _HOUR_S:.1f}小时", f"{value / _HOUR_S:.1f} h"


def _yes_no(value: float) -> tuple[str, str]:
    return ("是", "yes") if value > 0 else ("否", "no")


BY_UNIT: Final[dict[str, Format]] = {
    "count": _count,
    "share": _share,
    "days": _days,
    "s": _seconds,
    "ratio": _number,
    "0-1": _number,
    "0/1": _yes_no,
}


def format_number(value: float) -> tuple[str, str]:
    """Format a number of unknown unit.

    >>> format_number(12.0), format_number(0.125)
    (('12', '12'), ('0.125', '0.125'))
    """
    return _both(f"{value:.4g}")
