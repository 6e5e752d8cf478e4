"""False positives by group of lines: bands of tenure, kinds of plan, home areas, each with exact intervals.

A group's share is set against that of all other lines. Given the false positives of both, those of the group are
binomial with a chance that only the ratio of the two rates and the numbers of lines decide, so the ratio has an exact
interval too.

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

from linerisk.evaluation.metrics import Estimate, Flags, share
from linerisk.evaluation.reliability_bands import AGE_BANDS_DAYS
from linerisk.features.tenure import current_accounts
from linerisk.model.cut_points import clopper_pearson

Groups = Mapping[str, npt.NDArray[np.str_]]
"""Attribute -> the group of every test line, in the order of the test slice; shape (n,) each."""

ATTRIBUTES = ("tenure", "plan", "area")
"""What lines are grouped by where their accounts are known."""
MOST_GROUPS = 10
"""Groups of one attribute; where there are more, the smallest are put together."""
OTHERS, UNKNOWN = "others", "unknown"
_CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Subgroup:
    """Legitimate lines of one group that were put into a raised tier.

    Attributes:
        attribute: `tenure`, `plan` or `area`.
        group: Which group of it.
        legitimate: Legitimate test lines in the group.
        false_positives: Those of them at or above `medium_low`.
        share: Share of them, exact interval.
        ratio: Rate of the group over that of all other lines; infinite where only the group has any, NaN where nobody
            has. The interval holds for all groups at once.
    """

    attribute: str
    group: str
    legitimate: int
    false_positives: int
    share: Estimate
    ratio: Estimate

    def said(self) -> str:
        """The group and how it fares beside all others."""
        return (
            f"{self.attribute} {self.group}: {self.false_positives} of {self.legitimate}, {self.ratio.value:.1f} times "
            f"the others' (at least {self.ratio.low:.1f})"
        )


def worst_group(groups: Sequence[Subgroup]) -> Subgroup | None:
    """The group whose rate is provably most times that of all others; None where nobody was wrongly raised."""
    compared = [group for group in groups if not np.isnan(group.ratio.value)]
    return max(compared, key=lambda group: group.ratio.low, default=None)


def account_groups(accounts: pl.LazyFrame, line_key: npt.NDArray[np.int64], *, as_of: datetime) -> Groups:
    """Kind of plan and home area of lines, as known at `as_of`.

    Args:
        accounts: `tables.schemas.Accounts`.
        line_key: Shape (n,).
        as_of: The instant the lines are looked at.
    """
    wanted = pl.LazyFrame({"line_key": line_key})
    known = (
        wanted.join(current_accounts(accounts, as_of=as_of), on="line_key", how="left", maintain_order="left")
        .select(pl.col("plan_kind", "home_area").cast(pl.String).fill_null(UNKNOWN))
        .collect()
    )
    return {"plan": np.array(known["plan_kind"].to_list()), "area": np.array(known["home_area"].to_list())}


def tenure_groups(tenure_days: npt.NDArray[np.float32]) -> npt.NDArray[np.str_]:
    """The band of tenure of lines, such as `30 to 179 days`; shape (n,)."""
    bands = [f"{start} to {end - 1} days" for start, end in itertools.pairwise(AGE_BANDS_DAYS)]
    bands += [f"{AGE_BANDS_DAYS[-1]} days and more", UNKNOWN]
    known = np.isfinite(tenure_days)
    band = np.searchsorted(AGE_BANDS_DAYS, np.where(known, tenure_days, 0), side="right") - 1
    return np.array(bands)[np.where(known, band, len(bands) - 1)]


def subgroups(raised: Flags, fraud: Flags, groups: Groups) -> tuple[Subgroup, ...]:
    """Measure every group of every attribute, the smallest put together where there are more than `MOST_GROUPS`.

    Args:
        raised: Shape (n,); at or above `medium_low`.
        fraud: Shape (n,).
        groups: Group of every line, by attribute.
    """
    wrongly = raised[~fraud]
    split = {attribute: _together(group[~fraud]) for attribute, group in groups.items()}
    looks = sum(len(np.unique(group)) for group in split.values())
    return tuple(
        _measured(attribute, name, wrongly, group == name, looks)
        for attribute, group in split.items()
        for name in _ordered(np.unique(group).tolist())
    )


def _together(group: npt.NDArray[np.str_]) -> npt.NDArray[np.str_]:
    names, counts = np.unique(group, return_counts=True)
    if len(names) <= MOST_GROUPS:
        return group
    largest = names[np.argsort(-counts, kind="stable")[: MOST_GROUPS - 1]]
    return np.where(np.isin(group, largest), group, OTHERS)


def _ordered(names: Sequence[str]) -> list[str]:
    """By the number a name begins with, if it does; what is not a group of its own last."""

    def key(name: str) -> tuple[bool, int, str]:
        first = name.partition(" ")[0]
        return name in (OTHERS, UNKNOWN), int(first) if first.isdigit() else 0, name

    return sorted(names, key=key)


def _measured(attribute: str, name: str, wrongly: Flags, inside: Flags, looks: int) -> Subgroup:
    lines, hits = int(inside.sum()), int(wrongly[inside].sum())
    return Subgroup(
        attribute=attribute,
        group=name,
        legitimate=lines,
        false_positives=hits,
        share=share(hits, lines),
        ratio=_ratio(hits, lines, int(wrongly.sum()) - hits, len(wrongly) - lines, looks),
    )


def _ratio(hits: int, lines: int, other_hits: int, other_lines: int, looks: int) -> Estimate:
    nan = float("nan")
    if hits + other_hits == 0 or other_lines == 0:
        return Estimate(nan, nan, nan)
    low, high = clopper_pearson(hits, hits + other_hits, confidence=1 - (1 - _CONFIDENCE) / looks)

    def odds(chance: float) -> float:
        return float("inf") if chance == 1 else chance / (1 - chance) * other_lines / lines

    return Estimate(odds(hits / (hits + other_hits)), odds(low), odds(high))
