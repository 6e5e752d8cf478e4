"""Challenger against champion, on the same rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from linerisk.evaluation.metrics import Estimate, Floats, average_precision, bootstrap
from linerisk.model.risk_model import RiskModel
from linerisk.training.examples import Examples


@dataclass(frozen=True, slots=True)
class Comparison:
    """Challenger against champion on the same rows: difference of average precision, paired bootstrap."""

    champion: str
    champion_average_precision: float
    difference: Estimate


def compare(champion: RiskModel | None, test: Examples, margin: Floats) -> tuple[Comparison | None, str | None]:
    """The comparison, or why there can be none; neither where there is no champion.

    Args:
        champion: The model in use.
        test: Rows that both are measured on.
        margin: What the challenger says of them; shape (n,).
    """
    if champion is None:
        return None, None
    names = [column.name for column in test.columns]
    missing = [name for name in champion.feature_names if name not in names]
    if missing:
        return None, f"the champion needs columns that these rows do not have: {', '.join(missing[:5])}"
    rows = np.ascontiguousarray(test.rows[:, [names.index(name) for name in champion.feature_names]])
    theirs, fraud = champion.margin(rows), test.fraud
    difference = bootstrap(
        lambda r: average_precision(margin[r], fraud[r]) - average_precision(theirs[r], fraud[r]), fraud
    )
    return Comparison(champion.version, average_precision(theirs, fraud), difference), None
