"""What the words of a notice and of its text message must have a place for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from string import Formatter
from typing import Final

from linerisk.policy.file_model import Wording, wrong_key

NOTICE_FACTS: Final = (
    "operator",
    "line_tail",
    "reasons",
    "deadline",
    "steps",
    "materials",
    "suspends_at",
    "appeal",
    "case",
)
"""What a notice must state (Anti-Fraud Law, article 32): its wording has a place for each, and for nothing else."""
SMS_FACTS: Final = (
    "operator",
    "line_tail",
    "reasons",
    "deadline",
    "steps",
    "where",
    "materials",
    "open",
    "appeal",
    "case",
)
"""The same for its text message, where the deadline also says when calls stop."""
_VAGUE: Final = re.compile(r"之一|等原因|可能原因|\b(?:one|any|either) of\b|\bsuch as\b", re.IGNORECASE)
"""A wording with one of these would give a list to guess from, and is refused: a notice says which reason it was."""


def check_wording(wording: Wording, file: Path) -> None:
    """Hold the wording of a policy to what has to be said.

    Raises:
        PolicyError: A place for a fact is missing or unknown, words are vague, or those of what holds back are missing.
    """
    for name, words, facts in (("notice", wording.notice, NOTICE_FACTS), ("sms", wording.sms, SMS_FACTS)):
        for language, text in words.model_dump().items():
            _check_places(text, facts, file, f"wording.{name}.{language}")
    missing = {"cool_down", "stale", "degraded"} - set(wording.held)
    if missing:
        raise wrong_key(file, "wording.held", expected="cool_down, stale, degraded", found=f"no {sorted(missing)}")


def _check_places(text: str, facts: Sequence[str], file: Path, key: str) -> None:
    try:
        places = {place for _, place, _, _ in Formatter().parse(text) if place is not None}
    except ValueError:
        places = {"unbalanced braces"}
    if places != set(facts):
        odd = sorted(places ^ set(facts))
        raise wrong_key(file, key, expected=f"places for {', '.join(facts)}", found=f"difference: {odd}")
    if vague := _VAGUE.search(text):
        raise wrong_key(file, key, expected="the reason itself, not a list to guess from", found=vague[0])
