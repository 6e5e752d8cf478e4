"""Required placeholders of the notice and text message wording."""

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
"""Facts that a notice must state (Anti-Fraud Law, article 32): its wording has exactly these placeholders."""
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
"""The same for the text message, where `deadline` is also the time at which calls stop."""
_VAGUE: Final = re.compile(r"之一|等原因|可能原因|\b(?:one|any|either) of\b|\bsuch as\b", re.IGNORECASE)
"""Phrases that would give a list to guess from. They are refused: a notice names the reason itself."""


def check_wording(wording: Wording, file: Path) -> None:
    """Check the wording of a policy.

    Raises:
        PolicyError: A placeholder is missing or unknown, a phrase is vague, or a text for a held measure is missing.
    """
    for name, words, facts in (("notice", wording.notice, NOTICE_FACTS), ("sms", wording.sms, SMS_FACTS)):
        for language, text in words.model_dump().items():
            _check_placeholders(text, facts, file, f"wording.{name}.{language}")
    missing = {"cool_down", "stale", "degraded"} - set(wording.held)
    if missing:
        raise wrong_key(file, "wording.held", expected="cool_down, stale, degraded", found=f"no {sorted(missing)}")


def _check_placeholders(text: str, facts: Sequence[str], file: Path, key: str) -> None:
    try:
        placeholders = {name for _, name, _, _ in Formatter().parse(text) if name is not None}
    except ValueError:
        placeholders = {"unbalanced braces"}
    if placeholders != set(facts):
        odd = sorted(placeholders ^ set(facts))
        raise wrong_key(file, key, expected=f"placeholders for {', '.join(facts)}", found=f"difference: {odd}")
    if vague := _VAGUE.search(text):
        raise wrong_key(file, key, expected="the reason itself, not a list to guess from", found=vague[0])
