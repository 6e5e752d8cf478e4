"""How alike two decisions are: of all that families of features added or took away, the share that is in both.

Both sides are log-odds by family, as their records keep them. Where a family raised both, the smaller of its two
contributions is in both; where it raised one and lowered the other, nothing of it is. A family that one side does not
have counts as 0 there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt


def likeness(contributions: Mapping[str, float], others: Sequence[Mapping[str, float]]) -> npt.NDArray[np.float64]:
    """How alike one decision is to each of others: 1 is the same, 0 has nothing in common.

    Args:
        contributions: Log-odds by family.
        others: Of n decisions.

    Returns:
        Shape (n,), from 0 to 1; 0 where neither side has anything.

    >>> likeness({"contacts": 4.0, "places": 1.0}, [{"contacts": 4.0, "places": 1.0}, {"contacts": 2.0}]).tolist()
    [1.0, 0.5714285714285714]
    """
    families = sorted({*contributions, *(name for other in others for name in other)})
    own = np.array([contributions.get(name, 0.0) for name in families])
    rows = np.array([[other.get(name, 0.0) for name in families] for other in others]).reshape(
        len(others), len(families)
    )
    apart = np.abs(rows - own).sum(axis=1)
    whole = np.abs(rows).sum(axis=1) + np.abs(own).sum()
    return np.where(whole > 0, 1 - apart / np.where(whole > 0, whole, 1), 0.0)
