"""The trees of a model as LightGBM's text gives them, their leaves in groups whose paths pass at most eight nodes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import lightgbm as lgb

Floats = npt.NDArray[np.float64]

DEEPEST = 8
"""Nodes on a path at most: what a group's nodes say of a row is one byte."""
_CATEGORICAL, _DEFAULT_LEFT, _MISSING_ZERO, _MISSING_NAN = 1, 2, 1, 2
"""Bits of LightGBM's `decision_type`; the kind of missing value stands in bits 2 and 3. See its `tree.h`."""


@dataclass(frozen=True)
class Tree:
    """One tree as LightGBM's text gives it; a child below zero is leaf `~child`.

    Attributes:
        column: Feature that each node asks for.
        limit: Of the value where missing values go right, else of its negative: see `TreeShap._ways`.
        missing_left: Whether missing values go left.
        below: Nodes at or below each node.
    """

    column: list[int]
    limit: list[float]
    missing_left: list[bool]
    children: list[tuple[int, int]]
    rows: list[int]
    leaf_value: list[float]
    leaf_rows: list[int]
    below: list[set[int]]


@dataclass(frozen=True)
class Leaf:
    """A leaf's part in its group.

    Attributes:
        value: In log-odds.
        zero: Zero fraction of each feature on the path.
        slot: Where each of them stands among the group's columns.
        passed: Nodes of each of them on the path, as bits of the group.
        yes: Those of them that say yes where a row goes the path's way.
    """

    value: float
    zero: list[float]
    slot: list[int]
    passed: list[int]
    yes: list[int]


@dataclass
class Group:
    """Leaves whose paths pass at most `DEEPEST` nodes of one tree."""

    tree: Tree
    nodes: list[int]
    columns: list[int]
    leaves: list[Leaf] = field(default_factory=list)


def leaf_groups(booster: lgb.Booster) -> list[Group] | None:
    """Leaves of all trees in groups; None where a tree is not of the kind that can be looked up."""
    out: list[Group] = []
    for block in booster.model_to_string().split("\nTree=")[1:]:
        fields = dict(line.split("=", 1) for line in block.split("\n\n", 1)[0].split("\n") if "=" in line)
        if int(fields["num_leaves"]) == 1:
            continue  # the same for every row, so it is part of the base
        tree = _tree(fields)
        if tree is None or not _gather(tree, 0, [], out):
            return None
    return out


def _tree(fields: dict[str, str]) -> Tree | None:
    def whole(name: str) -> list[int]:
        return [int(word) for word in fields[name].split()]

    kinds, threshold = whole("decision_type"), [float(word) for word in fields["threshold"].split()]
    leaf_rows = whole("leaf_count")
    if any(kind & _CATEGORICAL or (kind >> 2) & 3 == _MISSING_ZERO for kind in kinds) or min(leaf_rows) < 1:
        return None
    # A missing value that no training row had is taken for 0.
    missing_left = [
        kind & _DEFAULT_LEFT > 0 if (kind >> 2) & 3 == _MISSING_NAN else limit >= 0.0
        for kind, limit in zip(kinds, threshold, strict=True)
    ]
    limits = _largest_at_most(np.array(threshold))
    # x > t is the same as -x <= the largest number below -t.
    over = np.nextafter(-limits, np.float32(-np.inf))
    children = list(zip(whole("left_child"), whole("right_child"), strict=True))
    return Tree(
        column=whole("split_feature"),
        limit=np.where(missing_left, over, limits).tolist(),
        missing_left=missing_left,
        children=children,
        rows=whole("internal_count"),
        leaf_value=[float(word) for word in fields["leaf_value"].split()],
        leaf_rows=leaf_rows,
        below=_below(children),
    )


def _largest_at_most(threshold: Floats) -> npt.NDArray[np.float32]:
    """The largest value of a row that is not above each threshold."""
    near = threshold.astype(np.float32)
    return np.where(near > threshold, np.nextafter(near, np.float32(-np.inf)), near)


def _below(children: list[tuple[int, int]]) -> list[set[int]]:
    """Of each node, itself and those below. LightGBM numbers a node before its children."""
    out: list[set[int]] = [set() for _ in children]
    for node in reversed(range(len(children))):
        out[node] = {node}.union(*(out[child] for child in children[node] if child >= 0))
    return out


def _gather(tree: Tree, node: int, path: list[tuple[int, bool]], out: list[Group]) -> bool:
    """Group the leaves below a node, from the left; False if a path is too long.

    Args:
        tree: Of which.
        node: Below which; a leaf if negative.
        path: Nodes above, each with whether the way went left.
        out: The groups so far.
    """
    nodes = {above for above, _ in path} | (tree.below[node] if node >= 0 else set())
    if len(nodes) > DEEPEST:
        if node < 0:
            return False
        left, right = tree.children[node]
        return _gather(tree, left, [*path, (node, True)], out) and _gather(tree, right, [*path, (node, False)], out)
    group = Group(tree, sorted(nodes), sorted({tree.column[of] for of in nodes}))
    _collect_leaves(group, node, path)
    out.append(group)
    return True


def _collect_leaves(group: Group, node: int, path: list[tuple[int, bool]]) -> None:
    """Add the leaves at or below a node to its group, from the left."""
    tree = group.tree
    if node >= 0:
        for child, left in zip(tree.children[node], (True, False), strict=True):
            _collect_leaves(group, child, [*path, (node, left)])
        return
    columns = list(dict.fromkeys(tree.column[above] for above, _ in path))
    zero, passed, yes = [1.0] * len(columns), [0] * len(columns), [0] * len(columns)
    for (above, left), (next_down, _) in zip(path, [*path[1:], (node, False)], strict=True):
        at, bit = columns.index(tree.column[above]), 1 << group.nodes.index(above)
        rows = tree.rows[next_down] if next_down >= 0 else tree.leaf_rows[~next_down]
        zero[at] *= rows / tree.rows[above]
        passed[at] |= bit
        yes[at] |= bit if left != tree.missing_left[above] else 0
    slots = [group.columns.index(column) for column in columns]
    group.leaves.append(Leaf(tree.leaf_value[~node], zero, slots, passed, yes))
