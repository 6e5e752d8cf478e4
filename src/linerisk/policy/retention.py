"""How long decisions and accesses are kept: the dated rules of `retention.toml`."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field

from linerisk.as_of import iso
from linerisk.errors import PolicyError
from linerisk.policy.file_model import RETENTION_FILE, Table, Text, read_table, wrong_key

LEAST_DAYS: Final = 184
"""No rule may keep anything shorter: six months at their longest (Cybersecurity Law, article 21(3))."""


class _Rule(Table):
    in_force_from: date
    days: Annotated[int, Field(ge=LEAST_DAYS, strict=True)]
    source: Text


class Retention(Table):
    """Rules of how long things are kept, each from the first instant, UTC, of its first day on.

    Without rules of their own, accesses are kept as long as decisions.
    """

    decisions: Annotated[tuple[_Rule, ...], Field(min_length=1)]
    accesses: tuple[_Rule, ...] = ()

    def days_at(self, instant: datetime) -> int:
        """For how many days decisions are kept, as the rule in force has it.

        Raises:
            PolicyError: No rule was in force yet.
        """
        return _days_at(self.decisions, instant)

    def days_of_accesses_at(self, instant: datetime) -> int:
        """For how many days it is kept who opened what, as the rule in force has it.

        Raises:
            PolicyError: No rule was in force yet.
        """
        return _days_at(self.accesses or self.decisions, instant)

    def access_was_due(self, at: datetime, *, now: datetime) -> bool:
        """Whether, under any rule while it was in force, an access of an instant has been past its retention by now."""
        rules = sorted(self.accesses or self.decisions, key=lambda rule: rule.in_force_from)
        ends = [*(datetime.combine(rule.in_force_from, time(), UTC) for rule in rules[1:]), now]
        return any(at + timedelta(days=rule.days) < min(end, now) for rule, end in zip(rules, ends, strict=True))


def load_retention(folder: Path) -> Retention:
    """The rules of `retention.toml`.

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
