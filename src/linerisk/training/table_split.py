"""Splits a user's feature table into slices: by time if it has one, and never a group in two slices."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from linerisk.errors import EvidenceError
from linerisk.training.splits import slice_of

Keys = npt.NDArray[np.int64]
Instants = npt.NDArray[np.datetime64]
RowSlices = npt.NDArray[np.int8]

LEFT_OUT = -1
_SLICES = ("training", "calibration", "test")


def split_by_time(at: Instants, group: Keys | None, *, seed: int) -> RowSlices:
    """Slice of each row: the earliest rows train, the latest test, rows of one instant stay together.

    A group whose rows all lie in one period goes there. A group that spans periods is assigned at random, and its rows
    in other periods are left out: no group is in two slices, and each slice is later than the one before.

    Args:
        at: Shape (n,).
        group: Shape (n,); None where rows have nothing to do with each other.
        seed: Seed of the assignment.

    Returns:
        Shape (n,): 0, 1, 2, or `LEFT_OUT`.

    Raises:
        EvidenceError: There are too few different instants for three periods.
    """
    instants, inverse, counts = np.unique(at, return_inverse=True, return_counts=True)
    middle = (np.cumsum(counts) - counts / 2) / len(at)
    period = slice_of(middle)[inverse]
    if len(np.unique(period)) < len(_SLICES):
        raise EvidenceError(
            "the times of the table do not make three periods",
            expected="times spread so that 40 % of rows train, 30 % calibrate and 30 % test, each later",
            found=f"{len(instants)} different times, of which one has {counts.max() / len(at):.0%} of the rows",
            todo="give finer times, or leave out --time",
        )
    if group is None:
        return period
    groups, of = np.unique(group, return_inverse=True)
    first, last = np.full(len(groups), len(_SLICES)), np.full(len(groups), -1)
    np.minimum.at(first, of, period)
    np.maximum.at(last, of, period)
    drawn = slice_of(np.random.default_rng(seed).permutation(len(groups)) / len(groups))
    home = np.where(first == last, first, drawn)[of]
    return np.where(home == period, period, LEFT_OUT).astype(np.int8)


def split_by_group(group: Keys, *, seed: int) -> RowSlices:
    """Slice of each row, shape (n,), at random by group."""
    groups, of = np.unique(group, return_inverse=True)
    return slice_of(np.random.default_rng(seed).permutation(len(groups)) / len(groups))[of]


def latest_of_each(line_key: Keys, at: Instants) -> npt.NDArray[np.bool_]:
    """The latest row of each line, shape (n,): calibration and test count a line once."""
    order = np.lexsort((at, line_key))
    last = np.append(line_key[order][1:] != line_key[order][:-1], True)
    out = np.zeros(len(line_key), dtype=np.bool_)
    out[order[last]] = True
    return out
