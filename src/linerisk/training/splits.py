"""Splits by time and by line, with room for labels to mature in between.

    train dates ... | gap | calibration date | gap | test date | label maturity | as_of

No line is in two slices, and each later slice stands at a later date: a model is judged on lines that it never saw, at
a time after everything it learnt from.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
import numpy.typing as npt

from linerisk.errors import EvidenceError
from linerisk.features.stages import OBSERVATION

TRAIN_SHARE = 0.4
CALIBRATION_SHARE = 0.3
"""Shares of lines in the training and calibration slices; the rest tests."""


@dataclass(frozen=True, slots=True)
class SplitPlan:
    """The instants at which lines are looked at.

    Attributes:
        train_at: Instants of the training slice, latest first.
        calibration_at: Instant of the calibration slice.
        test_at: Instant of the test slice.
        as_of: When we train: only labels known by then exist.
    """

    train_at: tuple[datetime, ...]
    calibration_at: datetime
    test_at: datetime
    as_of: datetime

    @property
    def instants(self) -> tuple[datetime, ...]:
        """All instants, earliest first."""
        return tuple(sorted({*self.train_at, self.calibration_at, self.test_at}))

    def describe(self) -> str:
        """The split in words.

        Returns:
            One sentence with the dates.
        """
        train = ", ".join(f"{instant:%Y-%m-%d}" for instant in sorted(self.train_at))
        return (
            f"split by time and by line: trained at {train}; calibrated at {self.calibration_at:%Y-%m-%d}; "
            f"tested at {self.test_at:%Y-%m-%d}, with labels known by {self.as_of:%Y-%m-%d}; no line in two slices"
        )


def plan_splits(
    *,
    first_day: date,
    as_of: datetime,
    label_maturity: timedelta = timedelta(days=28),
    gap: timedelta = timedelta(days=14),
    step: timedelta = timedelta(days=7),
    most_train_dates: int = 3,
) -> SplitPlan:
    """Lay the slices out backwards from `as_of`.

    Args:
        first_day: First day with records.
        as_of: When we train.
        label_maturity: How long labels are given to come in after the test instant.
        gap: Time between slices.
        step: Time between training instants.
        most_train_dates: Training instants at most; a line that stays the same teaches little more.

    Raises:
        EvidenceError: The records do not reach back to one training instant with a whole observation window.
    """
    test_at = as_of - label_maturity
    calibration_at = test_at - gap
    start = datetime.combine(first_day, datetime.min.time(), tzinfo=as_of.tzinfo) + OBSERVATION
    train_at = tuple(calibration_at - gap - step * back for back in range(most_train_dates))
    usable = tuple(instant for instant in train_at if instant >= start)
    if not usable:
        needed = label_maturity + 2 * gap + OBSERVATION
        raise EvidenceError(
            "the records do not reach back far enough to train and test at different times",
            expected=f"records from {(as_of - needed):%Y-%m-%d} or earlier ({needed.days} days before as_of)",
            found=f"records from {first_day}",
            todo="ingest earlier records, or train at a later --as-of",
        )
    return SplitPlan(train_at=usable, calibration_at=calibration_at, test_at=test_at, as_of=as_of)


def line_position(line_key: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Where in [0, 1) a line falls, always the same; shape (n,).

    Keys are hashes already, but buckets use their high digits: mixing makes this one independent of those.
    """
    golden = np.uint64(0x9E3779B97F4A7C15)
    with np.errstate(over="ignore"):
        mixed = line_key.astype(np.uint64) * golden
        mixed = (mixed ^ (mixed >> np.uint64(29))) * golden
    return (mixed >> np.uint64(11)).astype(np.float64) / float(2**53)


def slice_of(position: npt.NDArray[np.float64]) -> npt.NDArray[np.int8]:
    """0 for training, 1 for calibration, 2 for test; shape (n,)."""
    return ((position >= TRAIN_SHARE).astype(np.int8) + (position >= TRAIN_SHARE + CALIBRATION_SHARE)).astype(np.int8)
