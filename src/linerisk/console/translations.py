"""Every word of the console in Chinese and English, and how times and chances are said."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from datetime import datetime, timedelta
from importlib.resources import files
from typing import Final
from zoneinfo import ZoneInfo

from linerisk.suspension.local_time import Language

LANGUAGE_NAMES: Final[dict[Language, str]] = {"zh": "中文", "en": "English"}
HTML_LANGUAGE: Final[dict[Language, str]] = {"zh": "zh-CN", "en": "en"}
_OF_SO_MANY: Final = (100, 1_000, 10_000, 100_000, 1_000_000)
_LEAST_COUNTED: Final = 5
_LEAST_LEFT: Final = 1
_NEARLY_ALL: Final = 0.9995
_FEW: Final = 0.01
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3_600, 86_400
_TWO_DAYS_S = 2 * _DAY_S

Translate = Callable[[str], str]


def _read() -> dict[str, dict[Language, str]]:
    text = files(__package__).joinpath("pages", "translations.toml").read_text(encoding="utf-8")
    read: dict[str, dict[Language, str]] = tomllib.loads(text)
    return read


WORDS: Final = _read()
"""By key, then by language."""


def translator(language: Language) -> Translate:
    """What says the words of a key; a key that is not there is an error, never a blank."""

    def translate(key: str) -> str:
        return WORDS[key][language]

    return translate


def both(words: tuple[str, str], language: Language) -> str:
    """Of a pair in Chinese and English the one that is wanted."""
    return words[0 if language == "zh" else 1]


def local(instant: datetime, time_zone: str) -> str:
    """An instant as a reviewer reads it: local time, to the minute.

    >>> from datetime import UTC
    >>> local(datetime(2024, 7, 26, 1, 5, tzinfo=UTC), "Asia/Shanghai")
    '2024-07-26 09:05'
    """
    return instant.astimezone(ZoneInfo(time_zone)).strftime("%Y-%m-%d %H:%M")


def span(length: timedelta, language: Language) -> str:
    """A length of time in its two largest units; its sign is left out.

    >>> span(timedelta(hours=5, minutes=20), "en"), span(timedelta(days=-6, hours=-4), "zh")
    ('5 h 20 min', '6天4小时')
    """
    seconds = int(abs(length.total_seconds()))
    day, hour, minute = ("天", "小时", "分钟") if language == "zh" else (" d", " h", " min")
    if seconds < _HOUR_S:
        parts = [(seconds // _MINUTE_S, minute)]
    elif seconds < _TWO_DAYS_S:
        parts = [(seconds // _HOUR_S, hour), (seconds % _HOUR_S // _MINUTE_S, minute)]
    else:
        parts = [(seconds // _DAY_S, day), (seconds % _DAY_S // _HOUR_S, hour)]
    parts_text = [f"{count}{unit}" for count, unit in parts if count] or [f"0{minute}"]
    return ("" if language == "zh" else " ").join(parts_text)


def percent(share: float, language: Language = "en") -> str:
    """A share in percent; what is not all is not said to be 100 %, what is not nothing not 0 %.

    >>> percent(0.784), percent(0.0042), percent(0.99992), percent(0.0000012)
    ('78.4 %', '0.420 %', 'over 99.9 %', 'under 0.001 %')
    """
    if _NEARLY_ALL <= share < 1:
        return "99.9 %以上" if language == "zh" else "over 99.9 %"
    if 0 < share < _FEW / 1_000:
        return "不到0.001 %" if language == "zh" else "under 0.001 %"
    return f"{share * 100:.1f} %" if share >= _FEW else f"{share * 100:.3f} %"


def chance(probability: float, low: float, high: float, language: Language) -> str:
    """A probability with its interval in words, of so many lines that the numbers are whole, not too small, not all.

    >>> chance(0.0196, 0.014, 0.027, "en")
    'Of 1,000 lines like this one, about 20 are fraud (14 to 27)'
    >>> chance(0.93, 0.84, 0.97, "zh")
    '每100个同样表现的号码中，约93个涉诈（84至97个）'
    >>> chance(0.9998, 0.87, 1.0, "en")
    'Of 10,000 lines like this one, about 9,998 are fraud (8,700 to 10,000)'
    """

    def fits(many: int) -> bool:
        return probability * many >= _LEAST_COUNTED and (1 - probability) * many >= _LEAST_LEFT

    many = next((many for many in _OF_SO_MANY if fits(many)), _OF_SO_MANY[-1])
    about, least, most = (f"{value * many:,.0f}" for value in (probability, low, high))
    if language == "zh":
        return f"每{many:,}个同样表现的号码中，约{about}个涉诈（{least}至{most}个）"
    return f"Of {many:,} lines like this one, about {about} are fraud ({least} to {most})"
