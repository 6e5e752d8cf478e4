"""Retention of decisions and accesses: the dated rules of `retention.toml`."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field

from linerisk.as_of import iso
from linerisk.errors import PolicyError
from linerisk.policy.file_model import RETENTION_FILE, Table, Text, read_table, wrong_key

MIN_DAYS: Final = 184
"""Minimum retention, days: the longest six months (Cybersecurity Law, article 21(3))."""


class _Rule(Table):
    in_force_from: date
    days: Annotated[int, Field(ge=MIN_DAYS, strict=True)]
    source: Text


class Retention(Table):
    """Retention rules, each in force from its first day, 00:00 UTC.

    Without rules of their own, accesses are kept as long as decisions.
    """

    decisions: Annotated[tuple[_Rule, ...], Field(min_length=1)]
    accesses: tuple[_Rule, ...] = ()

    def days_at(self, instant: datetime) -> int:
        """Retention of decisions in days, by the rule in force at an instant.

        Raises:
            PolicyError: No rule was in force yet.
        """
        return _days_at(self.decisions, instant)

    def days_of_accesses_at(self, instant: datetime) -> int:
        """Retention of accesses in days, by the rule in force at an instant.

        Raises:
            PolicyError: No rule was in force yet.
        """
        return _days_at(self.accesses or self.decisions, instant)

    def access_was_due(self, at: datetime, *, now: datetime) -> bool:
        """Whether an access was past its retention, by `now`, under any rule during the time it was in force."""
        rules = sorted(self.accesses or self.decisions, key=lambda rule: rule.in_force_from)
        ends = [*(datetime.combine(rule.in_force_from, time(), UTC) for rule in rules[1:]), now]
        return any(at + timedelta(days=rule.days) < min(end, now) for rule, end in zip(rules, ends, strict=True))


def load_retention(folder: Path) -> Retention:
    """Load the rules of `retention.toml`.

    Raises:
        PolicyError: The file is wrong, or two rules share a first day.
    """
    file = folder / RETENTION_FILE
    retention = read_table(file, Retention)
    for table, rules in (("decisions", retention.decisions), ("accesses", retention.accesses)):
        days = [rule.in_force_from for rule in rules]
        if len(set(days)) < len(days):
            found = ", ".join(day.isoformat() for day in sorted(days))
            raise wrong_key(file, f"{table}.in_force_from", expected="another in every rule", found=found)
    return retention


def _days_at(rules: tuple[_Rule, ...], instant: datetime) -> int:
    begun = [rule for rule in rules if rule.in_force_from <= instant.astimezone(UTC).date()]
    if not begun:
        raise PolicyError(
            f"{RETENTION_FILE} has no rule in force",
            expected="an earlier first day",
            found=iso(instant),
            todo="add a rule that begins earlier",
        )
    return max(begun, key=lambda rule: rule.in_force_from).days
