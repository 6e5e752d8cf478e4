"""The notice as a text message of at most three parts, and the counting of parts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from linerisk.policy import Policy
from linerisk.suspension.errors import NoticeError
from linerisk.suspension.local_time import format_short
from linerisk.suspension.notice import CLAUSE_SEPARATOR, LIST_SEPARATOR
from linerisk.suspension.notice_model import Notice

MAX_PARTS: Final = 3

_GSM: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""The default alphabet of 3GPP TS 23.038: one septet each."""
_GSM_TWICE: Final = frozenset("\f^{}\\[~]|€")
"""Its extension: an escape and a septet."""
_ONE_GSM, _EACH_GSM = 160, 153
_ONE_UCS2, _EACH_UCS2 = 70, 67
"""Capacity of a single message, and of each part of a longer one, which has a header."""
_BEYOND_16_BITS = 0xFFFF


@dataclass(frozen=True, slots=True)
class Sms:
    """A text message.

    Attributes:
        text: The text.
        encoding: `GSM-7`, or `UCS-2` where a character needs it.
        parts: Number of parts that it is sent in.
    """

    text: str
    encoding: Literal["GSM-7", "UCS-2"]
    parts: int


def count_parts(text: str) -> Sms:
    """Count the parts of a text; no character is split between parts.

    >>> count_parts("a" * 160).parts, count_parts("a" * 161).parts, count_parts("[" * 81).parts
    (1, 2, 2)
    >>> count_parts("您" * 70).parts, count_parts("您" * 71).parts
    (1, 2)
    """
    if set(text) <= _GSM | _GSM_TWICE:
        sizes = [2 if letter in _GSM_TWICE else 1 for letter in text]
        return Sms(text, "GSM-7", _part_count(sizes, alone=_ONE_GSM, each=_EACH_GSM))
    sizes = [2 if ord(letter) > _BEYOND_16_BITS else 1 for letter in text]
    return Sms(text, "UCS-2", _part_count(sizes, alone=_ONE_UCS2, each=_EACH_UCS2))


def _part_count(sizes: list[int], *, alone: int, each: int) -> int:
    if sum(sizes) <= alone:
        return 1
    parts, room = 1, each
    for size in sizes:
        if size > room:
            parts, room = parts + 1, each
        room -= size
    return parts


def text_message(notice: Notice, policy: Policy) -> Sms:
    """The notice in at most three parts.

    If not all reasons fit, it has as many of the first ones as fit, each complete; every other fact is always included.
    If not even the first reason fits, it has only the first one that fits.

    Args:
        notice: The notice.
        policy: The policy that it was made under.

    Raises:
        NoticeError: No reason fits.
    """
    if not notice.asks:
        return count_parts(notice.text)
    for reasons in _reason_subsets([reason.text for reason in notice.reasons]):
        message = count_parts(_format_sms(notice, policy, reasons))
        if message.parts <= MAX_PARTS:
            return message
    raise NoticeError(
        "no reason fits a text message",
        expected=f"at most {MAX_PARTS} parts",
        found=f"{count_parts(_format_sms(notice, policy, [notice.reasons[0].text])).parts} with the first reason alone",
        todo="send the page instead, or shorten `wording.sms` of the next policy",
    )


def _reason_subsets(reasons: list[str]) -> Iterable[list[str]]:
    for count in range(len(reasons), 0, -1):
        yield reasons[:count]
    for reason in reasons[1:]:
        yield [reason]


def _format_sms(notice: Notice, policy: Policy, reasons: list[str]) -> str:
    language = notice.language
    wording: str = getattr(policy.wording.sms, language)
    halls = next((step.where_short for step in notice.steps if step.where_short is not None), None)
    where = "" if halls is None else f"到{halls}" if language == "zh" else f" at {halls}"
    return wording.format(
        operator=notice.operator,
        line_tail=notice.line_tail,
        reasons=CLAUSE_SEPARATOR[language].join(reasons),
        deadline="" if notice.until is None else format_short(notice.until, language),
        steps=LIST_SEPARATOR[language].join(step.short for step in notice.steps if step.short),
        where=where,
        materials=LIST_SEPARATOR[language].join(each.short for each in notice.materials() if each.short),
        open="/".join(notice.stays_open),
        appeal=notice.objecting.short,
        case=notice.case,
    )
