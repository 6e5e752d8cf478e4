"""How long decisions are kept: the dated rules of `retention.toml`."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field

from linerisk.as_of import iso
from linerisk.errors import PolicyError
from linerisk.policy.shapes import RETENTION_FILE, Table, Text, read_table, wrong_key

LEAST_DAYS: Final = 184
"""No rule may keep decisions shorter: six months at their longest (Cybersecurity Law, article 21(3))."""


class _Rule(Table):
    in_force_from: date
    days: Annotated[int, Field(ge=LEAST_DAYS, strict=True)]
    source: Text


class Retention(Table):
    """Rules of how long decisions are kept, each from the first instant, UTC, of its first day on."""

    decisions: Annotated[tuple[_Rule, ...], Field(min_length=1)]

    def days_at(self, instant: datetime) -> int:
        """For how many days decisions are kept, as the rule in force has it.

        Raises:
            PolicyError: No rule was in force yet.
        """
        begun = [rule for rule in self.decisions if rule.in_force_from <= instant.astimezone(UTC).date()]
        if not begun:
            raise PolicyError(
                f"{RETENTION_FILE} has no rule in force", expected="an earlier first day", found=iso(instant)
            )
        return max(begun, key=lambda rule: rule.in_force_from).days


def load_retention(folder: Path) -> Retention:
    """The rules of `retention.toml`.

    Raises:
        PolicyError: The file is wrong, or two rules share a first day.
    """
    file = folder / RETENTION_FILE
    retention = read_table(file, Retention)
    days = [rule.in_force_from for rule in retention.decisions]
    if len(set(days)) < len(days):
        found = ", ".join(day.isoformat() for day in sorted(days))
        raise wrong_key(file, "decisions.in_force_from", expected="another in every rule", found=found)
    return retention
