"""Training examples, and the three slices they are split into."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from linerisk.errors import EvidenceError
from linerisk.model.risk_model import FeatureColumn

Rows = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]
Keys = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Examples:
    """Feature rows with their outcomes. Grain: one row per line, or per line and instant.

    Attributes:
        columns: What the columns of `rows` are, in order.
        rows: Shape (n, f), Float32; NaN where a feature is missing.
        fraud: Shape (n,); True if fraud in the observation window was established.
        line_key: Shape (n,); whose row it is.
        as_of: Shape (n,), UTC microseconds; None where the table has no time.
        source: Shape (n,), source of the label, or `label_weights.NO_FINDING`; None if the table has no sources.
    """

    columns: tuple[FeatureColumn, ...]
    rows: Rows
    fraud: Flags
    line_key: Keys
    as_of: npt.NDArray[np.datetime64] | None = None
    source: npt.NDArray[np.str_] | None = None

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.fraud)

    def take(self, chosen: Flags | npt.NDArray[np.intp]) -> Examples:
        """The rows where `chosen` is set, or at these positions."""
        return replace(
            self,
            rows=self.rows[chosen],
            fraud=self.fraud[chosen],
            line_key=self.line_key[chosen],
            as_of=None if self.as_of is None else self.as_of[chosen],
            source=None if self.source is None else self.source[chosen],
        )

    def without(self, dropped: Flags) -> Examples:
        """The same rows without the columns where `dropped` is set; shape (f,)."""
        kept = tuple(column for column, drop in zip(self.columns, dropped, strict=True) if not drop)
        return replace(self, columns=kept, rows=self.rows[:, ~dropped])

    def column(self, name: str) -> Rows:
        """One column, shape (n,)."""
        out: Rows = self.rows[:, [column.name for column in self.columns].index(name)]
        return out

    @property
    def prevalence(self) -> float:
        """Share of fraud rows."""
        return float(self.fraud.mean()) if len(self) else 0.0

    def legitimate_column_medians(self) -> tuple[FeatureColumn, ...]:
        """The columns with the median of legitimate rows as their typical value; None where all are missing."""
        columns, legitimate = [], ~self.fraud
        # One column after the other, because a copy of all rows would be the most that training holds in memory.
        for index, column in enumerate(self.columns):
            values = self.rows[:, index][legitimate]
            values = values[np.isfinite(values)]
            columns.append(replace(column, typical=float(np.median(values)) if len(values) else None))
        return tuple(columns)


@dataclass(frozen=True)
class Slices:
    """The training, calibration and test rows.

    Attributes:
        train: Fits the trees.
        calibration: Fits the calibration and gives the cut points; one row per line.
        test: Seen by the evaluation only; one row per line.
        how: Description of the split for the report.
    """

    train: Examples
    calibration: Examples
    test: Examples
    how: str

    def check(self, least: int = 10) -> None:
        """Check that each slice has enough of either kind.

        Raises:
            EvidenceError: A slice has fewer than `least` fraud or legitimate rows.
        """
        for name, part in (("training", self.train), ("calibration", self.calibration), ("test", self.test)):
            fraud = int(part.fraud.sum())
            if min(fraud, len(part) - fraud) < least:
                raise EvidenceError(
                    f"the {name} slice is too small",
                    expected=f"at least {least} fraud and {least} legitimate rows",
                    found=f"{fraud} fraud of {len(part)}",
                    todo="give more lines, more days, or more mature labels",
                )
