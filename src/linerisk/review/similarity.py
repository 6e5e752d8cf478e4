"""Similarity of two decisions: the share of their contributions by family that they have in common.

Both sides are log-odds by family, as in their records. Where a family raised both or lowered both, the smaller of its
two contributions is common; where it raised one and lowered the other, nothing is. A missing family counts as 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt


def similarities(contributions: Mapping[str, float], others: Sequence[Mapping[str, float]]) -> npt.NDArray[np.float64]:
    """Similarity of one decision to each of n others: 1 is the same, 0 has nothing in common.

    Args:
        contributions: Log-odds by family of the one.
        others: Log-odds by family of the n others.

    Returns:
        Shape (n,), from 0 to 1; 0 where neither side has contributions.

    >>> similarities({"contacts": 4.0, "places": 1.0}, [{"contacts": 4.0, "places": 1.0}, {"contacts": 2.0}]).tolist()
    [1.0, 0.5714285714285714]
    """
    families = sorted({*contributions, *(name for other in others for name in other)})
    own = np.array([contributions.get(name, 0.0) for name in families])
    rows = np.array([[other.get(name, 0.0) for name in families] for other in others]).reshape(
        len(others), len(families)
    )
    distance = np.abs(rows - own).sum(axis=1)
    total = np.abs(rows).sum(axis=1) + np.abs(own).sum()
    return np.where(total > 0, 1 - distance / np.where(total > 0, total, 1), 0.0)
