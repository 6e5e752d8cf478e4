"""The tier promise and the limits of reviewers and models, from `tiers.toml`."""

from collections.abc import Callable
from pathlib import Path

import pytest

from linerisk.errors import PolicyError
from linerisk.model.tiers import Tier, TierPromise
from linerisk.policy import Limits, load_limits, load_promise


def test_the_shipped_promise_equals_the_contract(folder: Path) -> None:
    assert load_promise(folder) == TierPromise(alpha=(1e-3, 1e-4, 1e-5), delta=0.05, min_ratio=3.0)


def test_the_shipped_limits(folder: Path) -> None:
    assert load_limits(folder) == Limits(
        review_capacity_per_day=50,
        model_valid_days=45,
        impact_assessment="../docs/impact-assessment.md",
        most_share={Tier.MEDIUM_HIGH: 1e-2, Tier.EXTREMELY_HIGH: 5e-3},
    )


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("medium_low = 1e-3", "medium_low = 2e-4", "promise.alpha"),
        ("medium_low = 1e-3", "", "promise.alpha"),
        ("medium_low = 1e-3", "medium_low = 1.5", "promise.alpha.medium_low"),
        ("delta = 0.05", "delta = 0.0", "promise.delta"),
        ("min_ratio = 3.0", "min_ratio = 1.0", "promise.min_ratio"),
        ("review_capacity_per_day = 50", "review_capacity_per_day = 0.5", "limits.review_capacity_per_day"),
        ("model_valid_days = 45", "model_valid_weeks = 6", "limits.model_valid_days"),
    ],
)
def test_the_error_names_a_wrong_number(change: Callable[[str, str, str], Path], old: str, new: str, key: str) -> None:
    folder = change("tiers.toml", old, new)
    with pytest.raises(PolicyError, match=r"tiers\.toml") as error:
        load_promise(folder)
    assert error.value.field == key


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("medium_high = 1e-2", "", "extremely_high"),
        ("extremely_high = 5e-3", "medium_low = 5e-3", "medium_high, medium_low"),
    ],
)
def test_shares_of_lines_are_required_for_the_tiers_that_need_staff(
    change: Callable[[str, str, str], Path], old: str, new: str, found: str
) -> None:
    with pytest.raises(PolicyError) as error:
        load_limits(change("tiers.toml", old, new))
    assert (error.value.field, error.value.found) == ("limits.most_share", found)


def test_shares_at_exactly_the_minimum_ratio_are_accepted(change: Callable[[str, str, str], Path]) -> None:
    assert load_promise(change("tiers.toml", "medium_low = 1e-3", "medium_low = 3e-4")).alpha[0] == 3e-4


def test_a_missing_tiers_file_is_refused(folder: Path) -> None:
    (folder / "tiers.toml").unlink()
    with pytest.raises(PolicyError, match="cannot be read"):
        load_limits(folder)
