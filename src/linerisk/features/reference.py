"""The reference: facts about other lines at one instant that features compare with; published with the snapshot.

A request holds its own lines only. The reference is computed once from all lines as known at `as_of`: the usual use per
segment, and the contacts of lines found fraudulent. Every runner uses the same reference.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
import polars as pl

from linerisk.errors import UsageError

Keys = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Found:
    """Lines found fraudulent, and the numbers that they had contact with.

    Attributes:
        lines: Keys of the lines, sorted.
        contacts: Keys of the numbers and of the lines themselves, sorted.
        by_found: How many of the lines had contact with each of them.
    """

    lines: Keys
    contacts: Keys
    by_found: Keys


@dataclass(frozen=True)
class Reference:
    """What is known of other lines.

    Attributes:
        as_of: The instant that it stands at.
        found: Lines found fraudulent by then, and whom they had contact with.
        by_any: How many lines in all had contact with each number of `found.contacts`.
        usual: The median of each compared feature (`segments`), Float64, null where too few lines have a value.
            Grain: one row per segment, in their order.
    """

    as_of: datetime
    found: Found
    by_any: Keys
    usual: pl.DataFrame


_FEW, _SOME = 10_000, 1_000


def positions(known: Keys, keys: Keys) -> npt.NDArray[np.intp]:
    """Index of each key among sorted keys; -1 for a missing key.

    Few keys are searched for, so that a request never pays for a large table; many are joined, in a quarter of the
    time.

    >>> positions(np.array([3, 5, 9]), np.array([5, 4, 10])).tolist()
    [1, -1, -1]
    """
    if len(known) == 0:
        return np.full(len(keys), -1, dtype=np.intp)
    if len(keys) > len(known) + _FEW:
        table = pl.LazyFrame({"key": known}).with_row_index("at")
        joined = pl.LazyFrame({"key": keys}).join(table, on="key", how="left", maintain_order="left")
        return joined.select(pl.col("at").cast(pl.Int64).fill_null(-1)).collect(engine="in-memory")["at"].to_numpy()
    found = np.empty(len(keys), dtype=np.intp)
    # Sorted keys are searched in one pass over the table.
    order = np.argsort(keys) if len(keys) > _SOME else slice(None)
    found[order] = known.searchsorted(keys[order])
    np.minimum(found, len(known) - 1, out=found)
    found[known[found] != keys] = -1
    return found


def not_from_later(reference: Reference | None, *, as_of: datetime) -> Reference | None:
    """The reference itself.

    Raises:
        UsageError: It stands at a later instant, and so knows what was not known at `as_of`.
    """
    if reference is not None and reference.as_of > as_of:
        raise UsageError(
            "the reference is from later",
            expected=f"one that stands at {as_of.isoformat()} or before",
            found=reference.as_of.isoformat(),
            field="as_of",
        )
    return reference
