"""Numbers of `tiers.toml`: the promise to legitimate lines, and the limits of reviewers and models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field

from linerisk.model.tiers import RAISED, Tier, TierPromise
from linerisk.policy.file_model import TIERS_FILE, Days, Table, Text, read_table, wrong_key

_STAFF_TIERS = (Tier.MEDIUM_HIGH, Tier.EXTREMELY_HIGH)
"""Tiers whose lines cost the time of hall staff or reviewers."""
_Share = Annotated[float, Field(gt=0, lt=1, strict=True)]


class _Promise(Table):
    alpha: dict[Tier, _Share]
    delta: Annotated[float, Field(gt=0, lt=0.5, strict=True)]
    min_ratio: Annotated[float, Field(gt=1, strict=True)]


class _Limits(Table):
    review_capacity_per_day: Annotated[int, Field(gt=0, strict=True)]
    model_valid_days: Days
    impact_assessment: Text
    most_share: dict[Tier, _Share]


class _TiersFile(Table):
    promise: _Promise
    limits: _Limits


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of `tiers.toml`.

    Attributes:
        review_capacity_per_day: Lines that reviewers can review in a day.
        model_valid_days: Days from promotion after which a model should no longer be live.
        impact_assessment: The document that assesses what the model does to people; a path from the folder of policies.
        most_share: Maximum share (0-1) of all lines at or above the tier; for the tiers that need staff.
    """

    review_capacity_per_day: int
    model_valid_days: int
    impact_assessment: str
    most_share: Mapping[Tier, float]


def load_promise(folder: Path) -> TierPromise:
    """Load the promised maximum shares of legitimate lines at or above each raised tier.

    Raises:
        PolicyError: The file is wrong, or two neighbouring tiers are closer than `min_ratio`.
    """
    file = folder / TIERS_FILE
    promise = read_table(file, _TiersFile).promise
    key = "promise.alpha"
    if set(promise.alpha) != set(RAISED):
        raise wrong_key(file, key, expected=", ".join(RAISED), found=", ".join(promise.alpha))
    low, middle, high = (promise.alpha[tier] for tier in RAISED)
    # In floats the ratio of 1e-4 to 1e-5 is not exactly ten.
    if min(low / middle, middle / high) < promise.min_ratio * (1 - 1e-9):
        expected = f"shares that fall by a factor of at least {promise.min_ratio:g} from tier to tier"
        raise wrong_key(file, key, expected=expected, found=f"{low:g}, {middle:g}, {high:g}")
    return TierPromise(alpha=(low, middle, high), delta=promise.delta, min_ratio=promise.min_ratio)


def load_limits(folder: Path) -> Limits:
    """Load the limits of `tiers.toml`.

    Raises:
        PolicyError: The file is wrong.
    """
    file = folder / TIERS_FILE
    limits = read_table(file, _TiersFile).limits
    if tuple(limits.most_share) != _STAFF_TIERS:
        raise wrong_key(
            file,
            "limits.most_share",
            expected=", ".join(_STAFF_TIERS),
            found=", ".join(limits.most_share) or "nothing",
        )
    return Limits(
        review_capacity_per_day=limits.review_capacity_per_day,
        model_valid_days=limits.model_valid_days,
        impact_assessment=limits.impact_assessment,
        most_share=limits.most_share,
    )
