"""Weights of training rows by the trust in their label source, in one table.

A weight is the assumed share of correct findings. Calibration, cut points and metrics count every finding once, because
a probability is that of a finding, and the promise is about lines.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from linerisk.training.examples import Examples

Floats = npt.NDArray[np.float64]

NO_FINDING = "no_finding"
"""Source of lines without a finding."""


@dataclass(frozen=True, slots=True)
class SourceWeight:
    """Trust in one source, with the reason.

    Attributes:
        fraud: Weight of a row that it calls fraud; None where it never does.
        legitimate: Weight of a row that it calls legitimate; None where it never does.
        noise: What is known of its mistakes.
    """

    fraud: float | None
    legitimate: float | None
    noise: str


WEIGHTS: Mapping[str, SourceWeight] = {
    "random_audit": SourceWeight(1.0, 1.0, "a person looked, at lines that no complaint and no score had chosen"),
    "police": SourceWeight(1.0, 1.0, "a line named in a case; mistakes are rare and nobody has counted them"),
    "dispute_upheld": SourceWeight(1.0, 1.0, "a person looked again and found the same"),
    "dispute_cleared": SourceWeight(1.0, 1.0, "a person looked again and found nothing"),
    "verification_failed": SourceWeight(
        0.8, 0.8, "fails for forged papers, and for holders who did not come; assumed, not measured"
    ),
    "complaint": SourceWeight(
        0.6,
        0.6,
        "of 1,376 lines suspended on complaint an audit of papers failed 628 and passed 420: 60 % of those decided",
    ),
    "verification_passed": SourceWeight(
        0.8, 0.8, "right papers do not clear a line: cards are lent and sold; assumed, not measured"
    ),
    NO_FINDING: SourceWeight(
        None, 1.0, "most fraud is never reported; at 0.5 % prevalence some 3 in 1,000 of these rows are wrong"
    ),
}
"""By source. Where several agree on a line, its row names the first of them. The audit is first, so that audited rows
can be measured separately."""


def row_weights(examples: Examples) -> Floats | None:
    """Weight of each row, shape (n,), mean 1; None where no row has a source, as in a table that somebody brings.

    The mean is 1 so that the recipe's least rows and least hessian in a leaf keep their meaning.
    """
    if examples.source is None:
        return None
    weight = np.ones(len(examples))
    for source in np.unique(examples.source).tolist():
        believed = WEIGHTS[source]
        own = examples.source == source
        weight[own & examples.fraud] = 1.0 if believed.fraud is None else believed.fraud
        weight[own & ~examples.fraud] = 1.0 if believed.legitimate is None else believed.legitimate
    out: Floats = weight / weight.mean()
    return out


def describe_sources(examples: Examples) -> dict[str, dict[str, Any]]:
    """Rows and weight per source, for the record; only sources that occur, none where rows have no source."""
    if examples.source is None:
        return {}
    counted = {source: examples.source == source for source in WEIGHTS}
    return {
        source: {
            "fraud_rows": int((own & examples.fraud).sum()),
            "legitimate_rows": int((own & ~examples.fraud).sum()),
            "fraud_weight": WEIGHTS[source].fraud,
            "legitimate_weight": WEIGHTS[source].legitimate,
            "noise": WEIGHTS[source].noise,
        }
        for source, own in counted.items()
        if own.any()
    }


def summary_of_sources(examples: Examples) -> str:
    """Sources in one line: weight, fraud rows and legitimate rows of each."""
    parts = [
        f"{source} {kind} {found[f'{kind}_rows']:,} x {found[f'{kind}_weight']:g}"
        for source, found in describe_sources(examples).items()
        for kind in ("fraud", "legitimate")
        if found[f"{kind}_rows"]
    ]
    return "; ".join(parts) or "no sources: every row counts once"
