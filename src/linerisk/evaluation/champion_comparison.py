"""Difference of average precision between challenger and champion on the same rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from linerisk.evaluation.metrics import Estimate, Floats, average_precision, bootstrap
from linerisk.model.risk_model import RiskModel
from linerisk.training.examples import Examples


@dataclass(frozen=True, slots=True)
class Comparison:
    """Average precision, challenger minus champion, with the interval of a paired bootstrap."""

    champion: str
    champion_average_precision: float
    difference: Estimate


def compare_with_champion(
    champion: RiskModel | None, test: Examples, margin: Floats
) -> tuple[Comparison | None, str | None]:
    """The comparison, or the reason why it is impossible; two Nones without a champion.

    Args:
        champion: The live model.
        test: Rows that both are measured on.
        margin: The challenger's margins of these rows; shape (n,).
    """
    if champion is None:
        return None, None
    names = [column.name for column in test.columns]
    missing = [name for name in champion.feature_names if name not in names]
    if missing:
        return None, f"the champion needs columns that these rows lack: {', '.join(missing[:5])}"
    rows = np.ascontiguousarray(test.rows[:, [names.index(name) for name in champion.feature_names]])
    champion_margin, fraud = champion.margin(rows), test.fraud
    difference = bootstrap(
        lambda r: average_precision(margin[r], fraud[r]) - average_precision(champion_margin[r], fraud[r]), fraud
    )
    return Comparison(champion.version, average_precision(champion_margin, fraud), difference), None
