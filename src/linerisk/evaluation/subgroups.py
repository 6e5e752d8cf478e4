"""False positives by group of lines: tenure band, kind of plan, home area, each with exact intervals.

A group's rate is compared with the rate of all other lines. Given the false positives of both, those of the group are
binomial; the probability depends only on the ratio of the two rates and the numbers of lines, so the ratio has an
exact interval too.

References:
    Przyborowski and Wilenski (1940), "Homogeneity of results in testing samples from Poisson series", Biometrika 31;
    intervals by Clopper and Pearson (1934), with Bonferroni's correction over all groups for the ratio.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
import polars as pl

from linerisk.evaluation.metrics import Estimate, Flags, share_estimate
from linerisk.evaluation.reliability_bands import AGE_BANDS_DAYS
from linerisk.features.tenure import current_accounts
from linerisk.model.cut_points import clopper_pearson

Groups = Mapping[str, npt.NDArray[np.str_]]
"""Attribute -> the group of every test line, in the order of the test slice; shape (n,) each."""

ATTRIBUTES = ("tenure", "plan", "area")
"""Attributes to group lines by where their accounts are known."""
MOST_GROUPS = 10
"""Maximum number of groups per attribute; beyond it the smallest are merged."""
OTHERS, UNKNOWN = "others", "unknown"
_CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Subgroup:
    """Legitimate lines of one group that were put into a raised tier.

    Attributes:
        attribute: `tenure`, `plan` or `area`.
        group: Value of the attribute.
        legitimate: Legitimate test lines in the group.
        false_positives: Those of them at or above `medium_low`.
        share: False-positive rate, exact interval.
        ratio: Rate of the group over the rate of all other lines; infinite where only the group has false positives,
            NaN where no line has. The interval holds for all groups at once.
    """

    attribute: str
    group: str
    legitimate: int
    false_positives: int
    share: Estimate
    ratio: Estimate

    def describe(self) -> str:
        """The group and its rate compared with all other lines, in one line."""
        return (
            f"{self.attribute} {self.group}: {self.false_positives} of {self.legitimate}, {self.ratio.value:.1f} times "
            f"the rate of other lines (at least {self.ratio.low:.1f})"
        )


def worst_group(groups: Sequence[Subgroup]) -> Subgroup | None:
    """The group whose ratio has the highest lower bound; None without false positives."""
    compared = [group for group in groups if not np.isnan(group.ratio.value)]
    return max(compared, key=lambda group: group.ratio.low, default=None)


def account_groups(accounts: pl.LazyFrame, line_key: npt.NDArray[np.int64], *, as_of: datetime) -> Groups:
    """Kind of plan and home area of lines, as known at `as_of`.

    Args:
        accounts: `tables.schemas.Accounts`.
        line_key: Shape (n,).
        as_of: The observation instant.
    """
    lines = pl.LazyFrame({"line_key": line_key})
    known = (
        lines.join(current_accounts(accounts, as_of=as_of), on="line_key", how="left", maintain_order="left")
        .select(pl.col("plan_kind", "home_area").cast(pl.String).fill_null(UNKNOWN))
        .collect()
    )
    return {"plan": np.array(known["plan_kind"].to_list()), "area": np.array(known["home_area"].to_list())}


def tenure_groups(tenure_days: npt.NDArray[np.float32]) -> npt.NDArray[np.str_]:
    """The tenure band of lines, such as `30 to 179 days`; shape (n,)."""
    bands = [f"{start} to {end - 1} days" for start, end in itertools.pairwise(AGE_BANDS_DAYS)]
    bands += [f"{AGE_BANDS_DAYS[-1]} days and more", UNKNOWN]
    known = np.isfinite(tenure_days)
    band = np.searchsorted(AGE_BANDS_DAYS, np.where(known, tenure_days, 0), side="right") - 1
    return np.array(bands)[np.where(known, band, len(bands) - 1)]


def measure_subgroups(raised: Flags, fraud: Flags, groups: Groups) -> tuple[Subgroup, ...]:
    """Measure every group of every attribute; beyond `MOST_GROUPS` the smallest are merged.

    Args:
        raised: Shape (n,); at or above `medium_low`.
        fraud: Shape (n,).
        groups: Group of every line, by attribute.
    """
    false_positive = raised[~fraud]
    split = {attribute: _merge_smallest(group[~fraud]) for attribute, group in groups.items()}
    comparisons = sum(len(np.unique(group)) for group in split.values())
    return tuple(
        _measured(attribute, name, false_positive, group == name, comparisons)
        for attribute, group in split.items()
        for name in _ordered(np.unique(group).tolist())
    )


def _merge_smallest(group: npt.NDArray[np.str_]) -> npt.NDArray[np.str_]:
    names, counts = np.unique(group, return_counts=True)
    if len(names) <= MOST_GROUPS:
        return group
    largest = names[np.argsort(-counts, kind="stable")[: MOST_GROUPS - 1]]
    return np.where(np.isin(group, largest), group, OTHERS)


def _ordered(names: Sequence[str]) -> list[str]:
    """By the number that a name starts with, if any; merged and unknown groups last."""

    def key(name: str) -> tuple[bool, int, str]:
        first = name.partition(" ")[0]
        return name in (OTHERS, UNKNOWN), int(first) if first.isdigit() else 0, name

    return sorted(names, key=key)


def _measured(attribute: str, name: str, false_positive: Flags, inside: Flags, comparisons: int) -> Subgroup:
    lines, hits = int(inside.sum()), int(false_positive[inside].sum())
    return Subgroup(
        attribute=attribute,
        group=name,
        legitimate=lines,
        false_positives=hits,
        share=share_estimate(hits, lines),
        ratio=_ratio(hits, lines, int(false_positive.sum()) - hits, len(false_positive) - lines, comparisons),
    )


def _ratio(hits: int, lines: int, other_hits: int, other_lines: int, comparisons: int) -> Estimate:
    nan = float("nan")
    if hits + other_hits == 0 or other_lines == 0:
        return Estimate(nan, nan, nan)
    low, high = clopper_pearson(hits, hits + other_hits, confidence=1 - (1 - _CONFIDENCE) / comparisons)

    def odds(chance: float) -> float:
        return float("inf") if chance == 1 else chance / (1 - chance) * other_lines / lines

    return Estimate(odds(hits / (hits + other_hits)), odds(low), odds(high))
