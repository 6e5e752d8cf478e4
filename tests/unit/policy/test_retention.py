"""Retention of decisions by dated rules, from `retention.toml`."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from linerisk.errors import PolicyError
from linerisk.policy import load_policies, load_retention

FILE = "retention.toml"
LATER = '\n[[decisions]]\nin_force_from = 2026-01-01\ndays = 730\nsource = "counsel"\n'
FIRST = datetime(2024, 7, 1, tzinfo=UTC)


def test_the_shipped_rule_keeps_decisions_for_three_years(folder: Path) -> None:
    assert load_retention(folder).days_at(FIRST) == 1096


def test_a_later_rule_applies_from_its_first_day(folder: Path) -> None:
    file = folder / FILE
    file.write_text(LATER + file.read_text(encoding="utf-8"), encoding="utf-8")
    retention = load_retention(folder)
    change_at = datetime(2026, 1, 1, tzinfo=UTC)
    assert [retention.days_at(change_at - timedelta(microseconds=1)), retention.days_at(change_at)] == [1096, 730]


def test_nothing_may_be_erased_before_the_first_rule(folder: Path) -> None:
    with pytest.raises(PolicyError, match="no rule in force"):
        load_retention(folder).days_at(FIRST - timedelta(seconds=1))


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("days = 1096", "days = 183", "decisions.0.days"),
        ("days = 1096", 'days = "1096"', "decisions.0.days"),
        ("days = 1096", "weeks = 157", "decisions.0.days"),
        ("source = ", "# source = ", "decisions.0.source"),
        ("\n[[decisions]]", "\n[[cases]]", "decisions"),
    ],
)
def test_the_error_names_a_wrong_rule(change: Callable[[str, str, str], Path], old: str, new: str, key: str) -> None:
    with pytest.raises(PolicyError, match=r"retention\.toml is wrong") as error:
        load_retention(change(FILE, old, new))
    assert error.value.field == key


def test_two_rules_with_the_same_first_day_are_refused(folder: Path) -> None:
    (folder / FILE).write_text(LATER + LATER, encoding="utf-8")
    with pytest.raises(PolicyError) as error:
        load_retention(folder)
    assert (error.value.field, error.value.found) == ("decisions.in_force_from", "2026-01-01, 2026-01-01")


def test_the_retention_file_is_not_read_as_a_policy(folder: Path) -> None:
    (folder / FILE).write_text("not TOML", encoding="utf-8")
    assert load_policies(folder)
