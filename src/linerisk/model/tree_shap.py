"""Tree SHAP of many rows, each way through a tree worked out once.

What a row's features contribute in one tree depends only on which way the row goes at each of the tree's nodes. Compact
trees have few nodes, and lines go few ways through each, so LightGBM is asked once for each way and the answer kept: a
row then costs as many look-ups as there are trees. Summed tree after tree, always in the same order, a row gives the
same bits alone and among others, before and after its ways were known. Sums differ from those of LightGBM, which adds
leaf after leaf, in the last digits of a double only.

References:
    Lundberg et al. (2020), "From local explanations to global understanding with explainable AI for trees", Nature
    Machine Intelligence 2, algorithm 2: a row enters the recursion only by the branch that it takes at a node.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.float32]

MOST_NODES = 14
"""Of a tree; one with more has too many ways to keep an index of."""
_MOST_WAYS = 500_000
"""Kept at once, some fifty megabytes; then it begins anew."""
_FEW_ROWS, _ROWS_AT_ONCE = 8, 1_000
_CATEGORICAL, _DEFAULT_LEFT, _MISSING_ZERO, _MISSING_NAN = 1, 2, 1, 2
"""Bits of LightGBM's `decision_type`; the kind of missing value stands in bits 2 and 3. See its `tree.h`."""


@dataclass(frozen=True)
class _Nodes:
    """Nodes of all trees, padded to `MOST_NODES` each, flat.

    Attributes:
        column: Column that is asked for.
        threshold: Left where a value is at most this.
        missing_left: Whether a missing value goes left.
        used: Shape (trees, most columns of one). Columns of each tree, each once; padded with the number of columns.
    """

    column: npt.NDArray[np.intp]
    threshold: Floats
    missing_left: npt.NDArray[np.bool_]
    used: npt.NDArray[np.intp]


class _Kept:
    """What is known: contributions by tree and way."""

    def __init__(self, trees: int, width: int) -> None:
        self.at = np.full((trees, 1 << MOST_NODES), -1, dtype=np.int32)
        self.values: Floats = np.zeros((1024, width))
        self.count = 0

    def add(self, tree: int, ways: npt.NDArray[np.integer], values: Floats) -> None:
        """Values first, then where they stand: whoever looks meanwhile finds all of a way or nothing."""
        end = self.count + len(ways)
        if end > len(self.values):
            larger = np.zeros((max(2 * len(self.values), end), self.values.shape[1]))
            larger[: self.count] = self.values[: self.count]
            self.values = larger
        self.values[self.count : end] = values
        self.at[tree, ways] = np.arange(self.count, end)
        self.count = end


