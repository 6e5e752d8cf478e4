"""What was found about lines in disputes, as labels that the intake reads and training learns from."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from linerisk.errors import UsageError
from linerisk.review.queries import Reading
from linerisk.review.transitions import State

# A tier that was too high says nothing of who the line is, nor does what could not be told: neither is a label.
LABELS = {State.CLEARED: ("legitimate", "dispute_cleared"), State.UPHELD: ("fraud", "dispute_upheld")}
_SCHEMA = {
    "line_id": pl.String(),
    "label": pl.String(),
    "source": pl.String(),
    "occurred_at": pl.Datetime("us", "UTC"),
    "known_at": pl.Datetime("us", "UTC"),
}
_PAGE = 1_000


def labels(desk: Reading) -> pl.DataFrame:
    """Labels of all disputes that were cleared or upheld. Grain: one row per dispute, in the order of their ending.

    Returns:
        The contract's columns of labels. `occurred_at` is when the disputed evidence stood, `known_at` when the dispute
        ended. No nulls.
    """
    rows: list[tuple[object, ...]] = []
    after = 0
    while page := desk.decided(after=after, limit=_PAGE):
        after = page[-1][0]
        for _, dispute in page:
            known_at = dispute.changed_at
            rows.append((dispute.line_id, *LABELS[dispute.state], min(dispute.as_of, known_at), known_at))
    return pl.DataFrame(rows, schema=_SCHEMA, orient="row")


def write_labels(desk: Reading, out: Path) -> int:
    """Write the labels to a file that `linerisk ingest` reads; how many.

    Raises:
        UsageError: The file is neither CSV nor Parquet.
    """
    found = labels(desk)
    if out.suffix == ".parquet":
        found.write_parquet(out)
    elif out.suffix == ".csv":
        found.write_csv(out, datetime_format="%Y-%m-%dT%H:%M:%S%.6fZ")
    else:
        raise UsageError(
            "the file has another format",
            expected="a name ending in .csv or .parquet",
            found=out.name,
            todo="give the file such a name",
        )
    return found.height
