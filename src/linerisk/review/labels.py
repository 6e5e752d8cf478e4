"""Labels from disputes, in the format that the intake reads and training learns from."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from linerisk.errors import UsageError
from linerisk.review.queries import DisputeQueries
from linerisk.review.transitions import State

# Lowered and inconclusive give no label: neither says whether the line is fraud.
LABELS = {State.CLEARED: ("legitimate", "dispute_cleared"), State.UPHELD: ("fraud", "dispute_upheld")}
_SCHEMA = {
    "line_id": pl.String(),
    "label": pl.String(),
    "source": pl.String(),
    "occurred_at": pl.Datetime("us", "UTC"),
    "known_at": pl.Datetime("us", "UTC"),
}
_PAGE = 1_000


def labels(disputes: DisputeQueries) -> pl.DataFrame:
    """Labels of all disputes that were cleared or upheld. Grain: one row per dispute, in the order in which they ended.

    Returns:
        The contract's columns of labels. `occurred_at` is the `as_of` of the disputed decision, at most `known_at`,
        which is when the dispute ended. No nulls.
    """
    rows: list[tuple[object, ...]] = []
    after = 0
    while page := disputes.cleared_or_upheld(after=after, limit=_PAGE):
        after = page[-1][0]
        for _, dispute in page:
            known_at = dispute.changed_at
            rows.append((dispute.line_id, *LABELS[dispute.state], min(dispute.as_of, known_at), known_at))
    return pl.DataFrame(rows, schema=_SCHEMA, orient="row")


def write_labels(disputes: DisputeQueries, out: Path) -> int:
    """Write the labels to a file that `linerisk ingest` reads; returns how many.

    Raises:
        UsageError: The file is neither CSV nor Parquet.
    """
    found = labels(disputes)
    if out.suffix == ".parquet":
        found.write_parquet(out)
    elif out.suffix == ".csv":
        found.write_csv(out, datetime_format="%Y-%m-%dT%H:%M:%S%.6fZ")
    else:
        raise UsageError(
            "labels cannot be written in this format",
            expected="a name ending in .csv or .parquet",
            found=out.name,
            todo="give the file a name with such an ending",
        )
    return found.height