class TreeShap:
    """Tree SHAP of one model's margins.

    Args:
        booster: Binary, with trees that `fits` takes.
    """

    def __init__(self, booster: lgb.Booster) -> None:
        self._booster = booster
        self._columns = booster.num_feature()
        nodes = _read(booster)
        if nodes is None:
            raise ValueError("the trees are not compact")
        self._nodes = nodes
        self._trees = len(nodes.used)
        self._each = np.arange(self._trees)
        self._kept = _Kept(self._trees, nodes.used.shape[1])
        self._filling = threading.Lock()
        # The mean margin does not depend on the row.
        self._base = float(booster.predict(np.zeros((1, self._columns)), pred_contrib=True, num_threads=1)[0, -1])

    @classmethod
    def of(cls, booster: lgb.Booster) -> TreeShap | None:
        """For these trees; None where some tree has too many nodes, or asks for categories or for zero as missing."""
        return cls(booster) if booster.num_trees() and _read(booster) is not None else None

    def values(self, rows: Rows) -> Floats:
        """Contributions of rows of shape (n, columns), shape (n, columns + 1); the last column is the base."""
        out = np.zeros((len(rows), self._columns + 1))
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            self._add(rows[start : start + _ROWS_AT_ONCE], out[start : start + _ROWS_AT_ONCE])
        return out

    def _add(self, rows: Rows, out: Floats) -> None:
        """Add the contributions of rows to zeros."""
        ways = self._ways(rows)
        kept = self._kept
        at = kept.at[self._each, ways]
        if (at < 0).any():
            kept, at = self._filled(rows, ways)
        known, used = kept.values, self._nodes.used
        if len(rows) <= _FEW_ROWS:
            for row, places in enumerate(at):
                weights = known[places].ravel()
                out[row] = np.bincount(used.ravel(), weights=weights, minlength=self._columns + 1)
        else:
            for tree, columns in enumerate(used):
                width = int(np.searchsorted(columns, self._columns))
                out[:, columns[:width]] += known[at[:, tree], :width]
        out[:, -1] = self._base

    def _ways(self, rows: Rows) -> npt.NDArray[np.uint16]:
        """Which way each row goes through each tree, one bit a node; shape (n, trees)."""
        nodes = self._nodes
        asked = rows[:, nodes.column]
        left = asked <= nodes.threshold
        missing = np.isnan(asked)
        if missing.any():
            left |= missing & nodes.missing_left
        bits = np.packbits(left.reshape(len(rows), self._trees, -1), axis=2, bitorder="little")
        return np.ascontiguousarray(bits).view("<u2")[:, :, 0]

    def _filled(self, rows: Rows, ways: npt.NDArray[np.uint16]) -> tuple[_Kept, npt.NDArray[np.int32]]:
        """What is known, once the ways of these rows are, and where they stand."""
        with self._filling:
            if self._kept.count > _MOST_WAYS:
                self._kept = _Kept(self._trees, self._nodes.used.shape[1])
            kept = self._kept
            missing = kept.at[self._each, ways] < 0
            for tree in np.nonzero(missing.any(axis=0))[0].tolist():
                unknown = np.nonzero(missing[:, tree])[0]
                new, first = np.unique(ways[unknown, tree], return_index=True)
                found = np.asarray(
                    self._booster.predict(
                        rows[unknown[first]], pred_contrib=True, start_iteration=tree, num_iteration=1, num_threads=1
                    )
                )
                columns = self._nodes.used[tree]
                values = np.zeros((len(new), len(columns)))
                own = columns < self._columns
                values[:, own] = found[:, columns[own]]
                kept.add(tree, new, values)
            return kept, kept.at[self._each, ways]


def _read(booster: lgb.Booster) -> _Nodes | None:
    """The nodes of a model from its text; None where they are not of the simple kind."""
    trees = [_fields(block) for block in booster.model_to_string().split("\nTree=")[1:]]
    size = (len(trees), MOST_NODES + 2)
    column, missing_left = np.zeros(size, dtype=np.intp), np.zeros(size, dtype=bool)
    # A node that is not there is never left.
    threshold = np.full(size, -np.inf)
    used: list[npt.NDArray[np.intp]] = []
    for tree, fields in enumerate(trees):
        columns = np.array(fields.get("split_feature", "").split(), dtype=np.intp)
        limits = np.array(fields.get("threshold", "").split(), dtype=np.float64)
        kind = np.array(fields.get("decision_type", "").split(), dtype=np.intp)
        missing = (kind >> 2) & 3
        if len(columns) > MOST_NODES or (kind & _CATEGORICAL).any() or (missing == _MISSING_ZERO).any():
            return None
        column[tree, : len(columns)] = columns
        threshold[tree, : len(columns)] = limits
        # A missing value that no training row had is taken for 0.
        own_way = np.where(missing == _MISSING_NAN, (kind & _DEFAULT_LEFT) > 0, limits >= 0.0)
        missing_left[tree, : len(columns)] = own_way
        used.append(np.unique(columns))
    width = max([1, *map(len, used)])
    padded = np.full((len(trees), width), booster.num_feature(), dtype=np.intp)
    for tree, columns in enumerate(used):
        padded[tree, : len(columns)] = columns
    return _Nodes(column.ravel(), threshold.ravel(), missing_left.ravel(), padded)


def _fields(block: str) -> dict[str, str]:
    """`name=value` lines of one tree."""
    lines = block.split("\n\n", 1)[0].split("\n")
    return dict(line.split("=", 1) for line in lines if "=" in line)
