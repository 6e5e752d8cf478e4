"""Exact tree SHAP of shallow trees by table look-up; the tables are built once, when the model is loaded.

What a leaf contributes to a feature depends on a row only through the nodes on the leaf's path: through which of them
send the row towards the leaf. A tree's leaves are taken in groups whose paths pass at most eight nodes, so that all of
a group's contributions are one table of at most 256 rows, and a line costs a comparison a node and a look-up a group.
Contributions are added group after group, always in the same order: a row has the same bits alone and among others.
They differ from LightGBM's, which walks leaf after leaf, in the last digits of a double only.

Of a leaf of value v, let feature j on its path have the zero fraction z_j (the product, over its nodes on the path, of
the share of training rows that went the path's way) and o_j = 1 where all its nodes send the row the path's way, else
0. The Shapley weight |S|! (d - |S| - 1)! / d! is the integral of t^|S| (1 - t)^(d - |S| - 1) over t from 0 to 1, so

    contribution of i = v (o_i - z_i) * integral of the product, over j other than i, of (z_j (1 - t) + o_j t) dt

a polynomial of degree d - 1 <= 7, which Gauss-Legendre quadrature with four points integrates exactly.

References:
    Lundberg et al. (2020), "From local explanations to global understanding with explainable AI for trees", Nature
    Machine Intelligence 2: path-dependent tree SHAP, the values that LightGBM's `pred_contrib` gives.
    Yang (2021), "Fast TreeSHAP: accelerating SHAP value computation for trees": a leaf's sums kept by pattern of o.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from linerisk.model.leaf_groups import DEEPEST, Group, leaf_groups

if TYPE_CHECKING:
    import lightgbm as lgb

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.float32]
Indices = npt.NDArray[np.intp]

_FEW_ROWS, _ROWS_AT_ONCE = 8, 1_000


class TreeShap:
    """Tree SHAP of one model's margins; the memory is a few megabytes, and fixed."""

    def __init__(self, groups: list[Group], features: int, base: float) -> None:
        """See `of`."""
        self._features, self._base = features, base
        # Bit by bit, so that the bits of all groups lie side by side. A missing node has the bit 0.
        self._asked = np.zeros((DEEPEST, len(groups)), dtype=np.intp)
        self._limit = np.full((DEEPEST, len(groups), 1), -np.inf, dtype=np.float32)
        for at, group in enumerate(groups):
            for bit, node in enumerate(group.nodes):
                self._asked[bit, at] = group.tree.column[node] + (features if group.tree.missing_left[node] else 0)
                self._limit[bit, at] = group.tree.limit[node]
        self._columns = [group.columns for group in groups]
        self._first = np.concatenate([[0], np.cumsum([1 << len(group.nodes) for group in groups])]).astype(np.intp)
        self._known = np.ascontiguousarray(_tables(groups, self._first).T)
        # For single rows: table index of each value without the row's pattern, and its column.
        width = self._known.shape[1]
        self._slots = np.concatenate([[0], *([np.arange(len(columns)) * width for columns in self._columns])])[1:]
        self._of = np.repeat(np.arange(len(groups)), [len(columns) for columns in self._columns])
        self._flat_columns = np.concatenate([[0], *self._columns]).astype(np.intp)[1:]

    @classmethod
    def of(cls, booster: lgb.Booster) -> TreeShap | None:
        """For a binary model; None where a tree is deeper than `DEEPEST`, splits by category or takes 0 for missing."""
        groups = leaf_groups(booster)
        if groups is None:
            return None
        features = booster.num_feature()
        # The mean margin does not depend on the row.
        base = np.asarray(booster.predict(np.zeros((1, features)), pred_contrib=True, num_threads=1))
        return cls(groups, features, float(base[0, -1]))

    def values(self, rows: Rows) -> Floats:
        """Contributions of rows of shape (n, features), shape (n, features + 1); the last column is the base."""
        out = np.empty((len(rows), self._features + 1))
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            out[start : start + _ROWS_AT_ONCE] = self._sums(rows[start : start + _ROWS_AT_ONCE])
        out[:, -1] = self._base
        return out

    def _sums(self, rows: Rows) -> Floats:
        """Contributions of rows, shape (n, features + 1); 0 for the base."""
        at = self._ways(rows) + self._first[:-1, None]
        if len(rows) <= _FEW_ROWS:
            known = self._known.ravel()
            values = [known.take(places.take(self._of) + self._slots) for places in at.T]
            least = self._features + 1
            return np.array([np.bincount(self._flat_columns, weights=row, minlength=least) for row in values])
        out = np.zeros((self._features + 1, len(rows)))
        for group, columns in zip(at, self._columns, strict=True):
            for slot, column in enumerate(columns):
                out[column] += self._known[slot].take(group)
        return out.T

    def _ways(self, rows: Rows) -> npt.NDArray[np.uint8]:
        """Pattern of each group's nodes for each row, one bit per node; shape (groups, n).

        A node says yes where a value is at most its limit, which a missing value never is. Where missing values go
        left, it is asked of the negative value whether the row goes right.
        """
        signed = np.concatenate([rows.T, -rows.T])
        says = np.empty((len(self._columns), len(rows)), dtype=np.bool_)
        out = np.zeros(says.shape, dtype=np.uint8)
        for bit, (asked, limit) in enumerate(zip(self._asked, self._limit, strict=True)):
            np.less_equal(signed.take(asked, axis=0), limit, out=says)
            out |= says.view(np.uint8) << np.uint8(bit)
        return out


def _tables(groups: list[Group], first: Indices) -> Floats:
    """Contribution of each group to each of its columns, by path pattern; shape (patterns of all groups, `DEEPEST`)."""
    leaves = [leaf for group in groups for leaf in group.leaves]
    features = np.array([len(leaf.zero) for leaf in leaves])
    found: dict[int, tuple[Floats, npt.NDArray[np.uint8]]] = {}
    for count in np.unique(features).tolist():
        alike = np.nonzero(features == count)[0].tolist()
        value, zero, passed, yes = (
            np.array([getattr(leaves[at], name) for at in alike]) for name in ("value", "zero", "passed", "yes")
        )
        towards = (np.arange(1 << DEEPEST) & passed[:, :, None]) == yes[:, :, None]
        pattern = np.packbits(towards, axis=1, bitorder="little")[:, 0]
        found |= zip(alike, zip(_by_pattern(value, zero), pattern, strict=True), strict=True)
    out = np.zeros((int(first[-1]), DEEPEST))
    at = 0
    for group, start, end in zip(groups, first[:-1], first[1:], strict=True):
        for leaf in group.leaves:
            by_pattern, pattern = found[at]
            out[start:end, leaf.slot] += by_pattern[pattern[: end - start]]
            at += 1
    return out


def _by_pattern(value: Floats, zero: Floats) -> Floats:
    """Contributions of leaves for each pattern of `o`, bit j for feature j.

    Args:
        value: Shape (leaves,).
        zero: Zero fractions, shape (leaves, d), above zero.

    Returns:
        Shape (leaves, 2^d, d).
    """
    features = zero.shape[1]
    towards = (np.arange(1 << features)[:, None] >> np.arange(features)) & 1
    points, weights = np.polynomial.legendre.leggauss(DEEPEST // 2)
    t, weights = (points + 1) / 2, weights / 2
    factor = zero[:, None, :, None] * (1 - t) + towards[:, :, None] * t
    others = factor.prod(axis=2, keepdims=True) / factor
    out: Floats = value[:, None, None] * (towards - zero[:, None, :]) * (others * weights).sum(axis=3)
    return out
